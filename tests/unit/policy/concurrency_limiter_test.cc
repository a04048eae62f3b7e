// SPDX-License-Identifier: Apache-2.0
//
// Places of requests under way.  Without these one caller could hold what the grant gives to each, or a place that is
// never given back would shut a caller out for good.
#include "policy/concurrency_limiter.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/seed.h"

namespace signer::policy {
namespace {

TEST(ConcurrencyLimiter, AsManyPlacesAsTheLimitAndEachComesBackWithItsEnd) {
  ConcurrencyLimiter limiter;
  auto first = limiter.take("g", 1, 2);
  auto second = limiter.take("g", 1, 2);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(limiter.take("g", 1, 2));
  first.reset();
  auto third = limiter.take("g", 1, 2);
  EXPECT_TRUE(third);
  EXPECT_FALSE(limiter.take("g", 1, 2));
}

TEST(ConcurrencyLimiter, Invariant10_EachUidAndEachGrantHasItsOwnPlaces) {
  ConcurrencyLimiter limiter;
  const auto held = limiter.take("g", 1, 1);
  EXPECT_FALSE(limiter.take("g", 1, 1));
  EXPECT_TRUE(limiter.take("g", 2, 1));
  EXPECT_TRUE(limiter.take("h", 1, 1));
}

TEST(ConcurrencyLimiter, APlaceThatIsMovedIsStillOne) {
  ConcurrencyLimiter limiter;
  std::optional<Place> taken = limiter.take("g", 1, 1);
  Place moved = *std::move(taken);
  taken.reset();
  EXPECT_FALSE(limiter.take("g", 1, 1)) << "what it was moved from gives nothing back";
  Place other;
  other = std::move(moved);
  EXPECT_FALSE(limiter.take("g", 1, 1));
  other = Place();
  EXPECT_TRUE(limiter.take("g", 1, 1));
  other = *limiter.take("g", 1, 1);
  other = *limiter.take("g", 1, 2);
  EXPECT_FALSE(limiter.take("g", 1, 1)) << "the new one is held, the old one is back";
  EXPECT_TRUE(limiter.take("g", 1, 2));
}

TEST(ConcurrencyLimiter, ALimitThatAReloadAddsCountsWhatIsUnderWay) {
  ConcurrencyLimiter limiter;
  const auto a = limiter.take("g", 1, std::nullopt);
  const auto b = limiter.take("g", 1, std::nullopt);
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(limiter.take("g", 1, 1));
  EXPECT_FALSE(limiter.take("g", 1, 2));
  EXPECT_TRUE(limiter.take("g", 1, 3));
}

TEST(ConcurrencyLimiter, APlaceMayOutliveTheLimiter) {
  std::optional<Place> place;
  {
    ConcurrencyLimiter limiter;
    place = limiter.take("g", 1, 1);
  }
  place.reset();  // for the sanitizers to see
}

TEST(ConcurrencyLimiter, UidsThatAreGoneAreForgottenAndThoseUnderWayAreNot) {
  ConcurrencyLimiter limiter;
  const auto held = limiter.take("g", 0, 1);
  for (uid_t uid = 1; uid < 100'000; ++uid) {
    ASSERT_TRUE(limiter.take("g", uid, 1));
    ASSERT_LE(limiter.size(), ConcurrencyLimiter::kKeptMax + 1);
  }
  EXPECT_FALSE(limiter.take("g", 0, 1));
}

TEST(ConcurrencyLimiter, AnyHistoryCountsWhatIsHeld) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ConcurrencyLimiter limiter;
  std::vector<std::pair<uid_t, Place>> held;
  for (int i = 0; i < 50'000; ++i) {
    const auto uid = static_cast<uid_t>(random() % 3000);
    const auto of_uid = std::count_if(held.begin(), held.end(), [uid](const auto& one) { return one.first == uid; });
    auto place = limiter.take("g", uid, 2);
    ASSERT_EQ(place.has_value(), of_uid < 2);
    if (place) held.emplace_back(uid, *std::move(place));
    if (held.size() > 1500) {
      std::swap(held[random() % held.size()], held.back());
      held.pop_back();
    }
  }
}

}  // namespace
}  // namespace signer::policy
