// SPDX-License-Identifier: Apache-2.0
//
// Two grants that one caller could use in turn.  Without these the limits of one could be had again under the other,
// and nobody would have written that down.
#include "policy/overlap.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/support/seed.h"
#include "tests/unit/policy/example.h"

namespace signer::policy {
namespace {

using test::grant;
using test::uid;

config::Match match_of(std::optional<uid_t> id, std::optional<gid_t> gid = {}, std::optional<std::string> listener = {},
                       std::optional<std::string> unit = {}) {
  config::Match match;
  match.unit = std::move(unit);
  match.uid = id;
  match.gid = gid;
  match.listener = std::move(listener);
  return match;
}

// "" if both may stand in one file.
std::string problem_with(config::Grant first, config::Grant second) {
  first.name = "first";
  first.line = 22;
  second.name = "second";
  second.line = 30;
  const auto policy =
      Policy::build(test::configuration({std::move(first), std::move(second)}), test::accounts(), test::no_files());
  if (policy) return "";
  EXPECT_EQ(policy.error().code, ErrorCode::kInvalidRequest);
  return policy.error().text;
}

bool can_stand_together(const config::Match& first, const config::Match& second) {
  return problem_with(grant("", first, {"issuer"}, {"access"}), grant("", second, {"issuer"}, {"access"})).empty();
}

TEST(Overlap, NamesBothGrantsTheirLinesWhatIsSharedAndWhatToDo) {
  const std::string text =
      problem_with(grant("", uid(1), {"issuer", "k"}, {"access", "id"}, {Verb::kIssue, Verb::kSignPayload}),
                   grant("", uid(1), {"k", "other", "issuer"}, {"id"}, {Verb::kStatus, Verb::kSignPayload}));
  EXPECT_EQ(
      text,
      "signer.toml:30: grant 'second' overlaps grant 'first' of line 22: a caller can fit both, and both allow "
      "'sign-payload' with key 'issuer', 'k' and profile 'id', so that the limits of one would widen those of the "
      "other; make one grant of them, or matches that differ in user, unit or listener");
}

TEST(Overlap, OnlyADifferentUserUnitOrListenerProvesThatNobodyFitsBoth) {
  EXPECT_FALSE(can_stand_together(match_of(1), match_of(1)));
  EXPECT_FALSE(can_stand_together(match_of({}, 7), match_of({}, 7)));
  EXPECT_FALSE(can_stand_together(match_of({}, 7), match_of({}, 8))) << "a process can be in both groups";
  EXPECT_FALSE(can_stand_together(match_of(1), match_of({}, 7))) << "the user can be in the group";
  EXPECT_FALSE(can_stand_together(match_of(1, 7), match_of(1, 8)));
  EXPECT_FALSE(can_stand_together(match_of(1, {}, "/a"), match_of(1))) << "the second takes any listener";
  EXPECT_FALSE(can_stand_together(match_of(1, {}, "/a"), match_of(1, {}, "/a")));
  EXPECT_TRUE(can_stand_together(match_of(1), match_of(2)));
  EXPECT_TRUE(can_stand_together(match_of(1, 7), match_of(2, 7)));
  EXPECT_TRUE(can_stand_together(match_of(1, {}, "/a"), match_of(1, {}, "/b")));
  EXPECT_TRUE(can_stand_together(match_of({}, {}, {}, "a.service"), match_of({}, {}, {}, "b.service")));
  EXPECT_FALSE(can_stand_together(match_of({}, {}, {}, "a.service"), match_of({}, {}, {}, "a.service")));
  EXPECT_FALSE(can_stand_together(match_of({}, {}, {}, "a.service"), match_of(1))) << "the unit can run as the user";
  EXPECT_TRUE(can_stand_together(match_of(1, {}, {}, "a.service"), match_of(1, {}, {}, "b.service")));
  EXPECT_TRUE(can_stand_together(match_of({}, 7, "/a"), match_of({}, 8, "/b")));
}

TEST(Overlap, NamesAreComparedAsWhatTheyMeanOnThisMachine) {
  config::Match idp;
  idp.user = "idp";
  EXPECT_FALSE(can_stand_together(idp, match_of(1001))) << "idp is 1001";
  EXPECT_TRUE(can_stand_together(idp, match_of(1002)));
  // Two names, one uid: the texts differ and the users do not.
  config::Match alias;
  alias.user = "alias";
  const Accounts both{[](const std::string&) { return std::optional<uid_t>(1001); }, {}};
  EXPECT_FALSE(Policy::build(
      test::configuration({grant("a", idp, {"issuer"}, {"access"}), grant("b", alias, {"issuer"}, {"access"})}), both,
      test::no_files()));
}

TEST(Overlap, WithoutACommonVerbKeyOrProfileThereIsNone) {
  const config::Grant issue = grant("", uid(1), {"issuer"}, {"access"}, {Verb::kIssue});
  EXPECT_NE(problem_with(issue, issue), "");
  EXPECT_EQ(problem_with(issue, grant("", uid(1), {"issuer"}, {"access"}, {Verb::kSignPayload})), "");
  EXPECT_EQ(problem_with(issue, grant("", uid(1), {"other"}, {"access"}, {Verb::kIssue})), "");
  EXPECT_EQ(problem_with(issue, grant("", uid(1), {"issuer"}, {"id"}, {Verb::kIssue})), "");
}

TEST(Overlap, OfVerbsThatHaveNoLimitsGivesNothingMoreAndIsAllowed) {
  for (const auto& [verb, word] : kVerbWords) {
    const config::Grant one = grant("", uid(1), {"issuer"}, {"access"}, {verb});
    EXPECT_EQ(problem_with(one, one).empty(), !mints(verb)) << word;
  }
}

TEST(Overlap, AGrantThatNobodyFitsOverlapsNothing) {
  EXPECT_TRUE(can_stand_together(match_of({}), match_of(1)));
  EXPECT_TRUE(can_stand_together(match_of({}, {}, "/a"), match_of({}, {}, "/a")));
}

TEST(Overlap, EveryGrantThatOverlapsAnEarlierOneIsToldOnce) {
  std::vector<config::Grant> grants;
  for (std::size_t i = 0; i < 5; ++i) {
    grants.push_back(grant("g" + std::to_string(i), i == 3 ? uid(3) : uid(1), {"issuer"}, {"access"}));
    grants.back().line = 10 * i;
  }
  config::Match absent;
  absent.user = "nobody-here";
  grants.push_back(grant("x", absent, {"other"}, {"access"}));
  const auto policy = Policy::build(test::configuration(std::move(grants)), test::accounts(), test::no_files());
  ASSERT_FALSE(policy);
  const std::string& text = policy.error().text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  for (const char* said :
       {"there is no user 'nobody-here'", "signer.toml:10: grant 'g1' overlaps grant 'g0'",
        "signer.toml:20: grant 'g2' overlaps grant 'g0'", "signer.toml:40: grant 'g4' overlaps grant 'g0'"}) {
    EXPECT_NE(text.find(said), std::string::npos) << said << " not in:\n" << text;
  }
}

// The rule that the error is there for: in a policy that was accepted, what anybody may mint is under one grant.
TEST(Overlap, Invariant10_NoAcceptedPolicyGivesOneCallerTwoGrantsForTheSameToken) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto maybe = [&random](unsigned values) {
    const auto value = static_cast<unsigned>(random() % (values + 1));
    return value == values ? std::nullopt : std::optional<unsigned>(value);
  };
  const std::vector<std::string> listeners{"/a", "/b"};
  const std::vector<std::string> units{"a.service", "b.service"};
  const std::vector<std::string> keys{"issuer", "other"};
  const std::vector<std::string> profiles{"access", "id"};
  const auto some = [&random](const std::vector<std::string>& all) {
    return std::vector<std::string>{all[random() % all.size()]};
  };
  std::size_t accepted = 0;
  std::size_t minted = 0;
  for (int i = 0; i < 4000; ++i) {
    std::vector<config::Grant> grants;
    for (std::size_t g = 0; g < 3; ++g) {
      const auto listener = maybe(2);
      const auto unit = maybe(2);
      grants.push_back(grant("g" + std::to_string(g),
                             match_of(maybe(2), maybe(2), listener ? std::optional(listeners[*listener]) : std::nullopt,
                                      unit ? std::optional(units[*unit]) : std::nullopt),
                             some(keys), some(profiles)));
    }
    const auto policy = Policy::build(test::configuration(grants), test::accounts(), test::no_files());
    if (!policy) continue;
    ++accepted;
    PeerIdentity who{static_cast<uid_t>(random() % 2), 0, 1, {}, listeners[random() % 2], units[random() % 2]};
    for (const gid_t gid : {0U, 1U}) {
      if (random() % 2 == 0) who.groups.push_back(gid);
    }
    who.gid = 9;
    // Each grant alone says yes or no; together at most one may.
    std::set<std::string> allowing;
    for (const config::Grant& one : grants) {
      Limiter limiter;
      const auto alone = Policy::build(test::configuration({one}), test::accounts(), test::no_files()).value();
      if (alone->authorize(who, test::request("issuer", "access"), limiter, SteadyTime{})) allowing.insert(one.name);
    }
    ASSERT_LE(allowing.size(), 1U);
    Limiter limiter;
    const auto right = (*policy)->authorize(who, test::request("issuer", "access"), limiter, SteadyTime{});
    ASSERT_EQ(right.has_value(), allowing.size() == 1);
    if (right) {
      ++minted;
      ASSERT_EQ(right->grant(), *allowing.begin());
    }
  }
  EXPECT_GT(accepted, 500U);
  EXPECT_GT(minted, 100U);
}

}  // namespace
}  // namespace signer::policy
