// SPDX-License-Identifier: Apache-2.0
//
// Bounds what one user can make us write: so many events a second pass, the rest is counted.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/token_bucket.h"

namespace signer {

// Not thread-safe.
class FloodGate {
 public:
  FloodGate(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  // Whether an event of `uid` passes: then the number of its events that did not since the last one that did.
  [[nodiscard]] std::optional<std::uint64_t> pass(uid_t uid, SteadyTime now) {
    Bucket& bucket = bucket_of(uid, now);
    if (bucket.units.take(per_second_, burst_, now)) return std::exchange(bucket.stopped, 0);
    ++bucket.stopped;
    return std::nullopt;
  }

  // Counts an event that cannot be written anywhere now.
  void stop(uid_t uid, SteadyTime now) { ++bucket_of(uid, now).stopped; }

  // The users whose events were counted and not reported by pass(), with how many; they count from 0 again.
  [[nodiscard]] std::vector<std::pair<uid_t, std::uint64_t>> take_stopped() {
    std::vector<std::pair<uid_t, std::uint64_t>> taken;
    for (auto& [uid, bucket] : buckets_) {
      if (bucket.stopped > 0) taken.emplace_back(uid, std::exchange(bucket.stopped, 0));
    }
    return taken;
  }

  // Users that are remembered: at most kKeptMax, or twice those that had used something when the last one was added.
  [[nodiscard]] std::size_t size() const noexcept { return buckets_.size(); }

  static constexpr std::size_t kKeptMax = 1024;

 private:
  struct Bucket {
    TokenBucket units;
    std::uint64_t stopped;
  };

  Bucket& bucket_of(uid_t uid, SteadyTime now) {
    if (buckets_.size() >= purge_at_) purge(now);
    return buckets_.try_emplace(uid, Bucket{TokenBucket(burst_, now), 0}).first->second;
  }

  // A full bucket that owes no count is as good as none.
  void purge(SteadyTime now) {
    std::erase_if(buckets_, [this, now](const auto& entry) {
      return entry.second.stopped == 0 && entry.second.units.is_full(per_second_, burst_, now);
    });
    purge_at_ = std::max(kKeptMax, 2 * buckets_.size());
  }

  double per_second_;
  double burst_;
  std::map<uid_t, Bucket> buckets_;
  std::size_t purge_at_ = kKeptMax;
};

}  // namespace signer
