// SPDX-License-Identifier: Apache-2.0
//
// What is written for every token must be the bytes that the JSON library would have written.
#include "jose/object_writer.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "jose/json.h"
#include "tests/support/seed.h"

namespace signer::jose {
namespace {

TEST(ObjectWriter, WritesTheBytesOfTheJsonLibraryWhateverTheText) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string value(random() % 24, '\0');
    for (char& c : value) c = static_cast<char>(random() % 3 == 0 ? random() : 'a' + random() % 26);
    const auto number = static_cast<std::int64_t>(random()) * (random() % 2 == 0 ? 1 : -1);
    const std::vector<std::string> list(random() % 3, value);
    ObjectWriter writer(8);
    writer.texts("a", list).json("b", "{\"c\":1}").number("n", number).text("t", value);
    const Json expected = {{"a", list}, {"b", {{"c", 1}}}, {"n", number}, {"t", value}};
    ASSERT_EQ(std::move(writer).finish(), dump_json(expected));
  }
}

TEST(ObjectWriter, EscapesEachByteThatNeedsIt) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value = {'x', static_cast<char>(byte), 'y'};
    std::string out;
    append_quoted(out, value);
    EXPECT_EQ(out, dump_json(Json(value))) << byte;
  }
}

TEST(ObjectWriter, AnObjectWithoutMembersIsAnObject) {
  EXPECT_EQ(ObjectWriter(0).finish(), "{}");
}

}  // namespace
}  // namespace signer::jose
