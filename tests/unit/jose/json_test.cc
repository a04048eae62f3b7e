// SPDX-License-Identifier: Apache-2.0
//
// The one door through which JSON enters.  Without these a verifier and we could read two different claims in one text.
#include "jose/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "tests/support/seed.h"

namespace signer::jose {
namespace {

bool accepted(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, limits);
  EXPECT_TRUE(parsed || parsed.error().code == ErrorCode::kInvalidRequest) << text;
  return parsed.has_value();
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(StrictJson, ReadsEveryKindOfValueWithBlanksAround) {
  const auto parsed = parse_json(" \t\r\n{\"a\":[1,-2,0.5,true,false,null,\"\\u00e9\\ud83d\\ude00\",{}]} \n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(dump_json(*parsed), "{\"a\":[1,-2,0.5,true,false,null,\"\xc3\xa9\xf0\x9f\x98\x80\",{}]}");
}

TEST(StrictJson, RefusesANameThatAppearsTwiceInOneObjectAtEveryLevel) {
  for (const std::string_view text :
       {R"({"a":1,"a":1})", R"({"a":1,"b":2,"a":3})", R"({"x":{"a":1,"a":2}})", R"([{"a":1,"a":2}])",
        R"({"x":[[{"a":{},"a":{}}]]})", R"({"a":1,"\u0061":2})", R"({"sub":{"n":1},"sub":2})", R"({"":1,"":2})",
        "{\"a\\u0000\":1,\"a\\u0000\":2}"}) {
    EXPECT_FALSE(accepted(text)) << text;
  }
  EXPECT_TRUE(accepted(R"({"a":{"a":{"a":1}},"b":{"a":1},"A":1,"c":[{"a":1},{"a":1}]})"));
}

TEST(StrictJson, RefusesAByteOrderMarkAndOtherEncodings) {
  EXPECT_FALSE(accepted("\xEF\xBB\xBF{}"));
  EXPECT_FALSE(accepted(" \xEF\xBB\xBF{}"));
  EXPECT_FALSE(accepted("\xEF\xBB{}"));
  EXPECT_FALSE(accepted("\xFE\xFF"));
  EXPECT_FALSE(accepted(std::string_view("{\0}\0", 4)));
  EXPECT_FALSE(accepted(std::string_view("\0{\0}", 4)));
}

TEST(StrictJson, RefusesLoneSurrogatesAndInvalidUtf8) {
  for (const std::string_view text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\udc00\ud800")", R"("\ud83dx")", R"({"\ud800":1})",
        R"("\u12")", R"("\uzzzz")", "\"\x80\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf0\x80\x80\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\"\xff\"", "\"\xc3\"",
        "{\"\xc3\x28\":1}"}) {
    EXPECT_FALSE(accepted(text)) << text;
  }
  EXPECT_TRUE(accepted("\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""));
}

TEST(StrictJson, RefusesWhateverFollowsTheText) {
  for (const std::string_view text :
       {"{}{}", "{} x", "{},", "{}]", "1 2", "null null", "{}//", "{}/**/", "", " ", "\n"}) {
    EXPECT_FALSE(accepted(text)) << text;
  }
}

// nlohmann/json's lexer takes a zero byte for the end of the input, so what follows one was never looked at.
TEST(StrictJson, RefusesAZeroByteAfterTheText) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(accepted("{}\0"sv));
  EXPECT_FALSE(accepted("{}\0{\"a\":1}"sv));
  EXPECT_FALSE(accepted("{} \0garbage"sv));
  EXPECT_FALSE(accepted("1\0"sv));
  EXPECT_FALSE(accepted("\0{}"sv));
  EXPECT_FALSE(accepted("\"a\0b\""sv));
}

TEST(StrictJson, RefusesWhatOtherDialectsAllow) {
  for (const std::string_view text :
       {"{a:1}", "{'a':1}", "[1,]",      "{\"a\":1,}", "NaN",     "Infinity", "-Infinity", "[NaN]",
        "01",    "+1",      ".5",        "1.",         "0x10",    "1e",       "\"\t\"",    "\"\n\"",
        "True",  "nul",     "\"\\x41\"", "\"\\'\"",    "/*c*/{}", "{}#"}) {
    EXPECT_FALSE(accepted(text)) << text;
  }
}

TEST(StrictJson, NumbersEndAtWhatADoubleHoldsExactly) {
  for (const std::string_view text :
       {"9007199254740991", "-9007199254740991", "0", "-0", "-0.0", "1e15", "1.5", "1e-300", "9007199254740991.0"}) {
    EXPECT_TRUE(accepted(text)) << text;
  }
  for (const std::string_view text :
       {"9007199254740992", "-9007199254740992", "9007199254740993", "18446744073709551615", "18446744073709551616",
        "-9223372036854775809", "1e300", "-1e300", "1e16", "1e400", "-1e400", "9007199254740992.0"}) {
    EXPECT_FALSE(accepted(text)) << text;
    EXPECT_FALSE(accepted("{\"a\":[" + std::string(text) + "]}")) << text;
  }
  const JsonLimits any_number{.interoperable_numbers = false};
  EXPECT_TRUE(accepted("18446744073709551615", any_number));
  EXPECT_TRUE(accepted("1e300", any_number));
  EXPECT_FALSE(accepted("1e400", any_number));
}

TEST(StrictJson, DepthIsAllowedToItsLimitAndNotOneFurther) {
  for (const std::size_t limit : {1UL, 2UL, 16UL}) {
    const JsonLimits limits{.depth_max = limit};
    EXPECT_TRUE(accepted(repeated("[", limit) + repeated("]", limit), limits));
    EXPECT_FALSE(accepted(repeated("[", limit + 1) + repeated("]", limit + 1), limits));
    EXPECT_TRUE(accepted(repeated("{\"a\":", limit) + "1" + repeated("}", limit), limits));
    EXPECT_FALSE(accepted(repeated("{\"a\":", limit + 1) + "1" + repeated("}", limit + 1), limits));
  }
  // Deep siblings do not add up, and an unclosed flood stops at the limit.
  EXPECT_TRUE(accepted("[[1],[2],{\"a\":1}]", JsonLimits{.depth_max = 2}));
  EXPECT_FALSE(accepted(repeated("[", 60000)));
}

TEST(StrictJson, MembersOfTheWholeTextAreCounted) {
  const JsonLimits limits{.members_max = 6};
  EXPECT_TRUE(accepted(R"({"a":[1,2],"b":{"c":1,"d":2}})", limits));  // a 1 2 b c d
  EXPECT_FALSE(accepted(R"({"a":[1,2],"b":{"c":1,"d":2},"e":1})", limits));
  EXPECT_FALSE(accepted("[1,2,3,4,5,6,7]", limits));
  EXPECT_FALSE(accepted("[[],[],[],[],[],[],[]]", limits));
  EXPECT_TRUE(accepted("[1,2,3,4,5,6]", limits));
}

TEST(StrictJson, ValuesAreMeasuredAsTheReaderMeasuresThem) {
  for (const std::string_view text : {"1", "[]", "[[],{}]", R"({"a":[1,2],"b":{"c":1,"d":[[]]}})"}) {
    const Json value = *parse_json(text);
    const std::size_t depth = depth_of(value);
    const std::size_t members = count_members(value);
    EXPECT_TRUE(accepted(text, {.depth_max = depth, .members_max = members})) << text;
    EXPECT_TRUE(depth == 0 || !accepted(text, {.depth_max = depth - 1, .members_max = members})) << text;
    EXPECT_TRUE(members == 0 || !accepted(text, {.depth_max = depth, .members_max = members - 1})) << text;
  }
}

TEST(StrictJson, SizeIsAllowedToItsLimitAndNotOneFurther) {
  const std::string text = "\"" + std::string(98, 'a') + "\"";
  EXPECT_TRUE(accepted(text, {.bytes_max = 100}));
  EXPECT_FALSE(accepted(text, {.bytes_max = 99}));
}

TEST(StrictJson, AnObjectIsAskedForByName) {
  EXPECT_TRUE(parse_json_object("{}"));
  for (const std::string_view text : {"[]", "1", "\"{}\"", "null", "true"})
    EXPECT_FALSE(parse_json_object(text)) << text;
}

TEST(StrictJson, Invariant11_AReasonQuotesNothingOfTheInput) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 3000; ++i) {
    const std::string marker = "qz" + std::to_string(random() % 90000000 + 10000000);
    const std::string texts[] = {"{\"" + marker + "\":1,\"" + marker + "\":2}",
                                 "{\"a\":" + marker + "}",
                                 "\"" + marker + "\xff\"",
                                 "{\"a\":\"" + marker + "\\ud800\"}",
                                 marker,
                                 "{\"a\":\"" + marker + "\"",
                                 "[\"" + marker + "\"]]",
                                 "{\"a\":1e9" + marker.substr(2) + "}"};
    for (const std::string& text : texts) {
      const auto parsed = parse_json(text);
      ASSERT_FALSE(parsed) << text;
      ASSERT_EQ(parsed.error().text.find(marker), std::string::npos) << parsed.error().text;
      ASSERT_EQ(parsed.error().text.find(marker.substr(2)), std::string::npos) << parsed.error().text;
    }
  }
}

// Mutations of a good text are accepted or refused, never thrown or crashed upon; what is accepted comes back the same.
TEST(StrictJson, AMutatedTextIsRefusedOrReadTheSameTwice) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string good = R"({"claims":{"sub":"a\u00e9","n":[1,2.5,-3e2,{"x":null}],"t":true},"profile":"access"})";
  for (int i = 0; i < 30000; ++i) {
    std::string text = good;
    for (auto edits = random() % 4; edits-- > 0;) text[random() % text.size()] = static_cast<char>(random());
    const auto parsed = parse_json(text);
    if (!parsed) continue;
    const std::string dumped = dump_json(*parsed);
    const auto again = parse_json(dumped);
    ASSERT_TRUE(again) << dumped;
    ASSERT_EQ(*again, *parsed);
  }
}

TEST(JsonInteger, TakesWholeNumbersHoweverTheyAreWritten) {
  const std::pair<const char*, std::int64_t> whole[] = {{"17", 17},
                                                        {"17.0", 17},
                                                        {"1.7e1", 17},
                                                        {"-17", -17},
                                                        {"0", 0},
                                                        {"-0", 0},
                                                        {"-0.0", 0},
                                                        {"9007199254740991", 9007199254740991},
                                                        {"-9007199254740991", -9007199254740991}};
  for (const auto& [text, number] : whole) EXPECT_EQ(json_integer(*parse_json(text)), number) << text;
  const JsonLimits any_number{.interoperable_numbers = false};
  EXPECT_EQ(json_integer(*parse_json("9223372036854775807", any_number)), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(json_integer(*parse_json("-9223372036854775808", any_number)), std::numeric_limits<std::int64_t>::min());
}

TEST(JsonInteger, RefusesFractionsHugeNumbersAndOtherTypes) {
  const JsonLimits any_number{.interoperable_numbers = false};
  for (const char* text : {"17.5", "1e300", "-1e300", "9223372036854775808", "18446744073709551615", "1e-300",
                           "9007199254740992.0", "true", "null", "\"17\"", "[17]", "{}"}) {
    EXPECT_FALSE(json_integer(*parse_json(text, any_number))) << text;
  }
}

}  // namespace
}  // namespace signer::jose
