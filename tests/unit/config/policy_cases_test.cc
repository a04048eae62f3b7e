// SPDX-License-Identifier: Apache-2.0
//
// Files of expected verdicts.  Without these a case with a typing error could pass by testing nothing.
#include "config/policy_cases.h"

#include <gtest/gtest.h>

namespace signer::config {
namespace {

constexpr std::string_view kCase = R"([[case]]
name = "n"
user = "idp"
key = "issuer"
expect = "allowed"
)";

TEST(PolicyCases, AreReadWithAllTheirMembers) {
  const auto cases = parse_policy_cases(std::string(kCase) + R"([[case]]
name = "m"
uid = 7
groups = ["a", "b"]
gid = 8
listener = "/s"
unit = "x.service"
key = "k"
profile = "p"
verb = "sign-payload"
claims = '{"sub":"x"}'
at = 1790000000
expect = "claim_policy"
rule = "phi.ssn"
pointer = "/sub"
grant = "g"
)",
                                        "cases.toml");
  ASSERT_TRUE(cases) << cases.error().text;
  ASSERT_EQ(cases->size(), 2U);
  EXPECT_EQ(cases->at(0).caller.user, "idp");
  EXPECT_EQ(cases->at(0).claims, "{}");
  EXPECT_EQ(cases->at(0).verb, "issue");
  const PolicyCase& full = cases->at(1);
  EXPECT_EQ(full.line, 6U);
  EXPECT_EQ(full.caller.uid, 7U);
  EXPECT_EQ(full.caller.gids, std::vector<std::uint32_t>{8});
  EXPECT_EQ(full.caller.groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(full.caller.listener, "/s");
  EXPECT_EQ(full.caller.unit, "x.service");
  EXPECT_EQ(full.profile, "p");
  EXPECT_EQ(full.verb, "sign-payload");
  EXPECT_EQ(full.claims, R"({"sub":"x"})");
  EXPECT_EQ(full.at, 1790000000);
  EXPECT_EQ(full.rule, "phi.ssn");
  EXPECT_EQ(full.pointer, "/sub");
  EXPECT_EQ(full.grant, "g");
}

TEST(PolicyCases, AMistakeIsNamedWithItsLine) {
  const std::pair<std::string, const char*> mistakes[] = {
      {"", "case: is missing"},
      {"[[cases]]\n", "cases: is not known"},
      {std::string(kCase) + "uid = 7\n", "cases.toml:3: case.user: say who is asking"},
      {std::string(kCase) + "expct = \"x\"\n", "cases.toml:6: case.expct: is not known; did you mean 'expect'?"},
      {std::string(kCase) + "rule = \"phi.ssn\"\n", "goes with expect = \"claim_policy\" alone"},
      {std::string(kCase) + "verb = \"create\"\n", "case.verb: must be \"issue\" or \"sign-payload\""},
      {"[[case]]\nname = \"n\"\nuid = 1\nkey = \"k\"\nexpect = \"refused\"\n", "case.expect: must be"},
      {"[[case]]\nname = \"n\"\nuid = 1\nkey = \"k\"\nexpect = \"denied\"\ngrant = \"g\"\n", "does not go with"},
      {"[[case]]\n", "case.name: is missing"},
      {"[[case]\n", "cases.toml:1: syntax: "},
  };
  for (const auto& [text, says] : mistakes) {
    const auto refused = parse_policy_cases(text, "cases.toml");
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().text.find(says), std::string::npos) << text << " gave: " << refused.error().text;
  }
}

TEST(PolicyCases, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(load_policy_cases("/nowhere/cases.toml").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace signer::config
