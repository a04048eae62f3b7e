// SPDX-License-Identifier: Apache-2.0
//
// Whose turn it is on the event loop.  Without these a caller with a hundred busy connections would be served before
// the one request of another.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "server/turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/seed.h"

namespace signer::server {
namespace {

class TurnsTest : public testing::Test {
 protected:
  void add(uid_t uid, const std::string& name) {
    turns_.add(uid, [this, name] { done_.push_back(name); });
  }

  boost::asio::io_context loop_{1};
  Turns turns_{loop_};
  std::vector<std::string> done_;
};

TEST_F(TurnsTest, APieceRunsOnceAndNeverAtOnce) {
  add(1, "a");
  EXPECT_TRUE(done_.empty());
  loop_.run();
  EXPECT_EQ(done_, std::vector<std::string>{"a"});
  loop_.restart();
  EXPECT_EQ(loop_.poll(), 0U) << "nothing is left to do";
  add(1, "b");
  loop_.restart();
  loop_.run();
  EXPECT_EQ(done_, (std::vector<std::string>{"a", "b"})) << "after it was idle it goes on";
}

TEST_F(TurnsTest, Invariant10_OneRequestOfAnotherUidWaitsForOnePiece) {
  for (int i = 0; i < 100; ++i) add(1, "flood");
  add(2, "one");
  loop_.run();
  ASSERT_EQ(done_.size(), 101U);
  EXPECT_EQ(done_[1], "one");
}

TEST_F(TurnsTest, Invariant10_WhatArrivesMeanwhileGetsTheNextTurn) {
  turns_.add(1, [this] {
    done_.emplace_back("first");
    boost::asio::post(loop_, [this] { add(2, "late"); });  // as a socket that became readable
  });
  for (int i = 0; i < 100; ++i) add(1, "flood");
  loop_.run();
  const auto late = std::find(done_.begin(), done_.end(), "late");
  EXPECT_LE(late - done_.begin(), 3);
}

TEST_F(TurnsTest, APieceCanAddTheNextOfItsWork) {
  int left = 5;
  std::function<void()> work = [&] {
    done_.emplace_back("work");
    if (--left > 0) turns_.add(1, work);
  };
  turns_.add(1, work);
  for (const char* name : {"a", "b", "c"}) add(2, name);
  loop_.run();
  EXPECT_EQ(done_, (std::vector<std::string>{"work", "a", "work", "b", "work", "c", "work", "work"}));
}

TEST_F(TurnsTest, Invariant10_AnyHistoryRunsEverythingInTurns) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<uid_t, int> waiting;
  std::map<uid_t, int> passed_over;  // turns of others since this uid began to wait
  int added = 0;
  int ran = 0;
  std::function<void()> add_some = [&] {
    for (auto count = random() % 3; count > 0 && added < 5000; --count, ++added) {
      const auto uid = static_cast<uid_t>(random() % 5);
      if (waiting[uid]++ == 0) passed_over[uid] = 0;
      turns_.add(uid, [&, uid] {
        ++ran;
        --waiting[uid];
        ASSERT_LE(passed_over[uid], 4) << "one of each other";
        for (auto& [other, turns] : passed_over) turns += other == uid ? -turns : 1;
        add_some();
      });
    }
  };
  while (added < 5000) {
    add_some();
    loop_.restart();
    loop_.run();
  }
  EXPECT_EQ(ran, added);
}

TEST_F(TurnsTest, WhatIsLeftAtTheEndIsDroppedAndNotRun) {
  auto held = std::make_shared<int>(1);
  {
    Turns turns(loop_);
    turns.add(1, [this, held] { done_.emplace_back("never"); });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  loop_.stop();
  EXPECT_TRUE(done_.empty());
}

}  // namespace
}  // namespace signer::server
