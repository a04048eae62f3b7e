// SPDX-License-Identifier: Apache-2.0
//
// Token buckets.  Without these one caller could spend another's share (invariant 10).
#include "policy/rate_limiter.h"

#include <gtest/gtest.h>

namespace signer::policy {
namespace {

using namespace std::chrono_literals;

class RateLimiterTest : public ::testing::Test {
 protected:
  bool take(uid_t uid, double rate, const std::string& name = "g") {
    return limiter_.take(name, uid, rate, clock_.steady());
  }

  int taken(uid_t uid, double rate, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += take(uid, rate) ? 1 : 0;
    return count;
  }

  RateLimiter limiter_;
  ManualClock clock_{WallTime(1790000000s)};
};

TEST_F(RateLimiterTest, OneSecondsWorthAtOnceAndThenTheRate) {
  EXPECT_EQ(taken(1, 5, 100), 5);
  clock_.advance(199ms);
  EXPECT_EQ(taken(1, 5, 100), 0);
  clock_.advance(2ms);
  EXPECT_EQ(taken(1, 5, 100), 1);
  clock_.advance(1s);
  EXPECT_EQ(taken(1, 5, 100), 5);
}

TEST_F(RateLimiterTest, TimeSpentIdleIsNotSavedUp) {
  EXPECT_EQ(taken(1, 5, 100), 5);
  clock_.advance(24h);
  EXPECT_EQ(taken(1, 5, 100), 5);
}

TEST_F(RateLimiterTest, ARateBelowOneASecondStillGivesOne) {
  EXPECT_EQ(taken(1, 0.5, 10), 1);
  clock_.advance(1999ms);
  EXPECT_EQ(taken(1, 0.5, 10), 0);
  clock_.advance(2ms);
  EXPECT_EQ(taken(1, 0.5, 10), 1);
}

TEST_F(RateLimiterTest, Invariant10_EachUidAndEachGrantHasItsOwnBucket) {
  EXPECT_EQ(taken(1, 3, 1000), 3);
  EXPECT_EQ(taken(2, 3, 10), 3);
  EXPECT_TRUE(take(1, 3, "other"));
  EXPECT_FALSE(take(1, 3));
}

TEST_F(RateLimiterTest, ManySmallStepsGiveNoMoreThanOneLargeOne) {
  (void)taken(1, 10, 100);
  int count = 0;
  for (int i = 0; i < 10000; ++i) {
    clock_.advance(1ms);
    count += take(1, 10) ? 1 : 0;
  }
  EXPECT_NEAR(count, 100, 1);
}

TEST_F(RateLimiterTest, AnotherRateAfterAReloadHoldsAtOnce) {
  EXPECT_EQ(taken(1, 1000, 500), 500);
  EXPECT_EQ(taken(1, 2, 100), 2) << "what was saved under the old rate is cut to the new one";
  clock_.advance(1s);
  EXPECT_EQ(taken(1, 2, 100), 2);
}

}  // namespace
}  // namespace signer::policy
