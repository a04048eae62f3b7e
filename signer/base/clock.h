// SPDX-License-Identifier: Apache-2.0
//
// Time is an input: everything that asks for it takes a Clock, so that tests can hold it still.
#pragma once

#include <chrono>

namespace signer {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

// Thread-safe.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  // Calendar time: for claims and records; may step.
  [[nodiscard]] virtual WallTime wall() const = 0;

  // Time that only moves forward: for deadlines, rates and back-off.
  [[nodiscard]] virtual SteadyTime steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return std::chrono::system_clock::now(); }

  [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

// A clock that moves only when told.  Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime now) : wall_(now) {}

  [[nodiscard]] WallTime wall() const override { return wall_; }

  [[nodiscard]] SteadyTime steady() const override { return steady_; }

  void advance(std::chrono::nanoseconds by) {
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
    steady_ += std::chrono::duration_cast<SteadyTime::duration>(by);
  }

 private:
  WallTime wall_;
  SteadyTime steady_{};
};

// Seconds since 1970-01-01T00:00:00Z, rounded down: RFC 7519 §2 NumericDate.
[[nodiscard]] inline long long unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace signer
