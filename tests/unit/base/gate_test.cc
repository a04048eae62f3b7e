// SPDX-License-Identifier: Apache-2.0
//
// The gate is what keeps C_Finalize away from running calls; it also gives the TPM to one caller at a time.
#include "base/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace signer {
namespace {

SteadyTime soon() {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
}

SteadyTime late() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(20);
}

TEST(Gate, LetsManyShare) {
  Gate gate;
  const auto first = gate.share(soon());
  const auto second = gate.share(soon());
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
}

TEST(Gate, GivesUpAtTheDeadlineWhileSomeoneIsInside) {
  Gate gate;
  const auto inside = gate.share(soon());
  EXPECT_FALSE(gate.alone(soon()));
}

TEST(Gate, OpensAgainForOthersAfterAFailedWaitToBeAlone) {
  Gate gate;
  const auto inside = gate.share(soon());
  EXPECT_FALSE(gate.alone(soon()));
  EXPECT_TRUE(gate.share(soon()));
}

TEST(Gate, KeepsEveryoneOutWhileOneIsAlone) {
  Gate gate;
  const auto alone = gate.alone(soon());
  ASSERT_TRUE(alone);
  EXPECT_FALSE(gate.share(soon()));
  EXPECT_FALSE(gate.alone(soon()));
}

TEST(Gate, HoldsNewcomersBackWhileSomeoneWaitsToBeAlone) {
  Gate gate;
  std::optional<Gate::Pass> inside(gate.share(soon()));
  std::jthread waiting([&] { EXPECT_TRUE(gate.alone(late())); });
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool held_back = false;
  while (!held_back && std::chrono::steady_clock::now() < patience) held_back = !gate.share(soon());
  EXPECT_TRUE(held_back);
  inside.reset();
}

TEST(Gate, LetsThoseWhoWaitToBeAloneInInOrder) {
  Gate gate;
  std::optional<Gate::Pass> inside(gate.share(soon()));
  std::atomic<bool> was_first{false};
  std::jthread waiting([&] {
    const auto alone = gate.alone(late());
    was_first = static_cast<bool>(alone);
  });
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool waits = false;
  while (!waits && std::chrono::steady_clock::now() < patience) waits = !gate.share(soon());
  ASSERT_TRUE(waits);
  inside.reset();
  const auto mine = gate.alone(late());  // at once, before the other has woken up
  EXPECT_TRUE(mine);
  EXPECT_TRUE(was_first);
}

TEST(Gate, IsNotStarvedByASteadyStreamOfSharers) {
  Gate gate;
  std::atomic<bool> stop{false};
  std::atomic<int> inside{0};
  std::vector<std::jthread> sharers;
  for (int i = 0; i < 4; ++i) {
    sharers.emplace_back([&] {
      while (!stop) {
        const auto pass = gate.share(late());
        ++inside;
        std::this_thread::yield();
        --inside;
      }
    });
  }
  for (int round = 0; round < 50; ++round) {
    const auto alone = gate.alone(late());
    ASSERT_TRUE(alone);
    EXPECT_EQ(inside, 0);
  }
  stop = true;
}

}  // namespace
}  // namespace signer
