// SPDX-License-Identifier: Apache-2.0
//
// A batch cut into items.  Without these an item could be read where another stands, or a part of one as a whole.
#include "protocol/batch.h"

#include <gtest/gtest.h>

#include <random>

#include "jose/json.h"
#include "tests/support/seed.h"

namespace signer::protocol {
namespace {

using jose::Json;

std::vector<std::string> items_of(std::string_view body) {
  const auto items = split_batch(body);
  if (!items) return {items.error().detail};
  return {items->begin(), items->end()};
}

const std::vector<std::string> kNoBatch{"a batch is {\"items\":[...]}"};
const std::vector<std::string> kWrongCount{"a batch has 1 to 256 items"};

TEST(SplitBatch, CutsAtTheCommasOfTheListAlone) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(items_of(R"({"items":[{"a":1},{"b":[1,2,{"c":","}]}]})"),
            (Texts{R"({"a":1})", R"({"b":[1,2,{"c":","}]})"}));
  EXPECT_EQ(items_of(R"({"items":["]}","\"],","\\",[[],{}]]})"), (Texts{R"("]}")", R"("\"],")", R"("\\")", "[[],{}]"}));
  EXPECT_EQ(items_of("\r\n\t { \"items\" : [ 1 ,\n2 ] } \n"), (Texts{" 1 ", "\n2 "}));
}

// Whoever parses the item says so: nothing is guessed here.
TEST(SplitBatch, WhatIsNoJsonStaysInItsItem) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(items_of(R"({"items":[{"a" 1},{"a":1}]})"), (Texts{R"({"a" 1})", R"({"a":1})"}));
  EXPECT_EQ(items_of(R"({"items":[1,,2]})"), (Texts{"1", "", "2"}));
  EXPECT_EQ(items_of(R"({"items":[1,]})"), (Texts{"1", ""}));
  EXPECT_EQ(items_of(R"({"items":[1 2]})"), (Texts{"1 2"}));
}

TEST(SplitBatch, WhatIsNoBatchIsRefused) {
  for (const char* body : {"",
                           "{}",
                           "[]",
                           "null",
                           R"({"items":{}})",
                           R"({"items":1})",
                           R"({"items":[1)",
                           R"({"items":[1])",
                           R"({"items":[1]}x)",
                           R"({"items":[1]}})",
                           R"({"items":[1],"x":2})",
                           R"({"items":[1],"items":[2]})",
                           R"({"x":2,"items":[1]})",
                           R"({"Items":[1]})",
                           R"({"items":[1}})",
                           R"({"items":[{]},{"a":1}]})",
                           R"({"items":["a]})",
                           R"({"items":["a\]})",
                           R"({"items":["a\)",
                           R"({"items":[{"a":1})",
                           "\xEF\xBB\xBF{\"items\":[1]}"}) {
    EXPECT_EQ(items_of(body), kNoBatch) << body;
  }
}

TEST(SplitBatch, HasOneTo256Items) {
  const auto of = [](std::size_t count) {
    std::string body = R"({"items":[)";
    for (std::size_t i = 0; i < count; ++i) body += i == 0 ? "1" : ",1";
    return body + "]}";
  };
  EXPECT_EQ(items_of(of(1)).size(), 1U);
  EXPECT_EQ(items_of(of(256)).size(), 256U);
  EXPECT_EQ(items_of(of(257)), kWrongCount);
  EXPECT_EQ(items_of(of(0)), kWrongCount);
  EXPECT_EQ(items_of(R"({"items":[ ]})"), kWrongCount);
}

// Against the strict parser: what it takes for a batch is cut into the items that it saw, and what is cut into items
// that it takes is good JSON.
TEST(SplitBatch, AgreesWithTheParserOnAnyBody) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> pieces{"{",     "}", "[", "]",    ",",        ":",     "\"",   "\\",
                                        "\"a\"", " ", "1", "true", "\"\\\"\"", "\"]\"", "null", "\"items\""};
  int batches = 0;
  for (int i = 0; i < 40'000; ++i) {
    std::string body = R"({"items":[{"a":"x,]}\"","b":[1,{}]},[2,"\\"],{"c":{"d":[null]}}]})";
    for (auto edits = random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % body.size();
      if (random() % 2 == 0) body.erase(at, random() % 3);
      body.insert(std::min(at, body.size()), pieces[random() % pieces.size()]);
    }
    const auto whole = jose::parse_json(body);
    const auto texts = split_batch(body);
    const bool is_batch = whole && whole->is_object() && whole->size() == 1 && whole->contains("items") &&
                          (*whole)["items"].is_array() && !(*whole)["items"].empty();
    if (is_batch) {
      ++batches;
      ASSERT_TRUE(texts) << body;
      ASSERT_EQ(texts->size(), (*whole)["items"].size()) << body;
    }
    if (!texts) continue;
    bool all = true;
    for (std::size_t n = 0; n < texts->size(); ++n) {
      const auto item = jose::parse_json((*texts)[n]);
      all = all && item;
      if (is_batch) {
        ASSERT_TRUE(item) << body;
        ASSERT_EQ(*item, (*whole)["items"][n]) << body;
      }
    }
    ASSERT_EQ(all, is_batch) << body;
  }
  EXPECT_GT(batches, 5000);
}

}  // namespace
}  // namespace signer::protocol
