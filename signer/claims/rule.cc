// SPDX-License-Identifier: Apache-2.0

#include "claims/rule.h"

#include <algorithm>
#include <array>
#include <utility>

namespace signer::claims {

namespace {

constexpr std::array<std::pair<std::string_view, Type>, 13> kTypes = {{{"const", Type::kConst},
                                                                       {"enum", Type::kEnum},
                                                                       {"pattern", Type::kPattern},
                                                                       {"text", Type::kText},
                                                                       {"uuid", Type::kUuid},
                                                                       {"opaque_id", Type::kOpaqueId},
                                                                       {"scope", Type::kScope},
                                                                       {"uri", Type::kUri},
                                                                       {"number", Type::kNumber},
                                                                       {"time", Type::kTime},
                                                                       {"boolean", Type::kBoolean},
                                                                       {"array", Type::kArray},
                                                                       {"object", Type::kObject}}};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_one_of(char c, std::string_view characters) {
  return characters.find(c) != std::string_view::npos;
}

bool is_uuid(std::string_view text) {
  constexpr std::size_t kUuidSize = 36;
  if (text.size() != kUuidSize) return false;
  for (std::size_t i = 0; i < kUuidSize; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (dash ? c != '-' : !(is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) return false;
  }
  return true;
}

bool is_opaque_id(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || is_one_of(c, "._~:-"); });
}

// scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
bool is_scope(std::string_view text) {
  bool after_space = true;  // neither at the beginning, nor twice, nor at the end
  for (const char c : text) {
    if (c == ' ') {
      if (after_space) return false;
      after_space = true;
      continue;
    }
    if (c < '!' || c > '~' || c == '"' || c == '\\') return false;
    after_space = false;
  }
  return !after_space;
}

bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text[0])) return false;
  const bool scheme = std::ranges::all_of(text.substr(0, colon),
                                          [](char c) { return is_letter(c) || is_digit(c) || is_one_of(c, "+.-"); });
  return scheme && text.size() > colon + 1 && std::ranges::all_of(text, [](char c) {
           return is_letter(c) || is_digit(c) || is_one_of(c, "-._~:/?#[]@!$&'()*+,;=%");
         });
}

// The JSON reader has seen to it that it is UTF-8.  C1 controls are 0xc2 0x80 to 0xc2 0x9f.
bool is_printable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

}  // namespace

std::string_view to_string(Type type) noexcept {
  for (const auto& [word, value] : kTypes) {
    if (value == type) return word;
  }
  return "unknown";
}

std::optional<Type> type_of(std::string_view word) noexcept {
  for (const auto& [known, type] : kTypes) {
    if (known == word) return type;
  }
  return std::nullopt;
}

void sort_by_name(std::vector<Rule>& rules) {
  for (Rule& rule : rules) sort_by_name(rule.parts);
  std::ranges::sort(rules, {}, &Rule::name);
}

bool is_text(Type type) noexcept {
  return type != Type::kNumber && type != Type::kTime && type != Type::kBoolean && type != Type::kArray &&
         type != Type::kObject;
}

namespace {

std::optional<Rule> narrowed_text(const Rule& base, const Rule& wanted) {
  Rule made = wanted;
  made.length_max = std::min(base.length_max, wanted.length_max);
  if (wanted.type == Type::kConst || wanted.type == Type::kEnum) {
    const auto fits = [&base](const std::string& value) {
      return value.size() <= base.length_max && fits_grammar(base, value);
    };
    if (!std::ranges::all_of(wanted.values, fits)) return std::nullopt;
    made.length_max = wanted.length_max;  // that of the values
    return made;
  }
  const bool any_uuid = !base.pattern && (base.type == Type::kOpaqueId || base.type == Type::kText);
  if (wanted.type == Type::kUuid && any_uuid) return made;
  if (wanted.type == Type::kPattern && !base.pattern) {
    made.type = base.type;
    return made;
  }
  if (wanted.type != base.type || base.type == Type::kConst || base.type == Type::kEnum) return std::nullopt;
  if (base.pattern && (!wanted.pattern || wanted.pattern->expression() != base.pattern->expression()))
    return std::nullopt;
  return made;
}

std::optional<Rule> narrowed_object(const Rule& base, const Rule& wanted) {
  Rule made = wanted;
  made.parts.clear();
  for (const Rule& part : wanted.parts) {
    const auto same = std::ranges::find(base.parts, part.name, &Rule::name);
    auto narrow = same == base.parts.end() ? std::nullopt : narrowed(*same, part);
    if (!narrow) return std::nullopt;
    made.parts.push_back(*std::move(narrow));
  }
  const auto kept = [&made](const Rule& part) {
    return !part.required || std::ranges::find(made.parts, part.name, &Rule::name) != made.parts.end();
  };
  if (!std::ranges::all_of(base.parts, kept)) return std::nullopt;
  return made;
}

}  // namespace

std::optional<Rule> narrowed(const Rule& base, const Rule& wanted) {
  std::optional<Rule> made;
  if (is_text(base.type) && is_text(wanted.type)) {
    made = narrowed_text(base, wanted);
  } else if (base.type != wanted.type) {
    return std::nullopt;
  } else if (base.type == Type::kObject) {
    made = narrowed_object(base, wanted);
  } else if (base.type == Type::kArray) {
    auto element = narrowed(base.parts.front(), wanted.parts.front());
    if (!element) return std::nullopt;
    made = wanted;
    made->parts = {*std::move(element)};
    made->items_max = std::min(base.items_max, wanted.items_max);
  } else {
    made = wanted;
    made->minimum = std::max(base.minimum, wanted.minimum);
    made->maximum = std::min(base.maximum, wanted.maximum);
  }
  if (made) {
    made->required = base.required || wanted.required;
    for (const phi::Detector detector : phi::kDetectors) {
      if (base.exempt.contains(detector)) made->exempt = made->exempt.with(detector);
    }
  }
  return made;
}

bool fits_grammar(const Rule& rule, std::string_view text) {
  if (rule.pattern && !rule.pattern->matches(text)) return false;
  switch (rule.type) {
    case Type::kConst:
    case Type::kEnum:
      return std::ranges::find(rule.values, text) != rule.values.end();
    case Type::kPattern:
      return rule.pattern.has_value();
    case Type::kText:
      return is_printable(text);
    case Type::kUuid:
      return is_uuid(text);
    case Type::kOpaqueId:
      return is_opaque_id(text);
    case Type::kScope:
      return is_scope(text);
    case Type::kUri:
      return is_uri(text);
    case Type::kNumber:
    case Type::kTime:
    case Type::kBoolean:
    case Type::kArray:
    case Type::kObject:
      return false;
  }
  return false;
}

}  // namespace signer::claims
