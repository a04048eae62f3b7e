// SPDX-License-Identifier: Apache-2.0
//
// Reading a line in its one form.  Without these two readers of the log could see two different records in one line.

#include "audit/record_view.h"

#include <gtest/gtest.h>

#include "audit/line.h"
#include "audit/record.h"

namespace signer::audit {
namespace {

TEST(RecordView, GivesTheMembersOfALine) {
  const std::string line =
      R"({"aud":["a","b\"c"],"bytes":-7,"detail":"say \"no\" \u00e9","empty":[],"event":"issue","index":0,"zone":"ü"})";
  const auto record = RecordView::parse(line);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->texts("aud"), (std::vector<std::string>{"a", "b\"c"}));
  EXPECT_EQ(record->number("bytes"), -7);
  EXPECT_EQ(record->number("index"), 0);
  EXPECT_EQ(record->text("detail"), "say \"no\" é");
  EXPECT_EQ(record->text("zone"), "ü");
  EXPECT_TRUE(record->has("empty"));
  EXPECT_TRUE(record->texts("empty").empty());
  EXPECT_TRUE(record->is("event", "issue"));
  EXPECT_FALSE(record->is("event", "issu"));
  EXPECT_FALSE(record->is("event", "issued"));
  EXPECT_FALSE(record->is("index", "0"));
}

// As signerd writes what a profile exempts.
TEST(RecordView, GivesAListOfObjectsOfTexts) {
  const std::string line =
      R"({"exempted":[{"place":"/a","reason":"say \"no\" \u00e9","rule":"phi.email"},{"place":"/b","rule":"phi.name"}]})";
  const auto record = RecordView::parse(line);
  ASSERT_TRUE(record);
  const auto objects = record->objects("exempted");
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0].at("place"), "/a");
  EXPECT_EQ(objects[0].at("reason"), "say \"no\" é");
  EXPECT_EQ(objects[1].at("rule"), "phi.name");
  EXPECT_TRUE(record->texts("exempted").empty());
  EXPECT_EQ(record->text("exempted"), "");
  EXPECT_FALSE(record->number("exempted"));
  EXPECT_TRUE(RecordView::parse(R"({"list":["[{"],"text":"[{"})")->objects("list").empty());
}

// Of what the writer makes: a reader that refused its form would take every such record for a forged one.
TEST(RecordView, ReadsTheLineThatTheWriterMakesOfExemptions) {
  Record written;
  written.exempted = {{"phi.email", "/contact", "address of the \"help desk\"; ticket SEC-411"}};
  written.exempted_more = 2;
  written.reported = {"phi.ssn /note"};
  const std::string line = to_line(written, 7);
  const auto record = RecordView::parse(line);
  ASSERT_TRUE(record) << line;
  ASSERT_EQ(record->objects("exempted").size(), 1U);
  EXPECT_EQ(record->objects("exempted")[0].at("reason"), written.exempted[0].reason);
  EXPECT_EQ(record->number("exempted_more"), 2);
}

TEST(RecordView, GivesNothingForAMemberThatIsNotThereOrIsOfAnotherType) {
  const auto record = RecordView::parse(R"({"list":["a"],"number":1,"text":"1"})");
  ASSERT_TRUE(record);
  EXPECT_FALSE(record->has("other"));
  for (const char* name : {"other", "text", "list"}) EXPECT_FALSE(record->number(name)) << name;
  for (const char* name : {"other", "number", "list"}) EXPECT_EQ(record->text(name), "") << name;
  for (const char* name : {"other", "number", "text"}) EXPECT_TRUE(record->texts(name).empty()) << name;
}

TEST(RecordView, RefusesEveryOtherFormOfJson) {
  for (const std::string_view line : {"",
                                      "{",
                                      "{}",
                                      "[]",
                                      "1",
                                      "null",
                                      R"({"a":1)",
                                      R"({"a":1}})",
                                      R"({"a":1} )",
                                      R"( {"a":1})",
                                      R"({"a": 1})",
                                      R"({"a":1,})",
                                      R"({"a":1 ,"b":2})",
                                      R"({"a":1,"a":1})",
                                      R"({"b":1,"a":1})",
                                      R"({"a":1,"a":2,"b":3})",
                                      R"({"a":})",
                                      R"({"a":true})",
                                      R"({"a":null})",
                                      R"({"a":{}})",
                                      R"({"a":1.0})",
                                      R"({"a":1e3})",
                                      R"({"a":01})",
                                      R"({"a":-0})",
                                      R"({"a":-})",
                                      R"({"a":+1})",
                                      R"({"a":9223372036854775808})",
                                      R"({"a":[1]})",
                                      R"({"a":["x",]})",
                                      R"({"a":["x")",
                                      R"({"a":[["x"]]})",
                                      R"({"a":[{}]})",
                                      R"({"a":[{"b":1}]})",
                                      R"({"a":[{"b":["x"]}]})",
                                      R"({"a":[{"b":{"c":"x"}}]})",
                                      R"({"a":[{"b":"x" }]})",
                                      R"({"a":[{"b":"x"}})",
                                      R"({"a":[{"b":"x",}]})",
                                      R"({"a":[{"b":"x","b":"x"}]})",
                                      R"({"a":[{"c":"x","b":"x"}]})",
                                      R"({"a":[{"B":"x"}]})",
                                      R"({"a":[{"":"x"}]})",
                                      R"({"a":[{"b":"x"},"y"]})",
                                      R"({"a":["y",{"b":"x"}]})",
                                      R"({"a":[{"b":"\ud800"}]})",
                                      R"({"A":1})",
                                      R"({"":1})",
                                      R"({a:1})",
                                      R"({"a\u0062":1})",
                                      R"({"a":"\x"})",
                                      R"({"a":"\u00g0"})",
                                      R"({"a":"\ud800"})",
                                      R"({"a":"x)",
                                      R"({"a":"\)",
                                      "{\"a\":\"\t\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\xc0\x80\"}"}) {
    EXPECT_FALSE(RecordView::parse(line)) << line;
  }
  EXPECT_TRUE(RecordView::parse(R"({"a":-9223372036854775808,"b":9223372036854775807})"));
}

TEST(RecordView, HasBounds) {
  const auto with = [](int members) {
    std::string line = "{";
    for (int i = 0; i < members; ++i) line += "\"m" + std::to_string(100 + i) + "\":1,";
    line.back() = '}';
    return line;
  };
  EXPECT_TRUE(RecordView::parse(with(64)));
  EXPECT_FALSE(RecordView::parse(with(65)));
  const auto of_size = [](std::size_t size) { return "{\"a\":\"" + std::string(size - 8, 'x') + "\"}"; };
  EXPECT_TRUE(RecordView::parse(of_size(kLineBytesMax)));
  EXPECT_FALSE(RecordView::parse(of_size(kLineBytesMax + 1)));
}

}  // namespace
}  // namespace signer::audit
