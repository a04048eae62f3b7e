// SPDX-License-Identifier: Apache-2.0
//
// One JSON object, read strictly and in place.  It accepts what jose::parse_json_object accepts and nothing more (a
// test holds the two against each other); it exists because a DOM costs more than a quarter of a verification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace signer::verify {

struct Value {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kText, kArray, kObject };

  Kind kind = Kind::kNull;
  std::uint32_t next = 0;  // index of the value after this one and all it holds
  double number = 0;       // kNumber: finite, at most 2^53 - 1 either way
  std::string_view name;   // of the member, escapes resolved
  std::string_view text;   // kText, escapes resolved

  [[nodiscard]] bool is_text() const noexcept { return kind == Kind::kText; }
};

struct ObjectLimits {
  std::size_t depth_max;    // [[]] is 2; at most kDepthMax counts
  std::size_t members_max;  // names and array elements of the whole text
};

// Movable; its values refer to the text, which must outlive it unmoved.
class Object {
 public:
  static constexpr std::size_t kDepthMax = 128;  // The reader calls itself once for each level.

  // Nothing unless `text` is one object within the limits: valid UTF-8 without a byte order mark, no name twice in one
  // object, no lone surrogate, no number beyond 2^53 - 1, nothing before or after it but whitespace.
  [[nodiscard]] static std::optional<Object> parse(std::string_view text, const ObjectLimits& limits);

  [[nodiscard]] const Value* find(std::string_view name) const noexcept {
    for (const Value* value = first(root()); value != nullptr; value = after(root(), *value)) {
      if (value->name == name) return value;
    }
    return nullptr;
  }

  [[nodiscard]] const Value& root() const noexcept { return values_.front(); }

  // The members of an object or the elements of an array, in order: first(), then after() until nullptr.
  [[nodiscard]] const Value* first(const Value& container) const noexcept { return before(container, &container + 1); }

  [[nodiscard]] const Value* after(const Value& container, const Value& value) const noexcept {
    return before(container, values_.data() + value.next);
  }

 private:
  friend class ObjectReader;

  [[nodiscard]] const Value* before(const Value& container, const Value* value) const noexcept {
    return value == values_.data() + container.next ? nullptr : value;
  }

  std::vector<Value> values_;    // depth first
  std::vector<char> unescaped_;  // the texts that had escapes; never grows beyond what it first reserved
};

}  // namespace signer::verify
