// SPDX-License-Identifier: Apache-2.0

#include "anchor/anchors.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"

namespace signer::anchor {

namespace {

constexpr std::chrono::seconds kLastDelivery{3};

std::string name_of(const config::Anchor& anchor) {
  if (!anchor.command.empty()) return anchor.command.front();
  return anchor.syslog ? "syslog" : anchor.file;
}

}  // namespace

struct Anchors::Worker {
  config::Anchor anchor;
  Patience patience;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::string> waiting;  // the newest note that was not delivered
  bool delivering = false;
  bool ending = false;
  bool ended = false;
  std::atomic<std::uint64_t> failures{0};

  // Until it is to end and nothing new waits.
  void run() {
    std::chrono::milliseconds pause{0};
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return ending || waiting; });
      if (pause.count() > 0) changed.wait_for(lock, pause, [this] { return ending; });
      if (!waiting) break;
      const std::string note = *std::exchange(waiting, std::nullopt);
      lock.unlock();
      const auto delivered = deliver(anchor, note);
      lock.lock();
      pause = delivered ? succeeded(pause) : failed(delivered.error(), pause);
      if (!delivered && !waiting) waiting = note;
      if (!delivered && ending) break;
    }
    ended = true;
    lock.unlock();
    changed.notify_all();
  }

  std::chrono::milliseconds succeeded(std::chrono::milliseconds before) const {
    if (before.count() > 0) log::info("audit_anchor_recovered", {{"anchor", name_of(anchor)}});
    return std::chrono::milliseconds(0);
  }

  std::chrono::milliseconds failed(const Error& error, std::chrono::milliseconds before) {
    ++failures;
    const auto pause = before.count() == 0 ? patience.first : std::min(2 * before, patience.longest);
    log::warn("audit_anchor_failed",
              {{"anchor", name_of(anchor)}, {"reason", error.text}, {"again_in_ms", pause.count()}});
    return pause;
  }
};

Anchors::Anchors(const std::vector<config::Anchor>& anchors, Patience patience) {
  for (const config::Anchor& anchor : anchors) {
    auto worker = std::make_shared<Worker>();
    worker->anchor = anchor;
    worker->patience = patience;
    workers_.push_back(worker);
    // Not joined: a write to a mount that is gone may never return.  The thread shares what it uses.
    std::thread([worker] { worker->run(); }).detach();
  }
}

Anchors::~Anchors() {
  for (const auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    worker->ending = true;
    worker->changed.notify_all();
  }
  const auto deadline = std::chrono::steady_clock::now() + kLastDelivery;
  for (const auto& worker : workers_) {
    std::unique_lock lock(worker->mutex);
    if (!worker->changed.wait_until(lock, deadline, [&] { return worker->ended; }))
      log::warn("audit_anchor_left", {{"anchor", name_of(worker->anchor)}});
  }
}

void Anchors::send(const std::string& note) {
  for (const auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    worker->waiting = note;
    worker->changed.notify_all();
  }
}

std::uint64_t Anchors::failures() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->failures.load();
  return sum;
}

}  // namespace signer::anchor
