// SPDX-License-Identifier: Apache-2.0
//
// The one door through which JSON enters.  nlohmann/json keeps the last of two equal names, skips a byte order mark
// and nests without limit; this reader refuses all three while it parses (RFC 7515 §4, RFC 7519 §4, RFC 8725 §3.7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "signer/result.h"

namespace signer::jose {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t bytes_max = 64UL * 1024;
  std::size_t depth_max = 16;     // [[]] is 2
  std::size_t members_max = 256;  // names and array elements of the whole text
  // RFC 7493 §2.2: refuse numbers that a double cannot hold exactly (|integer| > 2^53 - 1) or sensibly (1e300).
  bool interoperable_numbers = true;
  // Refuse numbers with a fraction or an exponent: what a double makes of them need not be what another reader does.
  bool whole_numbers = false;
};

// Parses one JSON text and nothing after it but whitespace.  Refused, as kInvalidRequest with a reason that quotes
// nothing of the input: too large, too deep, too many members, duplicate names, a byte order mark, bad UTF-8, a lone
// surrogate, a number outside the limits.  No allocation before the size check.  Never throws.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// As parse_json, and the text must be one object.
[[nodiscard]] Result<Json> parse_json_object(std::string_view text, const JsonLimits& limits = {});

// The member as a whole number, if it is one in int64's range: 17, 17.0 and 1.7e1 are, 17.5 and 1e300 are not.
[[nodiscard]] std::optional<std::int64_t> json_integer(const Json& value) noexcept;

// Names and array elements of the whole value, counted as `JsonLimits::members_max` does.
[[nodiscard]] std::size_t count_members(const Json& value) noexcept;

// Levels of objects and arrays, as `JsonLimits::depth_max`: 0 for a text or a number, 2 for [[]].
[[nodiscard]] std::size_t depth_of(const Json& value) noexcept;

// Compact text.  `value` came from parse_json or from us, so it holds valid UTF-8.
[[nodiscard]] std::string dump_json(const Json& value);

}  // namespace signer::jose
