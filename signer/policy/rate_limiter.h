// SPDX-License-Identifier: Apache-2.0
//
// Token buckets, one for each grant and uid (invariant 10: one caller cannot spend another's share).
#pragma once

#include <algorithm>
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
    const double size = std::max(1.0, per_second);
    return buckets_.try_emplace({name, uid}, size, now).first->second.take(per_second, size, now);
  }

 private:
  std::map<std::pair<std::string, uid_t>, TokenBucket> buckets_;
};

}  // namespace signer::policy
