// SPDX-License-Identifier: Apache-2.0
//
// Token buckets, one for each grant and uid (invariant 10: one caller cannot spend another's share).
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include <sys/types.h>

#include "base/clock.h"

namespace signer::policy {

// Not thread-safe: the event loop owns it.
class RateLimiter {
 public:
  // Takes one unit from the bucket of (name, uid), which holds one second's worth and at least 1; false if it is empty.
  [[nodiscard]] bool take(const std::string& name, uid_t uid, double per_second, SteadyTime now) {
    const double size = std::max(1.0, per_second);
    auto [place, fresh] = buckets_.try_emplace({name, uid}, Bucket{size, now});
    Bucket& bucket = place->second;
    if (!fresh) {
      const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
      bucket.units = std::min(size, bucket.units + seconds * per_second);
      bucket.filled = now;
    }
    if (bucket.units < 1.0) return false;
    bucket.units -= 1.0;
    return true;
  }

 private:
  struct Bucket {
    double units = 0;
    SteadyTime filled{};
  };

  std::map<std::pair<std::string, uid_t>, Bucket> buckets_;
};

}  // namespace signer::policy
