// SPDX-License-Identifier: Apache-2.0
//
// Token buckets, one for each grant and uid (invariant 10: one caller cannot spend another's share).
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include <sys/types.h>

#include "base/clock.h"
#include "base/token_bucket.h"

namespace signer::policy {

// Not thread-safe: the event loop owns it.
class RateLimiter {
 public:
  // Takes one unit from the bucket of (name, uid), which holds one second's worth and at least 1; false if it is empty.
  [[nodiscard]] bool take(const std::string& name, uid_t uid, double per_second, SteadyTime now) {
    if (buckets_.size() >= purge_at_) purge(now);
    const double size = std::max(1.0, per_second);
    Bucket& bucket = buckets_.try_emplace({name, uid}, Bucket{TokenBucket(size, now), per_second}).first->second;
    bucket.per_second = per_second;
    return bucket.units.take(per_second, size, now);
  }

  // Whether take() would give one now.
  [[nodiscard]] bool has_one(const std::string& name, uid_t uid, double per_second, SteadyTime now) const {
    const auto bucket = buckets_.find({name, uid});
    return bucket == buckets_.end() || bucket->second.units.has_one(per_second, std::max(1.0, per_second), now);
  }

  // Buckets that are held: at most kKeptMax, or twice those that were not full when the last one was added.
  [[nodiscard]] std::size_t size() const noexcept { return buckets_.size(); }

  static constexpr std::size_t kKeptMax = 1024;

 private:
  struct Bucket {
    TokenBucket units;
    double per_second;  // when something was last taken
  };

  // A full bucket is as good as none.  What is left may double before the next look, so that a look costs little.
  void purge(SteadyTime now) {
    std::erase_if(buckets_, [now](const auto& entry) {
      const Bucket& bucket = entry.second;
      return bucket.units.is_full(bucket.per_second, std::max(1.0, bucket.per_second), now);
    });
    purge_at_ = std::max(kKeptMax, 2 * buckets_.size());
  }

  std::map<std::pair<std::string, uid_t>, Bucket> buckets_;
  std::size_t purge_at_ = kKeptMax;
};

}  // namespace signer::policy
