// SPDX-License-Identifier: Apache-2.0

#include "tpm/idle_watch.h"

#include <utility>

namespace signer::tpm {

IdleWatch::IdleWatch(std::chrono::milliseconds idle_max, std::function<void()> on_idle)
    : idle_max_(idle_max), on_idle_(std::move(on_idle)), thread_([this] { run(); }) {}

IdleWatch::~IdleWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void IdleWatch::touch() {
  {
    const std::lock_guard lock(mutex_);
    const bool watched = used_at_.has_value();
    used_at_ = std::chrono::steady_clock::now();
    if (watched) return;  // the thread wakes at the old time and finds the new one
  }
  changed_.notify_all();
}

void IdleWatch::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || used_at_; });
    if (stopping_) return;
    const SteadyTime due = *used_at_ + idle_max_;
    if (changed_.wait_until(lock, due, [this] { return stopping_; })) return;
    if (*used_at_ + idle_max_ != due) continue;
    used_at_.reset();
    lock.unlock();
    on_idle_();
    lock.lock();
  }
}

}  // namespace signer::tpm
