// SPDX-License-Identifier: Apache-2.0
//
// What a caller may cost without getting a token.  Without these a flood of refusals would take the CPU from those who
// sign, or an honest caller would wait for a reply.
#include "server/burden.h"

#include <gtest/gtest.h>

#include <vector>

namespace signer::server {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Burden, WhoKeepsToTheShareNeverWaits) {
  Burden burden;
  SteadyTime now{};
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(burden.add(1, microseconds(49), now).count(), 0) << i;
    now += milliseconds(1);
  }
}

TEST(Burden, ABurstIsFreeUpToItsLimitAndWhatIsBeyondWaitsTwentyfold) {
  Burden burden;
  EXPECT_EQ(burden.add(1, Burden::kFreeAtOnce, SteadyTime{}).count(), 0);
  EXPECT_EQ(burden.add(1, microseconds(100), SteadyTime{}), microseconds(2000));
  EXPECT_EQ(burden.add(1, microseconds(100), SteadyTime{}), microseconds(4000)) << "one reply after the other";
  EXPECT_EQ(burden.add(1, nanoseconds(0), SteadyTime{} + milliseconds(4)).count(), 0) << "the debt is paid by then";
}

TEST(Burden, NoReplyWaitsLongerThanTheMost) {
  Burden burden;
  EXPECT_EQ(burden.add(1, std::chrono::hours(1), SteadyTime{}), Burden::kWaitMax);
}

TEST(Burden, Invariant10_EachUidPaysForItself) {
  Burden burden;
  EXPECT_GT(burden.add(1, seconds(1), SteadyTime{}).count(), 0);
  EXPECT_EQ(burden.add(2, milliseconds(1), SteadyTime{}).count(), 0);
}

// However many connections a flood has: over ten seconds it gets its share and what is free at once.
TEST(Burden, Invariant10_AFloodTakesNoMoreThanItsShare) {
  Burden burden;
  const microseconds cost(50);
  std::vector<SteadyTime> next(64);
  nanoseconds used{0};
  const SteadyTime end = SteadyTime{} + seconds(10);
  for (SteadyTime now{}; now < end; now += microseconds(100)) {
    for (SteadyTime& one : next) {
      if (one > now) continue;
      used += cost;
      one = now + burden.add(1, cost, now);
    }
  }
  const nanoseconds in_flight = cost * 64;
  EXPECT_LE(used, nanoseconds(seconds(10)) / Burden::kShare + Burden::kFreeAtOnce + in_flight);
  EXPECT_GE(used, nanoseconds(seconds(9)) / Burden::kShare) << "and its share it gets";
}

TEST(Burden, UidsThatOweNothingAreForgottenAndDebtsAreNot) {
  Burden burden;
  SteadyTime now{};
  static_cast<void>(burden.add(7, seconds(30), now));
  for (uid_t uid = 1000; uid < 100'000; ++uid) {
    static_cast<void>(burden.add(uid, microseconds(10), now));
    now += milliseconds(1);
    ASSERT_LE(burden.size(), Burden::kKeptMax + 1);
  }
  EXPECT_EQ(burden.add(7, nanoseconds(0), now), Burden::kWaitMax);
}

}  // namespace
}  // namespace signer::server
