// SPDX-License-Identifier: Apache-2.0
//
// What each uid costs the event loop without getting a token for it: refusals, reads, connections.  A share of the time
// is free; whoever uses more waits for its replies, so that a flood of what is refused leaves the CPU to those who sign
// (invariant 10).
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>

#include "base/clock.h"

namespace signer::server {

// Not thread-safe.
class Burden {
 public:
  // Adds what `uid` has cost; how long its reply should wait so that the uid keeps to its share: nothing while it does,
  // and never more than kWaitMax.
  [[nodiscard]] std::chrono::nanoseconds add(uid_t uid, std::chrono::nanoseconds cost, SteadyTime now) {
    if (debts_.size() >= purge_at_) purge(now);
    Debt& debt = debts_[uid];
    debt = {left_of(debt, now) + cost, now};
    const std::chrono::nanoseconds beyond = debt.amount - kFreeAtOnce;
    return std::clamp<std::chrono::nanoseconds>(beyond * kShare, std::chrono::nanoseconds(0), kWaitMax);
  }

  // Uids that are remembered: at most kKeptMax, or twice those that owed something when the last one was added.
  [[nodiscard]] std::size_t size() const noexcept { return debts_.size(); }

  static constexpr int kShare = 20;  // one part in 20 of the time
  static constexpr std::chrono::milliseconds kFreeAtOnce{20};
  static constexpr std::chrono::seconds kWaitMax{2};
  static constexpr std::size_t kKeptMax = 1024;

 private:
  struct Debt {
    std::chrono::nanoseconds amount{0};
    SteadyTime at{};
  };

  static std::chrono::nanoseconds left_of(const Debt& debt, SteadyTime now) {
    return std::max(std::chrono::nanoseconds(0), debt.amount - (now - debt.at) / kShare);
  }

  void purge(SteadyTime now) {
    std::erase_if(debts_, [now](const auto& entry) { return left_of(entry.second, now).count() == 0; });
    purge_at_ = std::max(kKeptMax, 2 * debts_.size());
  }

  std::map<uid_t, Debt> debts_;
  std::size_t purge_at_ = kKeptMax;
};

}  // namespace signer::server
