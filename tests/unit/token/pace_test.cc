// SPDX-License-Identifier: Apache-2.0
//
// How fast a token is held to be.  Without these a daemon could refuse callers for whom there is time, or let them wait
// for what comes too late.
#include "token/pace.h"

#include <gtest/gtest.h>

namespace signer::token {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

Pace settled_at(nanoseconds sample) {
  Pace pace;
  for (unsigned i = 0; i < 100; ++i) pace.add(sample);
  return pace;
}

TEST(Pace, KnowsNothingBeforeItHasSeenEnough) {
  Pace pace;
  EXPECT_EQ(pace.mean(), 0ns);
  for (unsigned i = 1; i < Pace::kSamplesMin; ++i) {
    pace.add(10ms);
    EXPECT_EQ(pace.mean(), 0ns) << i;
  }
  pace.add(10ms);
  EXPECT_EQ(pace.mean(), 10ms);
}

TEST(Pace, TheFirstSamplesCountAlike) {
  Pace pace;
  for (const nanoseconds sample : {10ms, 20ms, 30ms, 20ms, 10ms, 30ms, 20ms, 20ms}) pace.add(sample);
  EXPECT_NEAR(static_cast<double>(pace.mean().count()), 20e6, 10);
}

TEST(Pace, OneStallHardlyShows) {
  Pace pace = settled_at(10ms);
  pace.add(2s);
  EXPECT_LT(pace.mean(), 14ms);
  for (int i = 0; i < 30; ++i) pace.add(10ms);
  EXPECT_LT(pace.mean(), 10500us);
}

TEST(Pace, ATokenThatTurnsSlowIsKnownAsSuchADozenSignaturesLater) {
  Pace pace = settled_at(10ms);
  for (int i = 0; i < 12; ++i) pace.add(150ms);
  EXPECT_GT(pace.mean(), 75ms);
  for (int i = 0; i < 60; ++i) pace.add(150ms);
  EXPECT_GT(pace.mean(), 149ms);
  EXPECT_LE(pace.mean(), 150ms);
}

TEST(Pace, ATokenThatTurnsFastIsKnownAsSuchToo) {
  Pace pace = settled_at(150ms);
  for (int i = 0; i < 24; ++i) pace.add(1ms);
  EXPECT_LT(pace.mean(), 10ms);
  EXPECT_GE(pace.mean(), 1ms);
}

// A clock is steady, not strictly growing, and one signature may seem to take no time.
TEST(Pace, WhatTookNoTimeIsNoSample) {
  Pace pace = settled_at(10ms);
  pace.add(0ns);
  pace.add(-1s);
  EXPECT_EQ(pace.mean(), 10ms);
  Pace fresh;
  for (int i = 0; i < 100; ++i) fresh.add(0ns);
  EXPECT_EQ(fresh.mean(), 0ns);
}

// The bound of four times the mean grows with it: no pace is held on to for ever.
TEST(Pace, FollowsAThousandfoldSlowdown) {
  Pace pace = settled_at(1us);
  for (int i = 0; i < 60; ++i) pace.add(1ms);
  EXPECT_GT(pace.mean(), 900us);
}

}  // namespace
}  // namespace signer::token
