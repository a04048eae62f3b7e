// SPDX-License-Identifier: Apache-2.0
//
// docs/hipaa.md and the example that it shows.  Without these a duty could be left out of the page, a row could claim
// what no test shows, and the way for emergencies could be wider than the page says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "ctl/command_line.h"
#include "phi/phi.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/source/document.h"

namespace signer::test {
namespace {

struct Duty {
  std::string_view paragraph;  // of 45 CFR
  std::string_view kind;
};

// Appendix A to Subpart C of 45 CFR Part 164; the standards that have implementation specifications beside them, and
// the paragraphs of the Privacy and Breach Notification Rules that are about what a token holds.
constexpr auto kDuties = std::to_array<Duty>({
    {"164.308(a)(1)(i)", "standard"},
    {"164.308(a)(1)(ii)(A)", "required"},
    {"164.308(a)(1)(ii)(B)", "required"},
    {"164.308(a)(1)(ii)(C)", "required"},
    {"164.308(a)(1)(ii)(D)", "required"},
    {"164.308(a)(2)", "required"},
    {"164.308(a)(3)(i)", "standard"},
    {"164.308(a)(3)(ii)(A)", "addressable"},
    {"164.308(a)(3)(ii)(B)", "addressable"},
    {"164.308(a)(3)(ii)(C)", "addressable"},
    {"164.308(a)(4)(i)", "standard"},
    {"164.308(a)(4)(ii)(A)", "required"},
    {"164.308(a)(4)(ii)(B)", "addressable"},
    {"164.308(a)(4)(ii)(C)", "addressable"},
    {"164.308(a)(5)(i)", "standard"},
    {"164.308(a)(5)(ii)(A)", "addressable"},
    {"164.308(a)(5)(ii)(B)", "addressable"},
    {"164.308(a)(5)(ii)(C)", "addressable"},
    {"164.308(a)(5)(ii)(D)", "addressable"},
    {"164.308(a)(6)(i)", "standard"},
    {"164.308(a)(6)(ii)", "required"},
    {"164.308(a)(7)(i)", "standard"},
    {"164.308(a)(7)(ii)(A)", "required"},
    {"164.308(a)(7)(ii)(B)", "required"},
    {"164.308(a)(7)(ii)(C)", "required"},
    {"164.308(a)(7)(ii)(D)", "addressable"},
    {"164.308(a)(7)(ii)(E)", "addressable"},
    {"164.308(a)(8)", "required"},
    {"164.308(b)(1)", "standard"},
    {"164.308(b)(3)", "required"},
    {"164.312(a)(1)", "standard"},
    {"164.312(a)(2)(i)", "required"},
    {"164.312(a)(2)(ii)", "required"},
    {"164.312(a)(2)(iii)", "addressable"},
    {"164.312(a)(2)(iv)", "addressable"},
    {"164.312(b)", "required"},
    {"164.312(c)(1)", "standard"},
    {"164.312(c)(2)", "addressable"},
    {"164.312(d)", "required"},
    {"164.312(e)(1)", "standard"},
    {"164.312(e)(2)(i)", "addressable"},
    {"164.312(e)(2)(ii)", "addressable"},
    {"164.316(a)", "standard"},
    {"164.316(b)(1)", "standard"},
    {"164.316(b)(2)(i)", "required"},
    {"164.316(b)(2)(ii)", "required"},
    {"164.316(b)(2)(iii)", "required"},
    {"164.402, 164.410", "standard"},
    {"164.502(b)", "standard"},
    {"164.514(b)", "standard"},
    {"164.514(c)", "standard"},
    {"164.514(d)", "standard"},
});

enum Column : std::size_t { kParagraph, kDuty, kSigner, kCommand, kTest, kOperator, kColumns };

class HipaaDocument : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& row : document_.rows) {
      if (row.front().starts_with("164.")) duties_.push_back(row);
    }
  }

  Document document_ = read_document("docs/hipaa.md");
  std::vector<std::vector<std::string>> duties_;
};

TEST_F(HipaaDocument, HasOneRowForEachParagraphMarkedAsTheRuleMarksIt) {
  for (const Duty& duty : kDuties) {
    const auto is_its = [&duty](const auto& row) { return row.front() == duty.paragraph; };
    ASSERT_EQ(std::ranges::count_if(duties_, is_its), 1) << duty.paragraph;
    const auto row = std::ranges::find_if(duties_, is_its);
    EXPECT_TRUE(row->at(kDuty).ends_with("(" + std::string(duty.kind) + ")")) << duty.paragraph << row->at(kDuty);
  }
  EXPECT_EQ(duties_.size(), kDuties.size()) << "a row of a paragraph that this test does not know";
}

TEST_F(HipaaDocument, ARowThatClaimsSomethingNamesATestAndEveryRowWhatStaysWithTheOperator) {
  for (const auto& row : duties_) {
    ASSERT_EQ(row.size(), kColumns) << row.front();
    for (const std::string& cell : row) EXPECT_NE(cell, "") << row.front();
    EXPECT_NE(row[kOperator], "–") << row.front();
    const auto spans = spans_of(row[kTest]);
    if (row[kSigner].starts_with("Nothing")) {
      EXPECT_EQ(row[kCommand] + row[kTest], "––") << row.front() << ": what is not done, nothing can show";
    } else {
      EXPECT_TRUE(std::ranges::any_of(spans, is_test_name, &CodeSpan::text)) << row.front() << ": " << row[kTest];
    }
  }
}

// 45 CFR 164.514(b)(2)(i)(A) to (R): which claim names are refused for it, and which values are found.
TEST_F(HipaaDocument, NamesAllEighteenIdentifiersAndWhatIsReallyRefusedOfThem) {
  std::string letters;
  std::size_t without_names = 0;
  for (const auto& row : document_.rows) {
    if (row.front().size() != 3 || row.front().front() != '(') continue;
    letters += row.front()[1];
    ASSERT_EQ(row.size(), 4U) << row.front();
    const auto names = spans_of(row[2]);
    if (names.empty()) ++without_names;
    EXPECT_EQ(names.empty(), row[2] == "none") << row.front();
    for (const CodeSpan& name : names) EXPECT_TRUE(phi::names_phi(name.text)) << row.front() << " " << name.text;
    EXPECT_EQ(spans_of(row[3]).empty(), row[3] == "none") << row.front();
  }
  EXPECT_EQ(letters, "ABCDEFGHIJKLMNOPQR");
  EXPECT_EQ(without_names, 2U) << "URLs and 'any other'";
}

TEST_F(HipaaDocument, PromisesNobodyThatALawIsKept) {
  const std::string text = read_text((kSourceRoot / document_.name).string());
  for (const char* word : {"compliant", "certified", "guarantee", "ensures compliance", "required by the 2025"})
    EXPECT_EQ(text.find(word), std::string::npos) << word;
  EXPECT_NE(text.find("can write another log and have the token sign it"), std::string::npos);
}

// The example, and copies of it that are changed.
class HipaaExample : public testing::Test {
 protected:
  static std::string text_of_example(const std::string& name) {
    return read_text((kSourceRoot / "docs/examples/hipaa" / name).string());
  }

  ctl::Outcome check(const std::string& config) const {
    write_text(config_, config);
    return ctl::run({"signerctl", "config", "check", config_});
  }

  ctl::Outcome test_cases(const std::string& config) const {
    write_text(config_, config);
    write_text(cases_, text_of_example("cases.toml"));
    return ctl::run({"signerctl", "policy", "test", "--config", config_, cases_});
  }

  // The example with one text in it replaced, which must be there once.
  std::string with(std::string_view from, std::string_view to) const {
    std::string changed = example_;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(changed.find(from, at + 1), std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  }

  std::string example_ = text_of_example("signer.toml");
  TemporaryDirectory directory_;
  std::string config_ = directory_ / "signer.toml";
  std::string cases_ = directory_ / "cases.toml";
};

TEST_F(HipaaExample, IsAGoodConfigurationThatDecidesAsItsCasesSay) {
  const ctl::Outcome checked = check(example_);
  EXPECT_EQ(checked.exit, ctl::Exit::kYes) << checked.out << checked.err;
  EXPECT_EQ(checked.out, "OK\n");
  const ctl::Outcome tested = test_cases(example_);
  EXPECT_EQ(tested.exit, ctl::Exit::kYes) << tested.out << tested.err;
  EXPECT_EQ(tested.out, "OK, 14 cases\n");
}

TEST_F(HipaaExample, EveryWayToWidenTheEmergencyIsNoticedByACase) {
  struct Change {
    std::string_view from;
    std::string_view to;
    std::string_view noticed_by;
  };
  const Change changes[] = {
      {R"(max_ttl = "5m")", R"(max_ttl = "15m")", "not for longer"},
      {R"({ user = "emergency-desk", listener = "/run/signer/emergency.sock" })", R"({ user = "emergency-desk" })",
       "the desk gets none over the everyday socket"},
      {R"({ user = "portal", listener = "/run/signer/signer.sock" })", R"({ user = "portal" })",
       "the portal gets none over the emergency socket"},
      {R"(profiles = ["access"])", R"(profiles = ["access", "break-glass"])", "nor an emergency token over its own"},
      {"type = \"uuid\"\nrequired = true", "type = \"uuid\"", "not without an entry in the register"},
      {"without = [\"encounter\"", "phi = \"report\"\nwithout = [\"encounter\"", "an emergency takes no detector off"},
      {R"(without = ["jti"])", R"(without = ["sid"])", "a jti would be in the audit log, so nobody chooses it"},
  };
  for (const Change& change : changes) {
    const ctl::Outcome tested = test_cases(with(change.from, change.to));
    EXPECT_EQ(tested.exit, ctl::Exit::kNo) << change.noticed_by << tested.out << tested.err;
    EXPECT_NE(tested.out.find(": " + std::string(change.noticed_by) + ": "), std::string::npos) << tested.out;
  }
}

TEST_F(HipaaExample, OperatorsWhoWereToMintAsWellWouldOverlapAndAreRefused) {
  const ctl::Outcome tested = test_cases(with(
      R"(verbs = ["create", "status"])", "profiles = [\"break-glass\"]\nverbs = [\"create\", \"status\", \"issue\"]"));
  EXPECT_EQ(tested.exit, ctl::Exit::kUsage);
  EXPECT_NE((tested.out + tested.err).find("grant 'operators' overlaps grant 'break-glass'"), std::string::npos)
      << tested.out << tested.err;
}

TEST_F(HipaaExample, AClaimWithTheNameOfAnIdentifierIsRefusedBeforeItIsEverSent) {
  const ctl::Outcome checked = check(with(R"(name = "register_entry")", R"(name = "mrn")"));
  EXPECT_EQ(checked.exit, ctl::Exit::kNo);
  EXPECT_NE((checked.out + checked.err).find("'mrn' is a name of protected health information"), std::string::npos)
      << checked.out << checked.err;
}

TEST_F(HipaaExample, ThePageShowsItAsItIs) {
  const std::string cases = text_of_example("cases.toml");
  std::size_t shown = 0;
  for (const CodeBlock& block : read_document("docs/hipaa.md").blocks) {
    if (block.language != "toml") continue;
    ++shown;
    EXPECT_TRUE(example_.find(block.text) != std::string::npos || cases.find(block.text) != std::string::npos)
        << block.text;
  }
  EXPECT_GE(shown, 3U);
}

}  // namespace
}  // namespace signer::test
