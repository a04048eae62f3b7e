// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/vectors/laxity_rows.h"

namespace signer::vectors {
namespace {

constexpr long long kNow = 1'700'000'000;

const LaxityCase& rows_of_now() {
  static const LaxityCase made = laxity_case(kNow);
  return made;
}

// Each token twice, for the header cache, and in one batch.
TEST(Laxity, EveryRowHasItsOutcome) {
  const auto& [jwks, profile, now, rows] = rows_of_now();
  const auto keys = KeySet::from_jwks(jwks);
  ASSERT_TRUE(keys) << keys.error().text;
  const auto verifier = jwt::Verifier::make(profile);
  ASSERT_TRUE(verifier) << verifier.error().text;
  const std::chrono::system_clock::time_point time{std::chrono::seconds(now)};
  std::vector<std::string_view> tokens;
  for (const LaxityRow& row : rows) tokens.push_back(row.token);
  const auto batch = verifier->verify_many(tokens, *keys, time);
  ASSERT_EQ(batch.size(), rows.size());
  const auto outcome = [](const auto& claims) { return claims ? "ok" : std::string(to_string(claims.error())); };
  for (std::size_t place = 0; place < rows.size(); ++place) {
    const LaxityRow& row = rows[place];
    EXPECT_EQ(outcome(verifier->verify(row.token, *keys, time)), row.expected) << row.rule << ": " << row.name;
    EXPECT_EQ(outcome(verifier->verify(row.token, *keys, time)), row.expected) << row.rule << ": " << row.name;
    EXPECT_EQ(outcome(batch[place]), row.expected) << row.rule << ": " << row.name;
  }
}

TEST(Laxity, EveryRuleHasATokenThatPassesAndOneThatDoesNot) {
  std::map<std::string, std::map<bool, std::set<std::string>>> by_rule;
  for (const LaxityRow& row : rows_of_now().rows) by_rule[row.rule][row.expected == "ok"].insert(row.token);
  EXPECT_EQ(by_rule.size(), 34U) << "a rule was lost, or is new: count it";
  for (const auto& [rule, tokens] : by_rule) {
    ASSERT_TRUE(tokens.contains(true)) << rule;
    ASSERT_TRUE(tokens.contains(false)) << rule;
    for (const std::string& token : tokens.at(true)) EXPECT_FALSE(tokens.at(false).contains(token)) << rule;
  }
}

}  // namespace
}  // namespace signer::vectors
