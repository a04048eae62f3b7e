// SPDX-License-Identifier: Apache-2.0
//
// Without it anybody who can connect fills the disk with what they are refused.
#include "base/flood_gate.h"

#include <gtest/gtest.h>

namespace signer {
namespace {

using std::chrono::milliseconds;

TEST(FloodGate, LetsTheBurstPassThenTheRateAndTellsHowManyDidNot) {
  FloodGate gate(10, 5);
  SteadyTime now{};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gate.pass(1, now), 0U);
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(gate.pass(1, now));
  now += milliseconds(99);
  EXPECT_FALSE(gate.pass(1, now));
  now += milliseconds(2);
  EXPECT_EQ(gate.pass(1, now), 8U);
  EXPECT_FALSE(gate.pass(1, now));
}

TEST(FloodGate, Invariant10_OneUserDoesNotSpendAnothersShare) {
  FloodGate gate(1, 1);
  EXPECT_TRUE(gate.pass(1, SteadyTime{}));
  EXPECT_FALSE(gate.pass(1, SteadyTime{}));
  EXPECT_EQ(gate.pass(2, SteadyTime{}), 0U);
}

TEST(FloodGate, ALongSilenceEarnsNoMoreThanTheBurst) {
  FloodGate gate(10, 3);
  SteadyTime now{};
  EXPECT_TRUE(gate.pass(1, now));
  now += std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(gate.pass(1, now));
  EXPECT_FALSE(gate.pass(1, now));
}

TEST(FloodGate, CountsWhatWasStoppedForAnotherReason) {
  FloodGate gate(1, 2);
  gate.stop(1, SteadyTime{});
  gate.stop(1, SteadyTime{});
  EXPECT_EQ(gate.pass(1, SteadyTime{}), 2U);
}

TEST(FloodGate, UsersThatAreGoneAreForgottenAndCountsAreNot) {
  FloodGate gate(10, 2);
  SteadyTime now{};
  for (int i = 0; i < 5; ++i) (void)gate.pass(7, now);  // 2 pass, 3 are counted
  for (uid_t uid = 1000; uid < 50'000; ++uid) {
    ASSERT_TRUE(gate.pass(uid, now));
    now += milliseconds(1);
    ASSERT_LE(gate.size(), FloodGate::kKeptMax);
  }
  EXPECT_EQ(gate.pass(7, now), 3U);
}

}  // namespace
}  // namespace signer
