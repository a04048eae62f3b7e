// SPDX-License-Identifier: Apache-2.0
//
// What a profile says about one claim: its place on the allow-list, with a type, a size and a grammar
// (docs/claim-policy.md).  Values; judge.h applies them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "claims/pattern.h"
#include "phi/phi.h"

namespace signer::claims {

enum class Type : std::uint8_t {
  kConst,     // the one text of `values`; a required one of the top level is set by the daemon if it is not sent
  kEnum,      // one of `values`
  kPattern,   // a text that `pattern` matches as a whole
  kText,      // UTF-8 without control characters
  kUuid,      // RFC 9562 §4: 8-4-4-4-12 hexadecimal digits
  kOpaqueId,  // A-Z a-z 0-9 . _ ~ : -
  kScope,     // RFC 6749 §3.3: scope tokens with one space between two
  kUri,       // RFC 3986: a scheme, and no character that a URI has not
  kNumber,    // a whole number from `minimum` to `maximum`
  kTime,      // RFC 7519 §2 NumericDate, in whole seconds, from 0 to the year 9999
  kBoolean,
  kArray,   // at most `items_max` elements that fit `parts[0]`
  kObject,  // the members of `parts` and no others
};

// The words of the configuration: "const", "enum", "pattern", "text", "uuid", "opaque_id", "scope", "uri", "number",
// "time", "boolean", "array", "object".
[[nodiscard]] std::string_view to_string(Type type) noexcept;
[[nodiscard]] std::optional<Type> type_of(std::string_view word) noexcept;

inline constexpr std::int64_t kWholeNumberMax = 9007199254740991;  // 2^53 - 1: RFC 7493 §2.2
inline constexpr std::size_t kTextBytesDefault = 256;
inline constexpr std::size_t kItemsDefault = 64;

// Why the configuration takes a detector off a claim.
struct Reason {
  phi::Detector detector;
  std::string text;
};

struct Rule {
  std::string name;  // of the member; empty for the elements of an array
  Type type = Type::kOpaqueId;
  bool required = false;
  std::size_t length_max = kTextBytesDefault;  // of a text, in bytes
  std::vector<std::string> values;
  std::optional<Pattern> pattern;  // of a text of any type: asked beside the type's grammar
  std::int64_t minimum = 0;
  std::int64_t maximum = kWholeNumberMax;
  std::size_t items_max = kItemsDefault;
  std::vector<Rule> parts;  // sorted by name
  phi::DetectorSet exempt = phi::DetectorSet::none();
  std::vector<Reason> reasons;  // of `exempt`, one for each; none for what a shipped kind exempts
};

// Sorts the members of an object by name, at every level, as judge() wants them.
void sort_by_name(std::vector<Rule>& rules);

[[nodiscard]] bool is_text(Type type) noexcept;

// `wanted` as a rule that lets through nothing that `base` refuses, or nothing if there is none: the same type with
// smaller limits, for texts also const, enum and uuid whose values fit `base`, and a pattern, which is then asked
// beside the type of `base`.  What `base` requires stays required.
[[nodiscard]] std::optional<Rule> narrowed(const Rule& base, const Rule& wanted);

// Whether a text fits the type's grammar, and the pattern if there is one; for types that are not texts it is false.
[[nodiscard]] bool fits_grammar(const Rule& rule, std::string_view text);

}  // namespace signer::claims
