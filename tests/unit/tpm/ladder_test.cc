// SPDX-License-Identifier: Apache-2.0
//
// How often each step may be taken: one step too many and a forged error code is an endless loop, or a wrong auth value
// becomes a lockout.
#include "tpm/ladder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/support/seed.h"

namespace signer::tpm {
namespace {

constexpr Action kAll[] = {Action::kDone,          Action::kBackOff, Action::kRetryOnce, Action::kFlushSessions,
                           Action::kReopenContext, Action::kRebuild, Action::kKeyGone,   Action::kLockout,
                           Action::kAuthRefused,   Action::kDead,    Action::kNotReady,  Action::kDiscardContext,
                           Action::kRefused};

std::vector<Step> steps(Action action, std::size_t count) {
  Ladder ladder;
  std::vector<Step> taken;
  for (std::size_t i = 0; i < count; ++i) taken.push_back(ladder.next(action));
  return taken;
}

TEST(Ladder, TakesEachActionsStepsAndThenGivesUp) {
  using enum Step;
  EXPECT_EQ(steps(Action::kRetryOnce, 3), (std::vector{kAgain, kGiveUp, kGiveUp}));
  EXPECT_EQ(steps(Action::kFlushSessions, 4), (std::vector{kNewSession, kFreeSlots, kGiveUp, kGiveUp}));
  EXPECT_EQ(steps(Action::kReopenContext, 3), (std::vector{kFreeSlots, kGiveUp, kGiveUp}));
  EXPECT_EQ(steps(Action::kKeyGone, 3), (std::vector{kFindKey, kGiveUp, kGiveUp}));
  EXPECT_EQ(steps(Action::kRebuild, 4), (std::vector{kNewContext, kNewContext, kGiveUp, kGiveUp}));
  EXPECT_EQ(steps(Action::kDiscardContext, 4), (std::vector{kNewContext, kNewContext, kGiveUp, kGiveUp}));
  EXPECT_EQ(steps(Action::kAuthRefused, 3), (std::vector{kNewContext, kGiveUp, kGiveUp}));
}

TEST(Ladder, NeverTriesAgainWhereThatHelpsNobody) {
  for (const Action action : {Action::kLockout, Action::kDead, Action::kNotReady, Action::kRefused, Action::kDone}) {
    EXPECT_EQ(steps(action, 1).front(), Step::kGiveUp) << static_cast<int>(action);
  }
}

TEST(Ladder, PausesTwiceAsLongEachTimeUpToTwoSeconds) {
  Ladder ladder;
  for (const int wanted : {50, 100, 200, 400, 800, 1600, 2000, 2000, 2000}) {
    ASSERT_EQ(ladder.next(Action::kBackOff), Step::kPause);
    EXPECT_EQ(ladder.pause(), std::chrono::milliseconds(wanted));
  }
}

TEST(Ladder, SharesContextsBetweenAllWhoAskForOne) {
  Ladder ladder;
  EXPECT_EQ(ladder.next(Action::kAuthRefused), Step::kNewContext);
  EXPECT_EQ(ladder.next(Action::kDiscardContext), Step::kNewContext);
  EXPECT_EQ(ladder.next(Action::kRebuild), Step::kGiveUp);
  Ladder other;
  EXPECT_EQ(other.next(Action::kRebuild), Step::kNewContext);
  EXPECT_EQ(other.next(Action::kRebuild), Step::kNewContext);
  EXPECT_EQ(other.next(Action::kAuthRefused), Step::kGiveUp) << "no more tries than contexts";
}

TEST(Ladder, NeverTriesAWrongAuthValueMoreThanTwiceWhateverComesBetween) {
  const unsigned seed = signer::test::seed();
  std::mt19937 random(seed);
  for (int walk = 0; walk < 2000; ++walk) {
    Ladder ladder;
    int tries = 0;
    for (int i = 0; i < 50; ++i) {
      const Action action = kAll[random() % std::size(kAll)];
      if (action == Action::kAuthRefused) ++tries;
      const Step step = ladder.next(action);
      if (action == Action::kAuthRefused && step == Step::kGiveUp) break;
    }
    ASSERT_LE(tries, 2) << "seed " << seed << " walk " << walk;
  }
}

TEST(Ladder, EndsWhateverSequenceOfCodesComes) {
  const unsigned seed = signer::test::seed();
  std::mt19937 random(seed);
  const std::map<Step, int> limits = {
      {Step::kAgain, 1}, {Step::kFindKey, 1}, {Step::kNewSession, 1}, {Step::kFreeSlots, 1}, {Step::kNewContext, 2}};
  int longest = 0;
  for (int walk = 0; walk < 5000; ++walk) {
    Ladder ladder;
    std::map<Step, int> taken;
    int steps_taken = 0;
    // A request that does not give up where it might: whoever forges codes chooses them so.
    for (int i = 0; i < 200; ++i) {
      const Step step = ladder.next(kAll[random() % std::size(kAll)]);
      if (step == Step::kGiveUp || step == Step::kPause) continue;  // the deadline ends pauses
      ++taken[step];
      ++steps_taken;
    }
    for (const auto& [step, count] : taken) {
      ASSERT_LE(count, limits.at(step)) << "seed " << seed << " walk " << walk << " step " << static_cast<int>(step);
    }
    longest = std::max(longest, steps_taken);
  }
  EXPECT_EQ(longest, 6) << "every step was walked";
}

}  // namespace
}  // namespace signer::tpm
