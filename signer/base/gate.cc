// SPDX-License-Identifier: Apache-2.0

#include "base/gate.h"

namespace signer {

Gate::Pass Gate::share(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline, [this] { return !taken_ && waiting_alone_.empty(); })) return {};
  ++inside_;
  return {this, false};
}

Gate::Pass Gate::alone(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  const auto place = waiting_alone_.emplace(waiting_alone_.end());
  const auto is_my_turn = [this, place] { return !taken_ && inside_ == 0 && waiting_alone_.begin() == place; };
  const bool free = changed_.wait_until(lock, deadline, is_my_turn);
  waiting_alone_.erase(place);
  if (!free) {
    changed_.notify_all();  // those whom our waiting held back
    return {};
  }
  taken_ = true;
  return {this, true};
}

Gate::Pass::~Pass() {
  if (gate_ == nullptr) return;
  const std::lock_guard lock(gate_->mutex_);
  if (alone_) {
    gate_->taken_ = false;
    gate_->changed_.notify_all();
  } else if (--gate_->inside_ == 0 && !gate_->waiting_alone_.empty()) {
    gate_->changed_.notify_all();
  }
}

}  // namespace signer
