// SPDX-License-Identifier: Apache-2.0

#include "claims/judge.h"

#include <algorithm>
#include <string>

namespace signer::claims {

namespace {

using jose::Json;

constexpr std::int64_t kTimeMax = 253402300799;  // 9999-12-31T23:59:59Z
constexpr std::string_view kNotAllowed = "claim.not_allowed";

std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

Breach breach(std::string_view rule, std::string problem) {
  return {std::string(rule), "", std::move(problem)};
}

std::string grammar_of(const Rule& rule) {
  switch (rule.type) {
    case Type::kConst:
      return "must be the profile's value, or left out";
    case Type::kEnum:
      return "must be one of the profile's values";
    case Type::kPattern:
      return "must match the profile's pattern";
    case Type::kUuid:
      return "must be a UUID";
    case Type::kOpaqueId:
      return "must be of A-Z a-z 0-9 . _ ~ : -";
    case Type::kScope:
      return "must be scope tokens with one space between them";
    case Type::kUri:
      return "must be an absolute URI";
    default:
      return "must be printable UTF-8";
  }
}

// Empty: a shipped kind exempts it, or nobody does.
std::string_view reason_of(const Rule& rule, phi::Detector detector) {
  const auto found = std::ranges::find(rule.reasons, detector, &Reason::detector);
  return found == rule.reasons.end() ? std::string_view() : found->text;
}

class Judge {
 public:
  Judge(PhiMode mode, Findings& findings) : mode_(mode), findings_(findings) {}

  std::optional<Breach> object(const Json& value, std::span<const Rule> rules, bool top) {
    std::size_t number = 0;
    auto rule = rules.begin();
    for (auto member = value.begin(); member != value.end(); ++member, ++number) {
      const std::string& name = member.key();
      for (; rule != rules.end() && rule->name < name; ++rule) {
        if (auto missed = missing(*rule)) return missed;
      }
      if (rule != rules.end() && rule->name == name) {
        if (auto found = inside(escaped(name), [&] { return named(member.value(), *rule, name); })) return found;
        ++rule;
      } else if (!top || std::ranges::find(kJudgedElsewhere, name) == std::end(kJudgedElsewhere)) {
        Breach unknown = breach(kNotAllowed, "is not one of those that the profile allows");
        unknown.pointer = "/" + std::to_string(number);
        return unknown;
      }
    }
    for (; rule != rules.end(); ++rule) {
      if (auto missed = missing(*rule)) return missed;
    }
    return std::nullopt;
  }

 private:
  // Runs `judge` one level further in; what it finds is found there.
  template <class Function>
  std::optional<Breach> inside(const std::string& step, Function judge) {
    path_.push_back(&step);
    auto found = judge();
    path_.pop_back();
    if (found) found->pointer.insert(0, "/" + step);
    return found;
  }

  static std::optional<Breach> missing(const Rule& rule) {
    if (!rule.required) return std::nullopt;
    Breach found = breach("claim.missing", "is missing; the profile requires it");
    found.pointer = "/" + escaped(rule.name);
    return found;
  }

  // What the name says was decided about when the configuration was read.  That a token makes use of it is told.
  std::optional<Breach> named(const Json& value, const Rule& rule, std::string_view name) {
    const Rule* innermost = &rule;
    while (innermost->type == Type::kArray) innermost = innermost->parts.data();
    const std::string_view reason = reason_of(*innermost, phi::Detector::kName);
    if (!reason.empty() && phi::names_phi(name))
      findings_.exempted.push_back({phi::Detector::kName, pointer(), std::string(reason)});
    return one(value, rule, name);
  }

  std::optional<Breach> one(const Json& value, const Rule& rule, std::string_view name) {
    switch (rule.type) {
      case Type::kNumber:
        return number(value, rule, name, rule.minimum, rule.maximum);
      case Type::kTime:
        return number(value, rule, name, 0, kTimeMax);
      case Type::kBoolean:
        if (!value.is_boolean()) return breach("claim.type", "must be true or false");
        return std::nullopt;
      case Type::kArray:
        return array(value, rule, name);
      case Type::kObject:
        if (!value.is_object()) return breach("claim.type", "must be an object");
        return object(value, rule.parts, false);
      default:
        return text(value, rule, name);
    }
  }

  std::optional<Breach> array(const Json& value, const Rule& rule, std::string_view name) {
    if (!value.is_array()) return breach("claim.type", "must be an array");
    if (value.size() > rule.items_max) return breach("claim.items", "has more elements than the profile allows");
    std::size_t index = 0;
    for (const Json& element : value) {
      const std::string step = std::to_string(index++);
      if (auto found = inside(step, [&] { return one(element, rule.parts.front(), name); })) return found;
    }
    return std::nullopt;
  }

  std::optional<Breach> number(const Json& value, const Rule& rule, std::string_view name, std::int64_t minimum,
                               std::int64_t maximum) {
    const auto whole = value.is_number() ? jose::json_integer(value) : std::nullopt;
    if (!whole) return breach("claim.type", "must be a whole number");
    if (*whole < minimum || *whole > maximum) return breach("claim.value", "is not within the profile's range");
    if (rule.type == Type::kTime) return std::nullopt;  // a clock's reading is no date of birth
    return detect(rule, [&](phi::DetectorSet wanted) { return phi::find_number(*whole, name, wanted); });
  }

  std::optional<Breach> text(const Json& value, const Rule& rule, std::string_view name) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) return breach("claim.type", "must be a text");
    if (text->size() > rule.length_max) return breach("claim.length", "is longer than the profile allows");
    if (!fits_grammar(rule, *text)) return breach("claim.value", grammar_of(rule));
    // What the configuration itself has written down tells nothing of the person asked about.
    if (rule.type == Type::kConst || rule.type == Type::kEnum) return std::nullopt;
    return detect(rule, [&](phi::DetectorSet wanted) { return phi::find(*text, name, wanted); });
  }

  // Each round takes out the detector that was heard, so there are no more rounds than detectors.
  template <class Find>
  std::optional<Breach> detect(const Rule& rule, Find find) {
    phi::DetectorSet wanted = phi::DetectorSet::all().without(phi::Detector::kName);
    while (const auto found = find(wanted)) {
      if (rule.exempt.contains(*found)) {
        findings_.exempted.push_back({*found, pointer(), std::string(reason_of(rule, *found))});
      } else if (mode_ == PhiMode::kReport) {
        findings_.reported.push_back({*found, pointer()});
      } else {
        return breach(phi::rule_of(*found), "looks like protected health information, which a token must not hold");
      }
      wanted = wanted.without(*found);
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string pointer() const {
    std::string text;
    for (const std::string* step : path_) text += "/" + *step;
    return text;
  }

  PhiMode mode_;
  Findings& findings_;
  std::vector<const std::string*> path_;  // names of the allow-list and indexes alone
};

}  // namespace

std::optional<Breach> judge(const Json& claims, std::span<const Rule> rules, PhiMode mode, Findings& findings) {
  return Judge(mode, findings).object(claims, rules, true);
}

std::string describe(const Breach& breach) {
  const std::string_view pointer = breach.pointer;
  if (breach.rule == kNotAllowed) {
    const std::size_t slash = pointer.rfind('/');
    const std::string parent(pointer.substr(0, slash));
    return (parent.empty() ? "the claims" : "claim '" + parent.substr(1) + "'") +
           " must hold nothing that the profile does not allow; see the member at index " +
           std::string(pointer.substr(slash + 1)) + " in the order of the alphabet";
  }
  return "claim '" + std::string(pointer.substr(pointer.starts_with('/') ? 1 : 0)) + "' " + breach.problem;
}

}  // namespace signer::claims
