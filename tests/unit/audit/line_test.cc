// SPDX-License-Identifier: Apache-2.0
//
// Names and lines as a directory of strangers may have them: the start of signerd and the checker read them.
#include "audit/line.h"

#include <gtest/gtest.h>

#include "audit/record.h"

namespace signer::audit {
namespace {

std::string head_line(const std::string& time) {
  return R"({"event":"segment","index":0,"origin":"o","time":")" + time + R"(","v":2})";
}

TEST(AuditLine, ASegmentsNameIsItsIndexInTwentyDigits) {
  for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{42}, UINT64_MAX}) {
    EXPECT_EQ(segment_name(index).size(), 26U);
    EXPECT_EQ(first_index_of(segment_name(index)), index);
    EXPECT_EQ(first_index_of(segment_name(index) + ".gz"), index);
  }
  for (const char* other : {"", "0.jsonl", "0000000000000000004x.jsonl", "-0000000000000000042.jsonl",
                            "99999999999999999999.jsonl", "00000000000000000042.json", "00000000000000000042.jsonl.xz",
                            " 0000000000000000042.jsonl", "00000000000000000042.torn", "000000000000000000042.jsonl"}) {
    EXPECT_FALSE(first_index_of(other)) << other;
  }
}

TEST(AuditLine, AnIndexIsFoundWhereTheWriterPutsIt) {
  Record record;
  record.detail = R"("index":7,)";
  EXPECT_EQ(index_of(to_line(record, 42)), 42U);
  EXPECT_EQ(index_of(to_line(record, UINT64_MAX >> 1U)), UINT64_MAX >> 1U);
  for (const char* none :
       {"", "{}", R"({"index":)", R"({"index":"7"})", R"({"index":-1})", R"({"index":99999999999999999999})"})
    EXPECT_FALSE(index_of(none)) << none;
}

TEST(AuditLine, TheHashBeforeIsFoundWhereTheWriterPutsIt) {
  Record record;
  record.detail = R"("prev":"x")";
  EXPECT_FALSE(prev_of(to_line(record, 0)));
  const std::string line = to_line(record, 1);
  EXPECT_EQ(prev_of(line), tlog::hash_from_base64(kPrevUnknown));
  EXPECT_FALSE(prev_of(line.substr(0, line.find("\"prev\"") + 20)));
  EXPECT_FALSE(prev_of(R"({"prev":"not base64, but as long as one must be......"})"));
}

// Nanoseconds since 1970 end in 2262, and whoever wrote the line may have written any year.
TEST(AuditLine, ATimeThatCannotBeIsNoHead) {
  EXPECT_TRUE(parse_segment_head(head_line("2026-11-23T19:14:52.781672Z")));
  EXPECT_TRUE(parse_segment_head(head_line("1970-01-01T00:00:00.000000Z")));
  EXPECT_TRUE(parse_segment_head(head_line("2223-01-01T00:00:00.000000Z")));
  for (const char* time : {"1969-12-31T23:59:59.000000Z", "0970-11-23T19:14:52.781672Z", "3026-11-23T19:14:52.781672Z",
                           "9999-12-31T23:59:59.000000Z", "2300-01-01T00:00:00.000000Z", "2026-11-23 19:14:52", ""}) {
    EXPECT_FALSE(parse_segment_head(head_line(time))) << time;
  }
}

TEST(AuditLine, AHeadWithATreeOfAnotherSizeIsNone) {
  const std::string tree = "\"" + std::string(kPrevUnknown) + "\"";
  const auto line = [](int index, const std::string& hashes) {
    return R"({"event":"segment","index":)" + std::to_string(index) +
           R"(,"origin":"o","time":"2026-11-23T19:14:52.781672Z","tree":[)" + hashes + R"(],"v":2})";
  };
  EXPECT_TRUE(parse_segment_head(line(0, "")));
  EXPECT_TRUE(parse_segment_head(line(2, tree)));
  EXPECT_TRUE(parse_segment_head(line(3, tree + "," + tree)));
  EXPECT_FALSE(parse_segment_head(line(3, tree)));
  EXPECT_FALSE(parse_segment_head(line(0, tree)));
  EXPECT_FALSE(parse_segment_head(line(-1, "")));
  EXPECT_FALSE(parse_segment_head(line(2, "7")));
  EXPECT_FALSE(parse_segment_head("{}"));
  EXPECT_FALSE(parse_segment_head("no JSON"));
  EXPECT_FALSE(parse_segment_head("[]"));
}

}  // namespace
}  // namespace signer::audit
