// SPDX-License-Identifier: Apache-2.0
//
// Calls back once something has not been used for a while.  Sleeps without a timer while there is nothing to watch.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace signer::tpm {

// Thread-safe.
class IdleWatch {
 public:
  // `on_idle` is called from a thread of the watch, once for each stretch of use that ended `idle_max` ago.
  IdleWatch(std::chrono::milliseconds idle_max, std::function<void()> on_idle);
  IdleWatch(const IdleWatch&) = delete;
  IdleWatch& operator=(const IdleWatch&) = delete;

  // Waits for an on_idle() under way.
  ~IdleWatch();

  // It is being used now.
  void touch();

 private:
  void run();

  std::chrono::milliseconds idle_max_;
  std::function<void()> on_idle_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<SteadyTime> used_at_;
  bool stopping_ = false;
  std::jthread thread_;  // last: it reads the others
};

}  // namespace signer::tpm
