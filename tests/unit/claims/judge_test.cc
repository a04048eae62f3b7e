// SPDX-License-Identifier: Apache-2.0
//
// What a profile refuses and how it says so.  Without these a claim that no rule names could be signed, or a refusal
// could tell the log what the claim held.
#include "claims/judge.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/seed.h"

namespace signer::claims {
namespace {

using jose::Json;

Rule rule(std::string name, Type type, bool required = false) {
  Rule made;
  made.name = std::move(name);
  made.type = type;
  made.required = required;
  return made;
}

Rule array(std::string name, Rule element, std::size_t items_max) {
  Rule made = rule(std::move(name), Type::kArray);
  made.parts = {std::move(element)};
  made.items_max = items_max;
  return made;
}

Rule object(std::string name, std::vector<Rule> members) {
  Rule made = rule(std::move(name), Type::kObject);
  made.parts = std::move(members);
  return made;
}

void exempt(Rule& rule, phi::Detector detector, std::string reason) {
  rule.exempt = rule.exempt.with(detector);
  rule.reasons.push_back({detector, std::move(reason)});
}

std::optional<Breach> judge_by(std::vector<Rule> rules, const Json& claims, Findings* findings = nullptr,
                               PhiMode mode = PhiMode::kEnforce) {
  sort_by_name(rules);
  Findings own;
  return judge(claims, rules, mode, findings != nullptr ? *findings : own);
}

void expect_breach(const std::vector<Rule>& rules, const Json& claims, std::string_view id, std::string_view pointer) {
  const auto breach = judge_by(rules, claims);
  ASSERT_TRUE(breach) << claims.dump();
  EXPECT_EQ(breach->rule, id) << claims.dump();
  EXPECT_EQ(breach->pointer, pointer) << claims.dump();
  EXPECT_FALSE(breach->problem.empty());
}

TEST(ClaimJudge, TakesWhatItsRulesName) {
  Rule number = rule("n", Type::kNumber);
  number.minimum = -1;
  number.maximum = 10;
  const std::vector<Rule> rules = {rule("a", Type::kUuid),
                                   number,
                                   rule("t", Type::kTime),
                                   rule("b", Type::kBoolean),
                                   array("l", rule("", Type::kOpaqueId), 2),
                                   object("o", {rule("x", Type::kScope, true), rule("y", Type::kUri)})};
  EXPECT_FALSE(judge_by(rules, Json::object()));
  EXPECT_FALSE(judge_by(rules, {{"a", "3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a77"},
                                {"n", -1},
                                {"t", 0},
                                {"b", false},
                                {"l", Json::array({"x", "y"})},
                                {"o", {{"x", "a b"}, {"y", "urn:x"}}}}));
  EXPECT_FALSE(judge_by(rules, {{"n", 10}, {"l", Json::array()}}));
  EXPECT_FALSE(judge_by(rules, {{"iss", 1}, {"aud", 2}, {"exp", 3}, {"iat", 4}, {"nbf", 5}})) << "judged elsewhere";
}

TEST(ClaimJudge, RefusesWhatBreaksEachRuleAndSaysWhere) {
  Rule number = rule("n", Type::kNumber);
  number.minimum = -1;
  number.maximum = 10;
  Rule text = rule("s", Type::kText);
  text.length_max = 3;
  const std::vector<Rule> rules = {number,
                                   text,
                                   rule("t", Type::kTime),
                                   rule("b", Type::kBoolean),
                                   array("l", rule("", Type::kOpaqueId), 2),
                                   object("o", {rule("x", Type::kScope, true), rule("a/b~c", Type::kUri)})};
  for (const Json& bad : {Json(-2), Json(11)}) expect_breach(rules, Json{{"n", bad}}, "claim.value", "/n");
  for (const Json& bad : {Json("1"), Json(1.5), Json(true), Json(nullptr), Json::array()})
    expect_breach(rules, Json{{"n", bad}}, "claim.type", "/n");
  expect_breach(rules, {{"t", -1}}, "claim.value", "/t");
  expect_breach(rules, {{"t", 253402300800}}, "claim.value", "/t");
  expect_breach(rules, {{"b", 1}}, "claim.type", "/b");
  expect_breach(rules, {{"s", "abcd"}}, "claim.length", "/s");
  expect_breach(rules, {{"s", 1}}, "claim.type", "/s");
  expect_breach(rules, {{"s", "a\n"}}, "claim.value", "/s");
  expect_breach(rules, {{"l", "x"}}, "claim.type", "/l");
  expect_breach(rules, {{"l", {"a", "b", "c"}}}, "claim.items", "/l");
  expect_breach(rules, {{"l", {"a", "b c"}}}, "claim.value", "/l/1");
  expect_breach(rules, {{"o", "x"}}, "claim.type", "/o");
  expect_breach(rules, {{"o", Json::object()}}, "claim.missing", "/o/x");
  expect_breach(rules, {{"o", {{"x", "a"}, {"a/b~c", "no"}}}}, "claim.value", "/o/a~1b~0c");
}

TEST(ClaimJudge, AMissingClaimIsFoundWhereverItStandsInTheAlphabet) {
  const std::vector<Rule> rules = {rule("a", Type::kText, true), rule("m", Type::kText, true),
                                   rule("z", Type::kText, true)};
  expect_breach(rules, {{"m", ""}, {"z", ""}}, "claim.missing", "/a");
  expect_breach(rules, {{"a", ""}, {"z", ""}}, "claim.missing", "/m");
  expect_breach(rules, {{"a", ""}, {"m", ""}}, "claim.missing", "/z");
  EXPECT_FALSE(judge_by(rules, {{"a", ""}, {"m", ""}, {"z", ""}}));
}

TEST(ClaimJudge, AnUnknownNameIsRefusedByItsPlaceAtEveryLevel) {
  const std::vector<Rule> rules = {rule("a", Type::kText), object("o", {rule("x", Type::kText)}),
                                   array("l", object("", {rule("x", Type::kText)}), 3)};
  expect_breach(rules, {{"John Doe", ""}, {"a", ""}}, "claim.not_allowed", "/0");
  expect_breach(rules, {{"a", ""}, {"john", ""}}, "claim.not_allowed", "/1");
  expect_breach(rules, {{"o", {{"x", ""}, {"y", ""}}}}, "claim.not_allowed", "/o/1");
  expect_breach(rules, {{"o", {{"iss", ""}}}}, "claim.not_allowed", "/o/0");
  expect_breach(rules, {{"l", {{{"x", ""}}, {{"w", ""}}}}}, "claim.not_allowed", "/l/1/0");
  expect_breach(rules, {{"", 1}}, "claim.not_allowed", "/0");
}

TEST(ClaimJudge, AnErrorReadsAsASentence) {
  EXPECT_EQ(describe({"claim.type", "/o/x", "must be a text"}), "claim 'o/x' must be a text");
  EXPECT_EQ(
      describe({"claim.not_allowed", "/3", ""}),
      "the claims must hold nothing that the profile does not allow; see the member at index 3 in the order of the "
      "alphabet");
  EXPECT_EQ(
      describe({"claim.not_allowed", "/o/3", ""}),
      "claim 'o' must hold nothing that the profile does not allow; see the member at index 3 in the order of the "
      "alphabet");
}

TEST(ClaimJudge, DetectorsLookIntoEveryTextAndNumber) {
  const std::vector<Rule> rules = {rule("a", Type::kText),
                                   rule("n", Type::kNumber),
                                   rule("ssn", Type::kNumber),
                                   array("l", rule("", Type::kText), 3),
                                   object("o", {rule("x", Type::kText)}),
                                   rule("t", Type::kTime)};
  expect_breach(rules, {{"a", "call 123-45-6789 now"}}, "phi.ssn", "/a");
  expect_breach(rules, {{"l", {"", "jane@example.org"}}}, "phi.email", "/l/1");
  expect_breach(rules, {{"o", {{"x", "10.1.2.3"}}}}, "phi.ip_address", "/o/x");
  expect_breach(rules, {{"ssn", 123456789}}, "phi.ssn", "/ssn");
  EXPECT_FALSE(judge_by(rules, {{"t", 123456789}})) << "a time is a time";
}

TEST(ClaimJudge, WhatTheConfigurationWroteIsNotLookedInto) {
  Rule role = rule("contact", Type::kEnum);
  role.values = {"help@example.org"};
  EXPECT_FALSE(judge_by({role}, {{"contact", "help@example.org"}}));
}

TEST(ClaimJudge, ReportModeLetsThroughAndTells) {
  Findings findings;
  const std::vector<Rule> rules = {rule("a", Type::kText), array("l", rule("", Type::kText), 3)};
  EXPECT_FALSE(
      judge_by(rules, {{"a", "jane@example.org 123-45-6789"}, {"l", {"x", "10.1.2.3"}}}, &findings, PhiMode::kReport));
  ASSERT_EQ(findings.reported.size(), 3U);
  EXPECT_EQ(findings.reported[2], (Finding{phi::Detector::kIpAddress, "/l/1"}));
  EXPECT_TRUE(findings.exempted.empty());
  EXPECT_TRUE(judge_by(rules, {{"a", 1}}, &findings, PhiMode::kReport)) << "only the detectors are lenient";
}

TEST(ClaimJudge, AnExemptionIsForOneDetectorAndIsToldOf) {
  Rule contact = rule("contact", Type::kText);
  exempt(contact, phi::Detector::kEmail, "of the help desk");
  Findings findings;
  EXPECT_FALSE(judge_by({contact}, {{"contact", "it@example.org"}}, &findings));
  EXPECT_EQ(findings.exempted, std::vector({Finding{phi::Detector::kEmail, "/contact", "of the help desk"}}));
  expect_breach({contact}, {{"contact", "it@example.org 123-45-6789"}}, "phi.ssn", "/contact");
  expect_breach({contact}, {{"contact", "123-45-6789"}}, "phi.ssn", "/contact");
  findings = {};
  EXPECT_FALSE(judge_by({contact}, {{"contact", "nobody"}}, &findings));
  EXPECT_TRUE(findings.exempted.empty()) << "nothing was found, so nothing was exempt";
}

TEST(ClaimJudge, AnExemptionIsToldOfWithTheReasonOfItsOwnClaimAndDetector) {
  Rule desk = rule("desk", Type::kText);
  exempt(desk, phi::Detector::kEmail, "addresses of ours");
  exempt(desk, phi::Detector::kPhone, "numbers of ours");
  Rule element = rule("", Type::kText);
  exempt(element, phi::Detector::kIpAddress, "addresses of machines");
  Findings findings;
  EXPECT_FALSE(judge_by({object("o", {desk}), array("l", element, 3)},
                        {{"o", {{"desk", "it@example.org (212) 555-0123"}}}, {"l", {"x", "10.1.2.3"}}}, &findings));
  EXPECT_EQ(findings.exempted, std::vector({Finding{phi::Detector::kIpAddress, "/l/1", "addresses of machines"},
                                            Finding{phi::Detector::kEmail, "/o/desk", "addresses of ours"},
                                            Finding{phi::Detector::kPhone, "/o/desk", "numbers of ours"}}));
}

// That a token has the claim at all is what its exemption lets pass.
TEST(ClaimJudge, AnExemptNameIsToldOfOnceForEachTokenThatHasIt) {
  Rule phone = rule("", Type::kText);
  exempt(phone, phi::Detector::kName, "of the ward");
  Rule note = rule("note", Type::kText);
  exempt(note, phi::Detector::kName, "needless: the name says nothing");
  const std::vector<Rule> rules = {array("phone", phone, 3), note};
  Findings findings;
  EXPECT_FALSE(judge_by(rules, {{"note", "x"}, {"phone", {"1", "2"}}}, &findings));
  EXPECT_EQ(findings.exempted, std::vector({Finding{phi::Detector::kName, "/phone", "of the ward"}}));
  findings = {};
  EXPECT_FALSE(judge_by(rules, {{"note", "x"}}, &findings));
  EXPECT_TRUE(findings.exempted.empty());
}

// Random PHI in random places, names included: nothing of it is in what comes out.
TEST(ClaimJudge, Invariant11_NoSixBytesOfAForbiddenValueAreInABreach) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<Rule> rules = {rule("a", Type::kText), rule("n", Type::kNumber), rule("u", Type::kUuid),
                                   array("l", rule("", Type::kOpaqueId), 3), object("o", {rule("x", Type::kText)})};
  for (int i = 0; i < 3000; ++i) {
    std::string digits;
    for (int k = 0; k < 9; ++k) digits += static_cast<char>('0' + random() % 10);
    const std::string secret = "Jane-Roe " + digits.substr(0, 3) + "-" + digits.substr(3, 2) + "-" + digits.substr(5);
    const Json claims[] = {{{"a", secret + "@example.org"}},
                           {{secret, 1}},
                           {{"u", secret}},
                           {{"l", {secret}}},
                           {{"o", {{secret, 1}}}},
                           {{"o", {{"x", secret + "\n"}}}},
                           {{"n", secret}},
                           {{"a", {{secret, secret}}}}};
    const auto breach = judge_by(rules, claims[random() % std::size(claims)]);
    ASSERT_TRUE(breach);
    const std::string told = breach->rule + "\n" + breach->pointer + "\n" + breach->problem + "\n" + describe(*breach);
    for (std::size_t at = 0; at + 6 <= secret.size(); ++at)
      ASSERT_EQ(told.find(secret.substr(at, 6)), std::string::npos) << told;
  }
}

}  // namespace
}  // namespace signer::claims
