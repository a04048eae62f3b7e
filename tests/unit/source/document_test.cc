// SPDX-License-Identifier: Apache-2.0
//
// Pages that people are judged by say which test shows what and which command to type.  Without these an auditor could
// be sent to a test that was renamed or to a command that never was.
#include "tests/unit/source/document.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "ctl/command_line.h"

namespace signer::test {
namespace {

using testing::TestWithParam;

// A page, and how many tests and commands it names at least: a page that was cut short shows nothing.
struct Page {
  const char* name;
  std::ptrdiff_t tests;
  std::size_t commands;

  friend void PrintTo(const Page& page, std::ostream* out) { *out << page.name; }
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

class DocumentPage : public TestWithParam<Page> {
 protected:
  Document document_ = read_document(GetParam().name);
};

TEST_P(DocumentPage, NamesTestsThatExist) {
  EXPECT_EQ(joined(wrong_tests(document_)), "");
  EXPECT_GE(std::ranges::count_if(document_.spans, is_test_name, &CodeSpan::text), GetParam().tests);
}

TEST_P(DocumentPage, QuotesCommandsThatSignerctlHas) {
  EXPECT_EQ(joined(wrong_commands(document_, ctl::command_tree())), "");
  EXPECT_GE(command_count(document_), GetParam().commands);
}

TEST_P(DocumentPage, NamesDetectorsThatThereAre) {
  EXPECT_EQ(joined(wrong_detectors(document_)), "");
}

TEST_P(DocumentPage, LinksToFilesAndHeadingsThatExist) {
  EXPECT_EQ(joined(wrong_files(document_)), "");
}

INSTANTIATE_TEST_SUITE_P(Pages, DocumentPage,
                         testing::Values(Page{"README.md", 0, 5}, Page{"docs/phi.md", 1, 0},
                                         Page{"docs/claim-policy.md", 0, 3}, Page{"docs/configuration.md", 0, 3},
                                         Page{"docs/audit-format.md", 0, 8}, Page{"docs/protocol.md", 0, 1},
                                         Page{"SECURITY.md", 0, 1}, Page{"docs/hipaa.md", 70, 40},
                                         Page{"docs/threat-model.md", 150, 1}),
                         [](const auto& page) {
                           std::string name = std::filesystem::path(page.param.name).stem().string();
                           std::erase(name, '-');
                           return name;
                         });

// The checks themselves: each finds what is wrong and is content with what is right.

Document page_of(std::string_view text) {
  return parse_document("docs/made-up.md", text);
}

TEST(DocumentCheck, FindsTestsThatDoNotExistAndThoseOfAnotherFile) {
  const std::string mine = "tests/unit/source/document_test.cc";
  const std::string name = "DocumentCheck.FindsTestsThatDoNotExistAndThoseOfAnotherFile";
  EXPECT_EQ(joined(wrong_tests(page_of("`" + name + "` in `" + mine + "`"))), "");
  EXPECT_EQ(joined(wrong_tests(page_of("`" + name + "`, `" + name + "`"))), "");
  EXPECT_EQ(joined(wrong_tests(page_of("`" + name + "` in `tests/unit/source/document.cc`"))),
            name + ": is not in tests/unit/source/document.cc\n");
  EXPECT_EQ(joined(wrong_tests(page_of("| a | `Ghost.Walks`, `README.md`, `a.B` |"))),
            "Ghost.Walks: there is no such test\n");
  EXPECT_TRUE(known_tests().contains("DocumentPage.NamesTestsThatExist")) << "of TEST_P";
  EXPECT_TRUE(known_tests().contains("SourceTree.BannedCallsStayOut")) << "of TEST";
}

TEST(DocumentCheck, FindsCommandsAndOptionsThatSignerctlDoesNotHave) {
  const auto wrong = [](std::string_view text) { return joined(wrong_commands(page_of(text), ctl::command_tree())); };
  EXPECT_EQ(
      wrong("`signerctl policy test --config a.toml b.toml`, `signerctl --json status`, `signerctl status --json`"),
      "");
  EXPECT_EQ(wrong("```\necho '{}' | signerctl sign issuer --claims - > token   # and so on\n```\n"), "");
  EXPECT_EQ(wrong("`signerctl key csr issuer --subject '/CN=a --b' --config x`"), "");
  EXPECT_EQ(wrong("`signerctl backup show`"), "signerctl backup show: 'backup' is no command of signerctl\n");
  EXPECT_EQ(wrong("`signerctl key rotate issuer`"), "signerctl key rotate issuer: 'rotate' is no command of key\n");
  EXPECT_EQ(wrong("`signerctl status --verbose`"), "signerctl status --verbose: there is no option --verbose\n");
  EXPECT_EQ(wrong("`signerctl status --config=x`"), "signerctl status --config=x: there is no option --config=x\n");
  EXPECT_NE(wrong("```sh\nsignerctl verify \\\n    --wks x\n```\n"), "");
  EXPECT_NE(wrong("1. In a list:\n   ```\n   signerctl status\n   signerctl stats\n   ```\n"), "");
  EXPECT_EQ(command_count(page_of("`signerctl status`\n```\na=$(signerctl jwks); other-signerctl x\n```\n")), 2U);
}

TEST(DocumentCheck, FindsLinksAndPathsThatLeadNowhere) {
  const auto wrong = [](std::string_view text) { return joined(wrong_files(page_of(text))); };
  EXPECT_EQ(wrong("[a](threat-model.md) [b](threat-model.md#out-of-scope) [c](../README.md) [d](https://x.example/y)"),
            "");
  EXPECT_EQ(wrong("# A head, `code` & more\n[a](#a-head-code--more)"), "");
  EXPECT_EQ(wrong("[a](nowhere.md)"), "nowhere.md: there is no such file\n");
  EXPECT_EQ(wrong("[a](threat-model.md#nowhere)"), "threat-model.md#nowhere: there is no such heading\n");
  EXPECT_EQ(wrong("`signer/phi/phi.h` `signer/nowhere.cc` `tests/*.cc`"), "signer/nowhere.cc: there is no such file\n");
}

TEST(DocumentCheck, FindsDetectorsThatThereAreNot) {
  EXPECT_EQ(joined(wrong_detectors(page_of("`phi.ssn`, `phi.email /contact`, `phi.…`, `phi.mrn`"))),
            "phi.mrn: there is no such detector\n");
}

}  // namespace
}  // namespace signer::test
