// SPDX-License-Identifier: Apache-2.0
//
// Without it an idle session stays in the TPM, and after some tens of thousands of others' swaps nobody on the host can
// start one; if it called too early or twice, it would cost sessions that are in use.
#include "tpm/idle_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/eventually.h"

namespace signer::tpm {
namespace {

using signer::test::eventually;
using std::chrono::milliseconds;

TEST(IdleWatch, CallsOnceForEachStretchOfUse) {
  std::atomic<int> calls{0};
  IdleWatch watch(milliseconds(10), [&] { ++calls; });
  for (int stretch = 1; stretch <= 3; ++stretch) {
    watch.touch();
    watch.touch();
    EXPECT_TRUE(eventually([&] { return calls == stretch; }));
    EXPECT_FALSE(eventually([&] { return calls != stretch; }, milliseconds(50))) << "again without a use";
  }
}

TEST(IdleWatch, CallsNobodyWhoNeverUsedAnything) {
  std::atomic<int> calls{0};
  const IdleWatch watch(milliseconds(1), [&] { ++calls; });
  EXPECT_FALSE(eventually([&] { return calls != 0; }, milliseconds(50)));
}

TEST(IdleWatch, CallsNoEarlierThanAfterTheLastUse) {
  constexpr milliseconds kIdle{100};
  const auto now = [] { return std::chrono::steady_clock::now(); };
  bool seen = false;
  // Again if this machine was busy elsewhere for so long that the first use was over before the second.
  for (int round = 0; round < 20 && !seen; ++round) {
    std::atomic<SteadyTime> called_at{};
    IdleWatch watch(kIdle, [&] { called_at = now(); });
    const SteadyTime first = now();
    watch.touch();
    EXPECT_FALSE(eventually([&] { return called_at.load() != SteadyTime(); }, kIdle / 2) && now() < first + kIdle);
    const SteadyTime second = now();
    watch.touch();
    if (now() >= first + kIdle) continue;
    seen = true;
    EXPECT_TRUE(eventually([&] { return called_at.load() != SteadyTime(); }));
    EXPECT_GE(called_at.load(), second + kIdle);
  }
  EXPECT_TRUE(seen);
}

TEST(IdleWatch, WaitsForACallUnderWayWhenItEnds) {
  std::atomic<bool> inside{false};
  std::atomic<bool> release{false};
  std::atomic<bool> done{false};
  std::jthread other;
  {
    IdleWatch watch(milliseconds(1), [&] {
      inside = true;
      EXPECT_TRUE(eventually([&] { return release.load(); }));
      done = true;
    });
    watch.touch();
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    other = std::jthread([&] { release = true; });
  }
  EXPECT_TRUE(done);
}

TEST(IdleWatch, EndsAtOnceThoughItsTimeIsFarAway) {
  const auto start = std::chrono::steady_clock::now();
  std::atomic<int> calls{0};
  {
    IdleWatch watch(std::chrono::hours(1), [&] { ++calls; });
    watch.touch();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(1));
  EXPECT_EQ(calls, 0);
}

TEST(IdleWatch, MayBeUsedFromItsOwnCall) {
  std::atomic<int> calls{0};
  IdleWatch* self = nullptr;
  IdleWatch watch(milliseconds(1), [&] {
    if (++calls < 3) self->touch();
  });
  self = &watch;
  watch.touch();
  EXPECT_TRUE(eventually([&] { return calls == 3; }));
}

}  // namespace
}  // namespace signer::tpm
