// SPDX-License-Identifier: Apache-2.0
//
// Bounds what one user can make us write: so many events a second pass, the rest is counted.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace signer {

// Not thread-safe.
class FloodGate {
 public:
  FloodGate(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  // Whether an event of `uid` passes: then the number of its events that did not since the last one that did.
  [[nodiscard]] std::optional<std::uint64_t> pass(uid_t uid, SteadyTime now) {
    Bucket& bucket = buckets_.try_emplace(uid, Bucket{burst_, now, 0}).first->second;
    const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
    bucket.units = std::min(burst_, bucket.units + seconds * per_second_);
    bucket.filled = now;
    if (bucket.units < 1) {
      ++bucket.stopped;
      return std::nullopt;
    }
    bucket.units -= 1;
    return std::exchange(bucket.stopped, 0);
  }

  // Counts an event that cannot be written anywhere now.
  void stop(uid_t uid, SteadyTime now) { ++buckets_.try_emplace(uid, Bucket{burst_, now, 0}).first->second.stopped; }

 private:
  struct Bucket {
    double units;
    SteadyTime filled;
    std::uint64_t stopped;
  };

  double per_second_;
  double burst_;
  std::map<uid_t, Bucket> buckets_;
};

}  // namespace signer
