// SPDX-License-Identifier: Apache-2.0
//
// The verdict as it is read: by an auditor on a terminal, and by a script that must not depend on its words.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "evidence/judge_pkcs11.h"
#include "evidence/report.h"
#include "tests/unit/evidence/model_pkcs11.h"

namespace signer::evidence {
namespace {

using namespace signer::test;

Verdict model_verdict() {
  Verdict verdict;
  static_cast<Judgement&>(verdict) = judge_pkcs11(good_pkcs11(made_up_key()), made_up_key());
  verdict.key = "issuer";
  verdict.kid = "the-kid";
  verdict.fmt = "pkcs11";
  verdict.made = 0;
  return verdict;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(EvidenceReport, TextBeginsAndEndsWithTheGradeAndFitsTheLine) {
  const Verdict verdict = model_verdict();
  const std::vector<std::string> lines = lines_of(to_text(verdict));
  ASSERT_GT(lines.size(), verdict.checks.size());
  EXPECT_EQ(lines.front(), "grade: probed");
  EXPECT_TRUE(lines[1].starts_with("reason: ")) << lines[1];
  EXPECT_EQ(std::ranges::count(lines, "grade: probed"), 2);
  const auto last = std::find(lines.rbegin(), lines.rend(), "grade: probed");
  EXPECT_LE(last - lines.rbegin(), 2) << "and the reason, which may take two lines";
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

TEST(EvidenceReport, TextHasEveryCheckTheWorstFirst) {
  Verdict verdict = model_verdict();
  verdict.add("the.worst", Finding::kBad, std::string(256, 'x'), "a long word is cut where the column ends");
  const std::string text = to_text(verdict);
  for (const Check& check : verdict.checks) EXPECT_NE(text.find(check.name), std::string::npos) << check.name;
  EXPECT_LT(text.find("the.worst"), text.find("attribute.CKA_TRUSTED"));
  for (const std::string& line : lines_of(text)) EXPECT_LE(line.size(), 100U) << line;
  EXPECT_EQ(std::ranges::count(text, 'x') - std::ranges::count(to_text(model_verdict()), 'x'), 256)
      << "nothing of what was found is left out";
}

TEST(EvidenceReport, JsonHasTheSameUnderStableNames) {
  const Verdict verdict = model_verdict();
  const jose::Json json = to_json(verdict);
  EXPECT_EQ(json.at("grade"), "probed");
  EXPECT_EQ(json.at("reason"), verdict.reason);
  EXPECT_EQ(json.at("key"), "issuer");
  EXPECT_EQ(json.at("kid"), "the-kid");
  EXPECT_EQ(json.at("fmt"), "pkcs11");
  EXPECT_EQ(json.at("made"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(json.size(), 7U);
  ASSERT_EQ(json.at("checks").size(), verdict.checks.size());
  for (std::size_t i = 0; i < verdict.checks.size(); ++i) {
    const jose::Json& check = json.at("checks")[i];
    EXPECT_EQ(check.at("check"), verdict.checks[i].name);
    EXPECT_EQ(check.at("finding"), to_string(verdict.checks[i].finding));
    EXPECT_EQ(check.at("found"), verdict.checks[i].found);
    EXPECT_EQ(check.at("meaning"), verdict.checks[i].meaning);
    EXPECT_EQ(check.size(), 4U);
  }
}

TEST(EvidenceReport, OfWhatCannotBeReadThereIsNoKey) {
  const Verdict verdict = verify_bundle("{}", {}, {});
  const jose::Json json = to_json(verdict);
  EXPECT_EQ(json.at("grade"), "failed");
  EXPECT_EQ(json.size(), 3U);
  EXPECT_EQ(to_text(verdict).find("kid:"), std::string::npos);
}

}  // namespace
}  // namespace signer::evidence
