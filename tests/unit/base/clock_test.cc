// SPDX-License-Identifier: Apache-2.0
//
// Time as an input.
#include "base/clock.h"

#include <gtest/gtest.h>

namespace signer {
namespace {

using namespace std::chrono_literals;

TEST(UnixSeconds, RoundsDownOnBothSidesOfTheEpoch) {
  EXPECT_EQ(unix_seconds(WallTime{}), 0);
  EXPECT_EQ(unix_seconds(WallTime(999ms)), 0);
  EXPECT_EQ(unix_seconds(WallTime(1000ms)), 1);
  EXPECT_EQ(unix_seconds(WallTime(-1ms)), -1);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(WallTime(100s));
  const SteadyTime before = clock.steady();
  EXPECT_EQ(clock.wall(), WallTime(100s));
  clock.advance(1500ms);
  EXPECT_EQ(clock.wall(), WallTime(101500ms));
  EXPECT_EQ(clock.steady() - before, 1500ms);
}

TEST(SystemClock, SteadyTimeNeverGoesBack) {
  const SystemClock clock;
  SteadyTime last = clock.steady();
  for (int i = 0; i < 1000; ++i) {
    const SteadyTime now = clock.steady();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace signer
