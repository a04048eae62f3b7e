// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace signer {

// Fills at a rate up to its size; starts full.  Not thread-safe.
class TokenBucket {
 public:
  TokenBucket(double size, SteadyTime now) : units_(size), filled_(now) {}

  // Takes one unit; false if there is none.  Rate and size may change from call to call, as a reload changes them.
  [[nodiscard]] bool take(double per_second, double size, SteadyTime now) {
    units_ = units_at(per_second, size, now);
    filled_ = now;
    if (units_ < 1) return false;
    units_ -= 1;
    return true;
  }

  // Whether take() would give one.
  [[nodiscard]] bool has_one(double per_second, double size, SteadyTime now) const {
    return units_at(per_second, size, now) >= 1;
  }

  // Whether it holds no less than a new one would.
  [[nodiscard]] bool is_full(double per_second, double size, SteadyTime now) const {
    return units_at(per_second, size, now) >= size;
  }

 private:
  [[nodiscard]] double units_at(double per_second, double size, SteadyTime now) const {
    return std::min(size, units_ + std::chrono::duration<double>(now - filled_).count() * per_second);
  }

  double units_;
  SteadyTime filled_;
};

}  // namespace signer
