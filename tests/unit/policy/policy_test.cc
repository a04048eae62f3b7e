// SPDX-License-Identifier: Apache-2.0
//
// Who may mint what.  Without these a caller could sign with a key or a profile that nobody granted.
#include "policy/policy.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "tests/unit/policy/example.h"

namespace signer::policy {
namespace {

using namespace std::chrono_literals;
using test::build;
using test::grant;
using test::peer;
using test::request;
using test::uid;

// Invariant 3, at compile time: nothing outside the policy makes a right.
static_assert(!std::is_default_constructible_v<AuthorizedRequest>);
static_assert(!std::is_constructible_v<AuthorizedRequest, std::string, std::string,
                                       std::shared_ptr<const config::Profile>, jose::Json>);

Judged<std::string> authorize(const Policy& policy, const PeerIdentity& who, Verb verb, std::string_view key) {
  Limiter limiter;
  return policy.authorize(who, verb, key, limiter, SteadyTime{});
}

Judged<AuthorizedRequest> authorize(const Policy& policy, const PeerIdentity& who, IssueRequest what) {
  Limiter limiter;
  return policy.authorize(who, std::move(what), limiter, SteadyTime{});
}

bool may_issue(const Policy& policy, const PeerIdentity& who, IssueRequest what) {
  const auto right = authorize(policy, who, std::move(what));
  EXPECT_TRUE(right || right.error().code == ErrorCode::kDenied) << right.error().detail;
  return right.has_value();
}

TEST(Policy, WhatNoGrantNamesIsDenied) {
  const auto nothing = build({});
  EXPECT_FALSE(may_issue(*nothing, peer(0), request("issuer", "access"))) << "root is nobody special";
  EXPECT_FALSE(authorize(*nothing, peer(0), Verb::kCreate, "issuer"));
  EXPECT_FALSE(authorize(*nothing, peer(0), Verb::kStatus, ""));

  const auto policy = build({grant("idp", uid(1001), {"issuer"}, {"access"})});
  EXPECT_TRUE(may_issue(*policy, peer(1001), request("issuer", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(1002), request("issuer", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(0), request("issuer", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(1001), request("other", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(1001), request("", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(1001), request("issuer", "id")));
  EXPECT_FALSE(may_issue(*policy, peer(1001), request("issuer", "unknown")));
  EXPECT_FALSE(may_issue(*policy, peer(1001), request("issuer", "")));
}

TEST(Policy, AVerbThatIsNotInTheGrantIsDenied) {
  const auto policy =
      build({grant("issue", uid(1), {"issuer"}, {"access"}), grant("create", uid(2), {"issuer"}, {}, {Verb::kCreate}),
             grant("status", uid(3), {}, {}, {Verb::kStatus}),
             grant("both", uid(4), {"issuer"}, {"access"}, {Verb::kIssue, Verb::kStatus})});
  EXPECT_TRUE(may_issue(*policy, peer(1), request("issuer", "access")));
  EXPECT_FALSE(authorize(*policy, peer(1), Verb::kCreate, "issuer"));
  EXPECT_FALSE(authorize(*policy, peer(1), Verb::kStatus, ""));
  EXPECT_EQ(*authorize(*policy, peer(2), Verb::kCreate, "issuer"), "create");
  EXPECT_FALSE(authorize(*policy, peer(2), Verb::kCreate, "other"));
  EXPECT_FALSE(may_issue(*policy, peer(2), request("issuer", "access")));
  EXPECT_EQ(*authorize(*policy, peer(3), Verb::kStatus, ""), "status");
  EXPECT_FALSE(authorize(*policy, peer(3), Verb::kCreate, "issuer"));
  EXPECT_FALSE(may_issue(*policy, peer(3), request("issuer", "access")));
  EXPECT_TRUE(authorize(*policy, peer(4), Verb::kStatus, ""));
  EXPECT_TRUE(may_issue(*policy, peer(4), request("issuer", "access")));
}

TEST(Policy, NoVerbIncludesAnother) {
  for (const auto& [granted, word] : kVerbWords) {
    const auto policy = build({grant("g", uid(1), {"issuer"}, {"access"}, {granted})});
    for (const auto& [asked, other] : kVerbWords) {
      EXPECT_EQ(authorize(*policy, peer(1), asked, "issuer").has_value(), asked == granted) << word << " " << other;
      EXPECT_EQ(authorize(*policy, peer(1), asked, "other").has_value(), asked == granted && !is_for_a_key(asked));
    }
    EXPECT_EQ(may_issue(*policy, peer(1), request("issuer", "access")), granted == Verb::kIssue) << word;
  }
}

TEST(Policy, EveryMemberOfAMatchMustFit) {
  config::Match all;
  all.uid = 1001;
  all.gid = 2001;
  all.listener = "/run/signer.sock";
  const auto policy = build({grant("g", all, {"issuer"}, {"access"})});
  const auto allowed = [&policy](PeerIdentity who) { return may_issue(*policy, who, request("issuer", "access")); };

  EXPECT_TRUE(allowed(peer(1001, 2001)));
  EXPECT_TRUE(allowed(peer(1001, 9, {7, 2001, 8}))) << "a supplementary group counts";
  EXPECT_FALSE(allowed(peer(1001, 9, {7, 8})));
  EXPECT_FALSE(allowed(peer(1002, 2001)));
  PeerIdentity elsewhere = peer(1001, 2001);
  elsewhere.listener = "/run/other.sock";
  EXPECT_FALSE(allowed(elsewhere));
  elsewhere.listener = "";
  EXPECT_FALSE(allowed(elsewhere));
}

TEST(Policy, AUnitAloneMatchesAndAnUnknownOneNever) {
  config::Match match;
  match.unit = "idp.service";
  const auto alone = build({grant("g", match, {"issuer"}, {"access"})});
  match.uid = 5;
  const auto both = build({grant("g", match, {"issuer"}, {"access"})});
  const auto allowed = [](const Policy& policy, uid_t id, const std::string& unit) {
    PeerIdentity who = peer(id);
    who.unit = unit;
    return may_issue(policy, who, request("issuer", "access"));
  };
  EXPECT_TRUE(allowed(*alone, 5, "idp.service"));
  EXPECT_TRUE(allowed(*alone, 6, "idp.service"));
  for (const char* other : {"", "idp", "idp@1.service", "IDP.service", "idp.service/worker", "other.service"}) {
    EXPECT_FALSE(allowed(*alone, 5, other)) << other;
    EXPECT_FALSE(allowed(*both, 5, other)) << other;
  }
  EXPECT_TRUE(allowed(*both, 5, "idp.service"));
  EXPECT_FALSE(allowed(*both, 6, "idp.service"));
  // However the match came to be: nothing is not a unit.
  match.unit = "";
  EXPECT_FALSE(allowed(*build({grant("g", match, {"issuer"}, {"access"})}), 5, ""));
}

TEST(Policy, AGroupAloneMatchesItsMembers) {
  config::Match group;
  group.group = "clients";
  const auto policy = build({grant("g", group, {"issuer"}, {"access"})});
  EXPECT_TRUE(may_issue(*policy, peer(5, 2001), request("issuer", "access")));
  EXPECT_TRUE(may_issue(*policy, peer(5, 9, {2001}), request("issuer", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(2001, 9), request("issuer", "access"))) << "a uid is not a gid";
}

TEST(Policy, AMatchWithoutACallerMatchesNobody) {
  config::Match listener_alone;
  listener_alone.listener = "/run/signer.sock";
  const auto policy =
      build({grant("a", listener_alone, {"issuer"}, {"access"}), grant("b", {}, {"issuer"}, {"access"})});
  EXPECT_FALSE(may_issue(*policy, peer(0, 0, {0}), request("issuer", "access")));
}

TEST(Policy, UidZeroInAMatchIsRootAndNotAnyone) {
  const auto policy = build({grant("root", uid(0), {"issuer"}, {"access"})});
  EXPECT_TRUE(may_issue(*policy, peer(0), request("issuer", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(1), request("issuer", "access")));
}

TEST(Policy, NamesOfUsersAndGroupsBecomeIdsOnce) {
  config::Match by_name;
  by_name.user = "idp";
  by_name.group = "clients";
  const auto policy = build({grant("g", by_name, {"issuer"}, {"access"})});
  EXPECT_TRUE(may_issue(*policy, peer(1001, 2001), request("issuer", "access")));
  EXPECT_FALSE(may_issue(*policy, peer(1001, 2002), request("issuer", "access")));
}

TEST(Policy, EveryUnknownUserAndGroupIsNamedWithFileLineAndGrant) {
  config::Match both;
  both.user = "nobody-here";
  both.group = "none-here";
  config::Match unclear;
  unclear.user = "idp";
  unclear.uid = 7;
  auto config = test::configuration({grant("a", both, {"issuer"}, {"access"}), grant("b", unclear, {}, {})});
  config.grants[0].line = 17;
  config.grants[1].line = 23;
  const auto refused = Policy::build(config, test::accounts(), test::no_files());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(
      refused.error().text,
      "signer.toml:17: grant 'a'.match.user: there is no user 'nobody-here' on this machine; create it or correct "
      "the name\n"
      "signer.toml:17: grant 'a'.match.group: there is no group 'none-here' on this machine; create it or correct "
      "the name\n"
      "signer.toml:23: grant 'b'.match.user: is another one than the number beside it; keep one");
}

TEST(Policy, AUserAndAUidThatDisagreeAreRefused) {
  config::Match match;
  match.user = "idp";
  match.uid = 7;
  EXPECT_FALSE(Policy::build(test::configuration({grant("g", match, {}, {})}), test::accounts(), test::no_files()));
  match.uid = 1001;
  EXPECT_TRUE(Policy::build(test::configuration({grant("g", match, {}, {})}), test::accounts(), test::no_files()));
  match.group = "clients";
  match.gid = 7;
  EXPECT_FALSE(Policy::build(test::configuration({grant("g", match, {}, {})}), test::accounts(), test::no_files()));
}

TEST(Policy, TheProfileIsChosenIfThereIsOneAndMustBeNamedOtherwise) {
  const auto one = build({grant("g", uid(1), {"issuer"}, {"access"})});
  const auto right = authorize(*one, peer(1), request("issuer"));
  ASSERT_TRUE(right);
  EXPECT_EQ(right->profile().settings().name, "access");
  EXPECT_EQ(right->grant(), "g");
  EXPECT_EQ(right->key(), "issuer");

  const auto two_profiles = build({grant("g", uid(1), {"issuer"}, {"access", "id"})});
  const auto two_grants = build({grant("g", uid(1), {"issuer"}, {"access"}), grant("h", uid(1), {"issuer"}, {"id"})});
  for (const auto* policy : {&two_profiles, &two_grants}) {
    const auto unnamed = authorize(**policy, peer(1), request("issuer"));
    ASSERT_FALSE(unnamed);
    EXPECT_EQ(unnamed.error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(authorize(**policy, peer(1), request("issuer", "id"))->profile().settings().name, "id");
  }
}

TEST(Policy, TheGrantThatHasTheProfileIsTheOneThatCounts) {
  const auto policy = build({grant("g", uid(1), {"issuer"}, {"access"}), grant("h", uid(1), {"issuer"}, {"id"})});
  EXPECT_EQ(authorize(*policy, peer(1), request("issuer", "access"))->grant(), "g");
  EXPECT_EQ(authorize(*policy, peer(1), request("issuer", "id"))->grant(), "h");
  // A grant for another key lends its profiles to nobody.
  const auto split = build({grant("g", uid(1), {"issuer"}, {"access"}), grant("h", uid(1), {"other"}, {"id"})});
  EXPECT_FALSE(may_issue(*split, peer(1), request("issuer", "id")));
  EXPECT_EQ(authorize(*split, peer(1), request("issuer"))->profile().settings().name, "access");
}

TEST(Policy, AVerbWithoutLimitsThatTwoGrantsAllowIsRecordedUnderTheFirst) {
  config::Match group;
  group.gid = 2001;
  const auto policy = build({grant("by uid", uid(1), {"issuer"}, {}, {Verb::kCreate}),
                             grant("by group", group, {"issuer"}, {}, {Verb::kCreate})});
  EXPECT_EQ(*authorize(*policy, peer(1, 2001), Verb::kCreate, "issuer"), "by uid");
  EXPECT_EQ(*authorize(*policy, peer(2, 2001), Verb::kCreate, "issuer"), "by group");
}

TEST(Policy, AnUnknownKeyAndAKeyOfSomebodyElseLookAlike) {
  const auto policy =
      build({grant("mine", uid(1), {"mine"}, {"access"}), grant("theirs", uid(2), {"theirs"}, {"access"})});
  const auto theirs = authorize(*policy, peer(1), request("theirs"));
  const auto unknown = authorize(*policy, peer(1), request("unknown"));
  ASSERT_FALSE(theirs);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(theirs.error().code, unknown.error().code);
  EXPECT_EQ(theirs.error().detail, unknown.error().detail);
}

TEST(Policy, Invariant10_ARateIsSpentByEachUidForItself) {
  config::Match group;
  group.gid = 2001;
  config::Grant limited = grant("g", group, {"issuer"}, {"access"});
  limited.rate = 2.0;
  const auto policy = build({limited});
  Limiter limiter;
  ManualClock clock(WallTime(1790000000s));
  const auto issue = [&](uid_t who) {
    return policy->authorize(peer(who, 2001), request("issuer"), limiter, clock.steady());
  };

  EXPECT_TRUE(issue(1));
  EXPECT_TRUE(issue(1));
  const auto refused = issue(1);
  EXPECT_TRUE(issue(2)) << "another caller has a bucket of its own";

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRateLimited);
  EXPECT_GE(refused.error().retry_after, 1s);
  clock.advance(499ms);
  EXPECT_FALSE(issue(1));
  clock.advance(2ms);
  EXPECT_TRUE(issue(1));
  EXPECT_FALSE(issue(1));
}

TEST(Policy, Invariant10_RequestsUnderWayAreCountedForEachUid) {
  config::Match group;
  group.gid = 2001;
  config::Grant limited = grant("g", group, {"issuer"}, {"access"});
  limited.concurrency = 2;
  const auto policy = build({limited});
  Limiter limiter;
  const auto issue = [&](uid_t who) {
    return policy->authorize(peer(who, 2001), request("issuer"), limiter, SteadyTime{});
  };

  auto first = issue(1);
  const auto second = issue(1);
  ASSERT_TRUE(first && second);
  const auto refused = issue(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRateLimited);
  EXPECT_EQ(refused.error().reason, "concurrency of grant g");
  EXPECT_GE(refused.error().retry_after, 1s);
  EXPECT_TRUE(issue(2)) << "another caller has places of its own";
  first->leave_place();
  EXPECT_TRUE(issue(1));
}

TEST(Policy, WhatIsRefusedTakesNeitherPlaceNorRate) {
  config::Grant limited = grant("g", uid(1), {"issuer"}, {"access"});
  limited.concurrency = 1;
  limited.rate = 2.0;
  const auto policy = build({limited});
  Limiter limiter;
  const auto issue = [&] { return policy->authorize(peer(1), request("issuer"), limiter, SteadyTime{}); };
  {
    const auto held = issue();
    ASSERT_TRUE(held);
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(issue()) << "no place";
  }
  ASSERT_TRUE(issue()) << "those spent no rate";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(issue().error().reason, "rate of grant g");
  EXPECT_EQ(issue().error().reason, "rate of grant g") << "and those hold no place";
}

TEST(Policy, Invariant12_AReloadKeepsPlacesAndRates) {
  config::Grant limited = grant("g", uid(1), {"issuer"}, {"access"});
  limited.concurrency = 1;
  const auto before = build({limited});
  limited.rate = 1.0;
  const auto after = build({limited});
  Limiter limiter;
  {
    const auto held = before->authorize(peer(1), request("issuer"), limiter, SteadyTime{});
    ASSERT_TRUE(held);
    EXPECT_FALSE(after->authorize(peer(1), request("issuer"), limiter, SteadyTime{}));
  }
  EXPECT_TRUE(after->authorize(peer(1), request("issuer"), limiter, SteadyTime{}));
  EXPECT_EQ(build({limited})->authorize(peer(1), request("issuer"), limiter, SteadyTime{}).error().reason,
            "rate of grant g");
}

TEST(Policy, WhatIsDeniedDoesNotSpendTheRate) {
  config::Grant limited = grant("g", uid(1), {"issuer"}, {"access"});
  limited.rate = 1.0;
  const auto policy = build({limited});
  Limiter limiter;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(policy->authorize(peer(1), request("issuer", "id"), limiter, SteadyTime{}));
  EXPECT_TRUE(policy->authorize(peer(1), request("issuer", "access"), limiter, SteadyTime{}));
}

TEST(Policy, Invariant12_ARightOutlivesThePolicyThatGaveIt) {
  auto policy = build({grant("g", uid(1), {"issuer"}, {"access"})});
  const auto right = authorize(*policy, peer(1), request("issuer", {}, {{"sub", "a"}}));
  policy.reset();
  ASSERT_TRUE(right);
  EXPECT_EQ(right->profile().settings().issuer, "https://idp.example");
  EXPECT_EQ(right->claims()["sub"], "a");
}

TEST(SystemAccounts, KnowThisMachinesNamesAndNoOthers) {
  const Accounts accounts = system_accounts();
  EXPECT_EQ(accounts.uid("root"), 0U);
  EXPECT_EQ(accounts.gid("root"), 0U);
  for (const char* name : {"no-such-account-here", "", "root:x", "0"}) {
    EXPECT_FALSE(accounts.uid(name)) << name;
    EXPECT_FALSE(accounts.gid(name)) << name;
  }
}

}  // namespace
}  // namespace signer::policy
