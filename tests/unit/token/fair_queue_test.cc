// SPDX-License-Identifier: Apache-2.0
//
// The queue before a token.  Without these one caller could fill it and starve the rest (invariant 10).
#include "token/fair_queue.h"

#include <gtest/gtest.h>

#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "tests/support/seed.h"

namespace signer::token {
namespace {

using namespace std::chrono_literals;

struct Queued {
  uid_t uid = 0;
  int number = 0;
  SteadyTime deadline{};
};

std::string drained(FairQueue<Queued>& queue) {
  std::string order;
  while (const auto job = queue.pop()) {
    order += (order.empty() ? "" : " ") + std::to_string(job->uid) + ":" + std::to_string(job->number);
  }
  return order;
}

TEST(FairQueue, Invariant10_CallersTakeTurnsHoweverManyJobsEachHas) {
  FairQueue<Queued> queue({});
  for (int i = 0; i < 4; ++i) queue.push({1, i});
  for (int i = 0; i < 2; ++i) queue.push({2, i});
  queue.push({3, 0});

  EXPECT_EQ(queue.size(), 7U);
  EXPECT_EQ(drained(queue), "1:0 2:0 3:0 1:1 2:1 1:2 1:3");
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.pop());
}

TEST(FairQueue, Invariant10_ALateCallerWaitsForOneJobOfEachOtherAtMost) {
  FairQueue<Queued> queue({});
  for (int i = 0; i < 500; ++i) queue.push({1, i});
  ASSERT_EQ(queue.pop()->number, 0);
  queue.push({2, 0});
  EXPECT_EQ(queue.pop()->uid, 1U);
  EXPECT_EQ(queue.pop()->uid, 2U);
}

TEST(FairQueue, Invariant10_ACallerThatComesBackAtOnceDoesNotJumpTheQueue) {
  FairQueue<Queued> queue({});
  queue.push({1, 0});
  queue.push({2, 0});
  queue.push({3, 0});
  EXPECT_EQ(queue.pop()->uid, 1U);
  queue.push({1, 1});
  EXPECT_EQ(drained(queue), "2:0 3:0 1:1");
}

TEST(FairQueue, Invariant10_EachCallerAndAllTogetherHaveALimit) {
  FairQueue<Queued> queue({.each_uid_max = 2, .all_max = 5});
  for (const uid_t uid : {1U, 2U}) {
    ASSERT_TRUE(queue.has_room(uid));
    queue.push({uid, 0});
    ASSERT_TRUE(queue.has_room(uid));
    queue.push({uid, 1});
    EXPECT_FALSE(queue.has_room(uid)) << "a third place";
  }
  ASSERT_TRUE(queue.has_room(3)) << "two greedy callers leave room for a third";
  queue.push({3, 0});
  EXPECT_FALSE(queue.has_room(3)) << "all places are taken";
  EXPECT_FALSE(queue.has_room(4));

  ASSERT_TRUE(queue.pop());
  EXPECT_TRUE(queue.has_room(4));
  EXPECT_TRUE(queue.has_room(1));
  EXPECT_FALSE(queue.has_room(2));
}

TEST(FairQueue, NobodyIsAheadOfTheFirst) {
  FairQueue<Queued> queue({});
  EXPECT_EQ(queue.ahead_of(1), 0U);
  queue.push({1, 0});
  EXPECT_EQ(queue.ahead_of(1), 1U);
  ASSERT_TRUE(queue.pop());
  EXPECT_EQ(queue.ahead_of(1), 0U);
}

TEST(FairQueue, Invariant10_AFloodIsOneJobAheadOfAnotherCallerAndAllOfItAheadOfItsOwn) {
  FairQueue<Queued> queue({});
  for (int i = 0; i < 500; ++i) queue.push({1, i});
  EXPECT_EQ(queue.ahead_of(1), 500U);
  EXPECT_EQ(queue.ahead_of(2), 1U);
  queue.push({2, 0});
  EXPECT_EQ(queue.ahead_of(2), 3U) << "its own, and two of the flood";
  EXPECT_EQ(queue.ahead_of(1), 501U);
  EXPECT_EQ(queue.ahead_of(3), 2U) << "one of each";
}

// What is foretold is what happens, except for whose turn it is within a round: at most one job of each other.
TEST(FairQueue, TheJobsSaidToBeAheadAreThoseThatLeaveFirst) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&random](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  for (int history = 0; history < 200; ++history) {
    FairQueue<Queued> queue({});
    std::set<uid_t> others;
    for (unsigned i = below(40); i > 0; --i) {
      const uid_t uid = 1 + below(5);
      if (below(3) == 0) static_cast<void>(queue.pop());
      queue.push({uid, 0});
      if (uid != 1) others.insert(uid);
    }
    const std::size_t foretold = queue.ahead_of(1);
    queue.push({1, 1});
    std::size_t before = 0;
    for (auto job = queue.pop(); job && job->number == 0; job = queue.pop()) ++before;
    EXPECT_LE(before, foretold);
    EXPECT_GE(before + others.size(), foretold);
  }
}

TEST(FairQueue, TheDefaultLimitsAreTheDocumentedOnes) {
  FairQueue<Queued> queue({});
  for (int i = 0; i < 512; ++i) queue.push({1, i});
  EXPECT_FALSE(queue.has_room(1));
  EXPECT_TRUE(queue.has_room(2));
  for (uid_t uid = 2; uid <= 8; ++uid) {
    for (int i = 0; i < 512; ++i) queue.push({uid, i});
  }
  EXPECT_EQ(queue.size(), 4096U);
  EXPECT_FALSE(queue.has_room(9));
}

TEST(FairQueue, AJobThatHadItsPlaceGoesAheadOfItsCallersOthersAndAlwaysFits) {
  FairQueue<Queued> queue({.each_uid_max = 2, .all_max = 2});
  queue.push({1, 1});
  queue.push({1, 2});
  queue.push_again({1, 0});
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_FALSE(queue.has_room(2));
  EXPECT_EQ(drained(queue), "1:0 1:1 1:2");
}

TEST(FairQueue, AJobThatComesAgainForAnIdleCallerTakesItsTurnBehindTheOthers) {
  FairQueue<Queued> queue({});
  queue.push({2, 0});
  queue.push_again({1, 0});
  EXPECT_EQ(drained(queue), "2:0 1:0");
}

TEST(FairQueue, RemovesExactlyWhatIsUnwantedAndKeepsTheOrderOfTheRest) {
  FairQueue<Queued> queue({});
  for (int i = 0; i < 4; ++i) {
    for (const uid_t uid : {1U, 2U, 3U}) queue.push({uid, i});
  }
  const auto removed = queue.remove_if([](const Queued& job) { return job.uid == 2 || job.number == 1; });
  EXPECT_EQ(removed.size(), 6U);
  EXPECT_EQ(queue.size(), 6U);
  EXPECT_TRUE(queue.has_room(2));
  EXPECT_EQ(drained(queue), "1:0 3:0 1:2 3:2 1:3 3:3");
  EXPECT_TRUE(queue.remove_if([](const Queued&) { return true; }).empty());
}

TEST(FairQueue, NoCallerWithoutJobsKeepsATurn) {
  FairQueue<Queued> queue({});
  queue.push({1, 0});
  EXPECT_EQ(queue.remove_if([](const Queued&) { return true; }).size(), 1U);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.pop());
  queue.push({1, 1});
  queue.push({1, 2});
  EXPECT_EQ(drained(queue), "1:1 1:2");
}

TEST(FairQueue, KnowsTheEarliestDeadline) {
  FairQueue<Queued> queue({});
  EXPECT_FALSE(queue.earliest_deadline());
  queue.push({1, 0, SteadyTime(5s)});
  queue.push({1, 1, SteadyTime(2s)});
  queue.push({2, 0, SteadyTime(3s)});
  EXPECT_EQ(queue.earliest_deadline(), SteadyTime(2s));
  (void)queue.remove_if([](const Queued& job) { return job.number == 1; });
  EXPECT_EQ(queue.earliest_deadline(), SteadyTime(3s));
}

TEST(FairQueue, HoldsJobsThatOnlyMove) {
  struct Owned {
    uid_t uid = 0;
    std::unique_ptr<int> value;
    SteadyTime deadline{};
  };
  FairQueue<Owned> queue({});
  queue.push({1, std::make_unique<int>(1)});
  queue.push({1, std::make_unique<int>(2)});
  queue.push({1, std::make_unique<int>(3)});
  const auto removed = queue.remove_if([](const Owned& job) { return *job.value == 2; });
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(*removed[0].value, 2);
  EXPECT_EQ(*queue.pop()->value, 1);
  EXPECT_EQ(*queue.pop()->value, 3);
}

// Random pushes, pops and removals against what must always hold: nothing lost or doubled, each caller's jobs in order,
// and no caller served twice while another that was there the whole time waits.
TEST(FairQueue, Invariant10_AnyHistoryIsFairAndLosesNothing) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    FairQueue<Queued> queue({});
    std::map<uid_t, std::deque<int>> expected;
    std::map<uid_t, std::set<uid_t>> served_while_waiting;
    int next = 0;
    std::size_t held = 0;
    for (int step = 0; step < 300; ++step) {
      const uid_t uid = 1 + static_cast<uid_t>(random() % 5);
      switch (random() % 8) {
        case 0:
          queue.push_again({uid, next});
          if (expected[uid].empty()) served_while_waiting[uid].clear();
          expected[uid].push_front(next++);
          ++held;
          break;
        case 1: {
          const int bit = static_cast<int>(random() % 4);
          const auto removed = queue.remove_if([bit](const Queued& job) { return job.number % 4 == bit; });
          std::size_t gone = 0;
          for (auto& [owner, jobs] : expected)
            gone += std::erase_if(jobs, [bit](int number) { return number % 4 == bit; });
          ASSERT_EQ(removed.size(), gone);
          held -= gone;
          break;
        }
        case 2:
        case 3:
        case 4: {
          const auto job = queue.pop();
          ASSERT_EQ(job.has_value(), held > 0);
          if (!job) break;
          --held;
          ASSERT_FALSE(expected[job->uid].empty());
          ASSERT_EQ(job->number, expected[job->uid].front());
          expected[job->uid].pop_front();
          served_while_waiting[job->uid].clear();
          for (auto& [owner, jobs] : expected) {
            if (owner == job->uid || jobs.empty()) continue;
            ASSERT_TRUE(served_while_waiting[owner].insert(job->uid).second)
                << owner << " waited while " << job->uid << " was served twice";
          }
          break;
        }
        default:
          queue.push({uid, next});
          if (expected[uid].empty()) served_while_waiting[uid].clear();
          expected[uid].push_back(next++);
          ++held;
      }
      ASSERT_EQ(queue.size(), held);
    }
  }
}

}  // namespace
}  // namespace signer::token
