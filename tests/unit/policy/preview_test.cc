// SPDX-License-Identifier: Apache-2.0
//
// What is refused before it is read.  Without these a stranger, or a caller beyond its limits, would make the daemon
// parse a megabyte for each refusal; or somebody would be refused who has a right.
#include <gtest/gtest.h>

#include <random>

#include "policy/policy.h"
#include "tests/support/seed.h"
#include "tests/unit/policy/example.h"

namespace signer::policy {
namespace {

using namespace std::chrono_literals;
using test::build;
using test::grant;
using test::peer;
using test::request;
using test::uid;

TEST(Preview, WhoHasNoGrantForTheKeyIsDenied) {
  const auto policy = build(
      {grant("g", uid(1), {"issuer"}, {"access"}), grant("s", uid(2), {"issuer"}, {}, {Verb::kCreate, Verb::kStatus})});
  const Limiter limiter;
  const auto code = [&](uid_t who, Verb verb, std::string_view key) {
    const auto allowed = policy->preview(peer(who), verb, key, limiter, SteadyTime{});
    return allowed ? ErrorCode::kInternal : allowed.error().code;
  };
  EXPECT_TRUE(policy->preview(peer(1), Verb::kIssue, "issuer", limiter, SteadyTime{}));
  EXPECT_EQ(code(1, Verb::kIssue, "other"), ErrorCode::kDenied);
  EXPECT_EQ(code(1, Verb::kSignPayload, "issuer"), ErrorCode::kDenied) << "another verb";
  EXPECT_EQ(code(2, Verb::kIssue, "issuer"), ErrorCode::kDenied) << "other verbs than this";
  EXPECT_EQ(code(3, Verb::kIssue, "issuer"), ErrorCode::kDenied);
}

TEST(Preview, WhoHasNothingLeftIsRateLimitedAndSpendsNothing) {
  config::Grant rate = grant("rate", uid(1), {"issuer"}, {"access"});
  rate.rate = 1.0;
  config::Grant places = grant("places", uid(2), {"issuer"}, {"access"});
  places.concurrency = 1;
  const auto policy = build({rate, places});
  Limiter limiter;
  ManualClock clock(WallTime(1790000000s));
  const auto allowed = [&](uid_t who) {
    return policy->preview(peer(who), Verb::kIssue, "issuer", limiter, clock.steady());
  };
  for (const uid_t who : {1U, 2U}) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(allowed(who));
    {
      const auto right = policy->authorize(peer(who), request("issuer"), limiter, clock.steady());
      ASSERT_TRUE(right);
      ASSERT_FALSE(allowed(who));
      EXPECT_EQ(allowed(who).error().code, ErrorCode::kRateLimited);
      EXPECT_GE(allowed(who).error().retry_after, 1s);
    }
    clock.advance(1s);
    EXPECT_TRUE(allowed(who));
  }
}

TEST(Preview, OneGrantThatHasSomethingLeftIsEnough) {
  config::Grant spent = grant("spent", uid(1), {"issuer"}, {"access"});
  spent.rate = 1.0;
  const auto policy = build({spent, grant("free", uid(1), {"issuer"}, {"id"})});
  Limiter limiter;
  ASSERT_TRUE(policy->authorize(peer(1), request("issuer", "access"), limiter, SteadyTime{}));
  ASSERT_FALSE(policy->authorize(peer(1), request("issuer", "access"), limiter, SteadyTime{}));
  EXPECT_TRUE(policy->preview(peer(1), Verb::kIssue, "issuer", limiter, SteadyTime{})) << "the other profile is free";
}

// Whoever is refused unread would have been refused anyway.
TEST(Preview, NeverRefusesWhatWouldBeAllowed) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  config::Grant a = grant("a", uid(1), {"issuer"}, {"access"});
  a.rate = 5.0;
  config::Grant b = grant("b", uid(1), {"issuer", "other"}, {"id"});
  b.concurrency = 2;
  const auto policy = build({a, b});
  Limiter limiter;
  ManualClock clock(WallTime(1790000000s));
  std::vector<AuthorizedRequest> held;
  int refused_unread = 0;
  for (int i = 0; i < 20'000; ++i) {
    clock.advance(std::chrono::milliseconds(random() % 50));
    const PeerIdentity who = peer(1 + static_cast<uid_t>(random() % 2));
    const std::string key = random() % 2 == 0 ? "issuer" : "other";
    const auto before = policy->preview(who, Verb::kIssue, key, limiter, clock.steady());
    auto right = policy->authorize(who, request(key, random() % 2 == 0 ? "access" : "id"), limiter, clock.steady());
    if (!before) {
      ++refused_unread;
      ASSERT_FALSE(right);
    }
    if (right) held.push_back(*std::move(right));
    if (held.size() > random() % 4) held.pop_back();
  }
  EXPECT_GT(refused_unread, 1000);
}

TEST(EvidenceRate, Invariant10_IsTheGrantsForEachUidAndOtherVerbsSpendNothing) {
  config::Match members;
  members.gid = 7;
  config::Grant limited = grant("auditors", members, {"issuer"}, {}, {Verb::kReadEvidence, Verb::kCreate});
  limited.rate = 2.0;
  const auto policy = build({limited, grant("free", uid(3), {"issuer"}, {}, {Verb::kReadEvidence})});
  Limiter limiter;
  ManualClock clock(WallTime(1790000000s));
  const auto allowed = [&](const PeerIdentity& who, Verb verb) {
    return policy->authorize(who, verb, "issuer", limiter, clock.steady());
  };
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(allowed(peer(1, 7), Verb::kCreate));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(allowed(peer(1, 7), Verb::kReadEvidence).value(), "auditors");
  const auto refused = allowed(peer(1, 7), Verb::kReadEvidence);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRateLimited);
  EXPECT_TRUE(allowed(peer(1, 7), Verb::kCreate));
  EXPECT_TRUE(allowed(peer(2, 7), Verb::kReadEvidence)) << "another's share";
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(allowed(peer(3), Verb::kReadEvidence)) << "a grant without a rate";
  clock.advance(500ms);
  EXPECT_TRUE(allowed(peer(1, 7), Verb::kReadEvidence));
  EXPECT_FALSE(allowed(peer(1, 7), Verb::kReadEvidence));
}

}  // namespace
}  // namespace signer::policy
