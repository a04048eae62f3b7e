// SPDX-License-Identifier: Apache-2.0
//
// The page that a second implementation is written from: its example must be what the programs write and check.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "audit/check.h"
#include "audit/line.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {
namespace {

// The fenced texts of a chapter, in order.
std::vector<std::string> fenced(const std::string& page, const std::string& chapter) {
  const std::size_t begin = page.find("\n## " + chapter + "\n");
  std::istringstream lines(page.substr(begin + 1, page.find("\n## ", begin + 4) - begin));
  std::vector<std::string> texts;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) texts.emplace_back();
    } else if (inside) {
      texts.back() += line + "\n";
    }
  }
  return texts;
}

TEST(WorkedBytes, OfThePageAreAWholeLogAndEachOfThemCounts) {
  const auto texts = fenced(read_text(SOURCE_DIRECTORY "/docs/audit-format.md"), "Worked bytes");
  ASSERT_GE(texts.size(), 2U);
  const TemporaryDirectory directory;
  const std::string segment = directory / audit::segment_name(0);
  write_text(segment, texts[0]);
  const auto key = tlog::NoteKey::parse(texts[1].substr(0, texts[1].find('\n')));
  ASSERT_TRUE(key) << key.error().text;
  const auto verdict = audit::check_log({directory.path(), {*key}, {}});
  ASSERT_TRUE(verdict) << verdict.error().text;
  EXPECT_FALSE(verdict->finding) << verdict->finding->why;
  EXPECT_EQ(verdict->size, 10U);
  EXPECT_EQ(verdict->covered, 9U);
  EXPECT_TRUE(verdict->signatures_checked);
  EXPECT_EQ(texts[0].find('\n'), 126U) << "as the page says of the first line";

  std::string changed = texts[0];
  changed[changed.find("\"uid\":0") + 6] = '1';
  write_text(segment, changed);
  EXPECT_TRUE(audit::check_log({directory.path(), {*key}, {}})->finding);
}

}  // namespace
}  // namespace signer::test
