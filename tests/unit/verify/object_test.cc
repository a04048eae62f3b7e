// SPDX-License-Identifier: Apache-2.0
//
// The in-place reader against the product's other strict reader: two parsers that disagree are a security hole, so
// whatever this one accepts the other must accept too, and read alike.

#include "verify/object.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <string>
#include <string_view>

#include "jose/json.h"

namespace signer::verify {
namespace {

using jose::Json;

constexpr ObjectLimits kLimits{.depth_max = 6, .members_max = 40};

Json to_json(const Object& object, const Value& value) {
  Json out;
  switch (value.kind) {
    case Value::Kind::kNull:
      return nullptr;
    case Value::Kind::kBool:
      return "bool";  // Its value is not kept; nobody asks.
    case Value::Kind::kNumber:
      return value.number;
    case Value::Kind::kText:
      return std::string(value.text);
    case Value::Kind::kArray:
      out = Json::array();
      for (const Value* item = object.first(value); item != nullptr; item = object.after(value, *item)) {
        out.push_back(to_json(object, *item));
      }
      return out;
    case Value::Kind::kObject:
      out = Json::object();
      for (const Value* item = object.first(value); item != nullptr; item = object.after(value, *item)) {
        out[std::string(item->name)] = to_json(object, *item);
      }
      return out;
  }
  return out;
}

// As to_json leaves it: numbers as doubles, booleans without their value.
Json simplified(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return "bool";
  if (!value.is_structured()) return value;
  Json out = value;
  for (auto& item : out) item = simplified(item);
  return out;
}

// Both readers' verdicts agree, and so do the contents.  The two differences are this reader's strictness: nlohmann
// ends at a NUL byte, and takes 1e-400 for 0.
void expect_agreement(const std::string& text) {
  const auto object = Object::parse(text, kLimits);
  const auto json = jose::parse_json_object(
      text, {.bytes_max = text.size(), .depth_max = kLimits.depth_max, .members_max = kLimits.members_max});
  if (object) {
    ASSERT_TRUE(json) << text << json.error().text;
    EXPECT_EQ(to_json(*object, object->root()), simplified(*json)) << text;
  } else if (json) {
    EXPECT_TRUE(text.find('\0') != std::string::npos || text.find("e-") != std::string::npos ||
                text.find("E-") != std::string::npos)
        << text;
  }
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all += part;
  return all;
}

const std::string kSeeds[] = {
    R"({"iss":"https://idp.example","aud":["a","b"],"exp":1700000600.25,"x":{"y":[1,-2,3e2,{"z":null}]},"t":true})",
    R"( { "a\u00e9\ud83d\ude00\n\"\\\/\b\f\r\t" : "\u0041\u0000" , "" : [ ] , "o" : { } , "f":false} )",
    "{\"utf8\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"}",
    R"({"n":[0,-0,0.5,-1E+2,9007199254740991]})",
    R"({"a":1,"b":2,"c":3,"d":[[[[[1]]]]]})",
};

TEST(Object, AgreesWithTheOtherReaderOnEverySeedCutShortAnywhere) {
  for (const std::string& seed : kSeeds) {
    ASSERT_TRUE(Object::parse(seed, {.depth_max = 7, .members_max = 40})) << seed;
    for (std::size_t size = 0; size <= seed.size(); ++size) expect_agreement(seed.substr(0, size));
  }
}

TEST(Object, AgreesWithTheOtherReaderOnMutatedTexts) {
  std::mt19937 random(20260101);  // NOLINT(cert-msc51-cpp): the same texts every time
  const std::string interesting =
      "{}[]\",:\\/utfn0123456789.eE+- \t\r\n\x01\x7f\x80\xbf\xc0\xc2\xe0\xed\xf0\xf4\xff" + std::string(1, '\0');
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 60'000; ++round) {
    std::string text = kSeeds[below(std::size(kSeeds))];
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t place = below(text.size());
      switch (below(4)) {
        case 0:
          text[place] = interesting[below(interesting.size())];
          break;
        case 1:
          text.insert(place, 1, interesting[below(interesting.size())]);
          break;
        case 2:
          text.erase(place, 1 + below(3));
          break;
        default:
          text.insert(place, text.substr(below(text.size()), below(12)));
          break;
      }
      if (text.empty()) text.push_back('{');
    }
    expect_agreement(text);
  }
}

TEST(Object, FindsDuplicateNamesAmongFewAndMany) {
  for (const int count : {1, 2, 31, 32, 33, 34, 100}) {
    std::string members;
    for (int i = 0; i < count; ++i) members += joined({"\"n", std::to_string(i), "\":{},"});
    const ObjectLimits limits{.depth_max = 2, .members_max = 1000};
    EXPECT_TRUE(Object::parse(joined({"{", members, "\"last\":1}"}), limits)) << count;
    for (const int twice : {0, count / 2, count - 1}) {
      EXPECT_FALSE(Object::parse(joined({"{", members, "\"n", std::to_string(twice), "\":1}"}), limits))
          << count << twice;
    }
  }
  EXPECT_TRUE(Object::parse(R"({"a":{"a":{"a":1}},"b":{"a":1}})", kLimits)) << "the same name in different objects";
}

TEST(Object, RefusesNumbersThatADoubleCannotHold) {
  for (const char* good : {"9007199254740991", "-9007199254740991", "1e15", "0.1", "5e-324"}) {
    EXPECT_TRUE(Object::parse(joined({"{\"a\":", good, "}"}), kLimits)) << good;
  }
  for (const char* bad : {"9007199254740992", "-9007199254740992", "9007199254740993", "1e16", "1e309", "1e-400",
                          "18446744073709551615", "99999999999999999999999999"}) {
    EXPECT_FALSE(Object::parse(joined({"{\"a\":", bad, "}"}), kLimits)) << bad;
  }
}

TEST(Object, StaysGoodWhenMoved) {
  const std::string text = R"({"a":"\u0041","b":"plain"})";
  auto object = Object::parse(text, kLimits);
  ASSERT_TRUE(object);
  const Object moved = *std::move(object);
  EXPECT_EQ(moved.find("a")->text, "A");
  EXPECT_EQ(moved.find("b")->text, "plain");
  EXPECT_EQ(moved.find("c"), nullptr);
}

TEST(Object, NeverNestsBeyondItsOwnCap) {
  const auto nested = [](std::size_t depth) {
    return joined({"{\"a\":", std::string(depth - 1, '['), std::string(depth - 1, ']'), "}"});
  };
  const ObjectLimits limits{.depth_max = 1'000'000, .members_max = 1'000'000};
  EXPECT_TRUE(Object::parse(nested(Object::kDepthMax), limits));
  EXPECT_FALSE(Object::parse(nested(Object::kDepthMax + 1), limits));
  EXPECT_FALSE(Object::parse(nested(1'000'000), limits));
}

}  // namespace
}  // namespace signer::verify
