// SPDX-License-Identifier: Apache-2.0
// Target functions: jose::parse_json, jose::parse_json_object, jose::dump_json, jose::json_integer,
// verify::Object::parse.
//
// The product has two strict JSON readers.  What the daemon's one accepts and the verifier's one reads differently, a
// token could say two things: so they are held against each other, value by value.
#include <cmath>

#include "fuzz/fuzz.h"
#include "jose/json.h"
#include "verify/object.h"

namespace signer::fuzz {
namespace {

using jose::Json;
using verify::Object;
using verify::Value;

constexpr std::size_t kDepthMax = 12;
constexpr std::size_t kMembersMax = 48;

bool same(const Object& object, const Value& value, const Json& json);

bool same_members(const Object& object, const Value& value, const Json& json) {
  std::size_t count = 0;
  for (const Value* one = object.first(value); one != nullptr; one = object.after(value, *one), ++count) {
    if (json.is_array()) {
      if (count >= json.size() || !same(object, *one, json[count])) return false;
    } else {
      const auto found = json.find(std::string(one->name));
      if (found == json.end() || !same(object, *one, *found)) return false;
    }
  }
  return count == json.size();
}

bool same(const Object& object, const Value& value, const Json& json) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return json.is_null();
    case Value::Kind::kBool:
      return json.is_boolean();
    case Value::Kind::kNumber:
      return json.is_number() && json.get<double>() == value.number;
    case Value::Kind::kText:
      return json.is_string() && json.get_ref<const std::string&>() == value.text;
    case Value::Kind::kArray:
      return json.is_array() && same_members(object, value, json);
    case Value::Kind::kObject:
      return json.is_object() && same_members(object, value, json);
  }
  return false;
}

// Too near to 0 for a double: the verifier's reader refuses such a number, the other one takes it for 0 or denormal.
bool has_tiny_number(std::string_view text) {
  return text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos ||
         text.find("0.0000000000000000") != std::string_view::npos;
}

void check_integers(const Json& value) {
  if (value.is_structured()) {
    for (const Json& child : value) check_integers(child);
  }
  const auto integer = jose::json_integer(value);
  require(!integer || static_cast<double>(*integer) == value.get<double>(), "a whole number keeps its value");
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  const std::string_view text = text_of({data, size});
  const jose::JsonLimits limits{.bytes_max = 8192, .depth_max = kDepthMax, .members_max = kMembersMax};

  const auto json = jose::parse_json(text, limits);
  require(json || json.error().text.starts_with("json: "), "a refusal says what was refused");
  if (json) {
    check_integers(*json);
    const std::string written = jose::dump_json(*json);
    const auto again =
        jose::parse_json(written, {.bytes_max = 65536, .depth_max = kDepthMax, .members_max = kMembersMax});
    require(again && jose::dump_json(*again) == written, "what we write, we read back");
  }

  const auto object_json = jose::parse_json_object(text, limits);
  require(object_json.has_value() == (json && json->is_object()), "the object reader takes objects alone");
  if (text.size() > limits.bytes_max) return 0;  // that limit is not verify::Object's to keep
  const auto object = Object::parse(text, {.depth_max = kDepthMax, .members_max = kMembersMax});
  require(!object || object_json, "the verifier's reader accepts nothing that the other refuses");
  require(object || !object_json || has_tiny_number(text), "the verifier's reader refuses nothing else");
  if (object) require(same(*object, object->root(), *object_json), "both readers see the same values");

  auto wide = limits;
  wide.interoperable_numbers = false;
  require(jose::parse_json(text, wide).has_value() || !json, "wider limits refuse nothing more");
  return 0;
}
