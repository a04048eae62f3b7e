// SPDX-License-Identifier: Apache-2.0
//
// Token buckets.  Without these one caller could spend another's share (invariant 10).
#include "policy/rate_limiter.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/seed.h"

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

TEST_F(RateLimiterTest, UidsThatAreGoneAreForgotten) {
  for (uid_t uid = 0; uid < 100'000; ++uid) {
    ASSERT_TRUE(take(uid, 5));
    clock_.advance(1ms);
    ASSERT_LE(limiter_.size(), RateLimiter::kKeptMax) << "a bucket is full again after 200 ms";
  }
}

TEST_F(RateLimiterTest, WhoHasSpentItsBucketGainsNothingFromACrowd) {
  EXPECT_EQ(taken(7, 0.1, 10), 1);
  for (uid_t uid = 1000; uid < 10'000; ++uid) (void)take(uid, 100);
  EXPECT_FALSE(take(7, 0.1));
  clock_.advance(9999ms);
  for (uid_t uid = 10'000; uid < 20'000; ++uid) (void)take(uid, 100);
  EXPECT_FALSE(take(7, 0.1));
  clock_.advance(2ms);
  EXPECT_TRUE(take(7, 0.1));
}

// A bucket that is forgotten must have been a full one.
TEST_F(RateLimiterTest, AnyHistoryIsAnsweredAsIfNothingWereForgotten) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<uid_t, TokenBucket> all;
  for (int i = 0; i < 100'000; ++i) {
    const auto uid = static_cast<uid_t>(random() % 4000);
    const double rate = uid % 2 == 0 ? 3 : 0.5;
    clock_.advance(std::chrono::microseconds(random() % 1000));
    const bool expected = all.try_emplace(uid, std::max(1.0, rate), clock_.steady())
                              .first->second.take(rate, std::max(1.0, rate), clock_.steady());
    ASSERT_EQ(take(uid, rate), expected) << uid;
  }
  EXPECT_LT(limiter_.size(), all.size());
}

}  // namespace
}  // namespace signer::policy
