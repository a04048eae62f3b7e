// SPDX-License-Identifier: Apache-2.0
//
// The log.  Without these a peer could write lines of its own into it.
#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace signer::log {
namespace {

std::string line_of(std::initializer_list<Field> fields) {
  ::testing::internal::CaptureStderr();
  warn("probe", fields);
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogEscaping, LeavesPlainValuesBareAndQuotesTheRest) {
  EXPECT_EQ(escaped("issuer-1.a_b:/x"), "issuer-1.a_b:/x");
  EXPECT_EQ(escaped(""), "\"\"");
  EXPECT_EQ(escaped("two words"), "\"two words\"");
  EXPECT_EQ(escaped("a=b"), "\"a=b\"");
  EXPECT_EQ(escaped("say \"x\""), R"("say \x22x\x22")");
  EXPECT_EQ(escaped("back\\slash"), R"("back\x5cslash")");
  EXPECT_EQ(escaped(std::string_view("a\0b", 3)), R"("a\x00b")");
  EXPECT_EQ(escaped("\r\n\t\x1b\x7f"), R"("\x0d\x0a\x09\x1b\x7f")");
  EXPECT_EQ(escaped("\xc3\xa9\xff"), R"("\xc3\xa9\xff")");
}

TEST(LogEscaping, NoValueOfRandomBytesEndsALineOrItsOwnQuotes) {
  std::mt19937 random(20261123);
  for (int i = 0; i < 20000; ++i) {
    std::string value(random() % 12, '\0');
    for (char& c : value) c = static_cast<char>(random());
    const std::string shown = escaped(value);
    for (const char c : shown) ASSERT_TRUE(c >= 0x20 && c < 0x7f) << shown;
    const bool quoted = shown.front() == '"';
    ASSERT_EQ(std::count(shown.begin(), shown.end(), '"'), quoted ? 2 : 0) << shown;
    ASSERT_EQ(shown.back() == '"', quoted);
    if (!quoted) {
      ASSERT_EQ(shown.find_first_of(" ="), std::string::npos) << shown;
    }
  }
}

TEST(LogLine, APeersTextCannotForgeASecondLineOrAField) {
  const std::string hostile = "x\n2026-11-23T00:00:00 error signer event=audit_recovered uid=0\" key=\"y {} {0} %v\r";
  const std::string line = line_of({{"from", hostile}, {"number", -7}});

  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_TRUE(line.ends_with("\n"));
  EXPECT_NE(line.find(" event=probe from=\"x\\x0a2026"), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with("\" number=-7\n")) << line;
  EXPECT_NE(line.find("{} {0} %v"), std::string::npos) << "braces and percent signs are text";
  EXPECT_EQ(std::count(line.begin(), line.end(), '"'), 2) << line;
}

TEST(LogLine, NamesTheProgramOnceStartedAndDropsWhatIsBelowTheLevel) {
  start("probe-program", Level::kWarn);

  ::testing::internal::CaptureStderr();
  info("quiet", {{"a", 1}});
  debug("quiet");
  error("loud", {{"u", std::numeric_limits<std::uint64_t>::max()}});
  const std::string text = ::testing::internal::GetCapturedStderr();

  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("event=loud u=18446744073709551615"), std::string::npos) << text;
  EXPECT_NE(text.find("probe-program"), std::string::npos);
}

}  // namespace
}  // namespace signer::log
