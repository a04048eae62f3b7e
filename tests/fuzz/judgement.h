// SPDX-License-Identifier: Apache-2.0
//
// What must hold of any judgement of claims, whatever the profile: what a refusal may say (invariant 11), and what may
// become of claims that are allowed (invariant 3).
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "claims/judge.h"
#include "config/config.h"
#include "fuzz/fixed_key.h"
#include "fuzz/fuzz.h"
#include "jose/base64url.h"
#include "policy/claims.h"
#include "signer/decryption_keys.h"
#include "signer/encrypted_claims.h"
#include "tests/vectors/jwe_vectors.h"
#include "verify/object.h"
#include "verify/open_jwe.h"

namespace signer::fuzz {

inline constexpr long long kNow = 1'800'000'000;
inline constexpr uid_t kCaller = 1001;
inline constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";  // of pairwise pseudonyms

// Everything that a breach can say behind the claim's place.
inline constexpr auto kProblems =
    std::to_array<std::string_view>({"must be the profile's value, or left out",
                                     "must be one of the profile's values",
                                     "must match the profile's pattern",
                                     "must be a UUID",
                                     "must be of A-Z a-z 0-9 . _ ~ : -",
                                     "must be scope tokens with one space between them",
                                     "must be an absolute URI",
                                     "must be printable UTF-8",
                                     "must be true or false",
                                     "must be an object",
                                     "must be an array",
                                     "must be a text",
                                     "must be a whole number",
                                     "has more elements than the profile allows",
                                     "is not within the profile's range",
                                     "is longer than the profile allows",
                                     "is missing; the profile requires it",
                                     "is missing; nothing is added to a payload",
                                     "looks like protected health information, which a token must not hold",
                                     "looks like protected health information, which must not be here",
                                     "must be the profile's issuer, or left out",
                                     "must be the profile's issuer",
                                     "must not be the profile's issuer",
                                     "must be sent: the profile has several audiences",
                                     "must hold audiences of the profile alone",
                                     "must not be empty",
                                     "must be a whole number of seconds within 60 s of now",
                                     "must be a whole number of seconds after now and within the profile's max_ttl",
                                     "must be a whole number of seconds, at most 60 s before now and before exp"});

// The texts of a recipient's key set and of the secret, whatever the profile calls them.
inline const policy::Files& fixed_files() {
  static const policy::Files files{
      [](const config::Recipient&) -> Result<std::string> {
        static const std::string set = [] {
          const jose::Json jwk = jose::parse_json(vectors::kRfc7516A1PrivateJwk).value();
          const jose::Json key = {{"kty", "RSA"}, {"use", "enc"}, {"n", jwk["n"]}, {"e", jwk["e"]}};
          return jose::dump_json(jose::Json{{"keys", {key}}});
        }();
        return set;
      },
      [](const std::string&) -> Result<std::optional<std::string>> { return std::optional<std::string>(); },
      [](const std::string&) -> Result<Secret> { return Secret(std::string(kSecret)); }};
  return files;
}

inline bool is_index(std::string_view step) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), value);
  return error == std::errc() && end == step.data() + step.size() && std::to_string(value) == step;
}

inline std::string as_step(std::string_view name) {
  std::string step;
  for (const char c : name) step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return step;
}

// Whether a pointer has names of the rules and indexes alone; `to_unknown`: its last step is a number in place of a
// name that no rule has.
inline bool names_only_rules(std::string_view pointer, const std::vector<claims::Rule>& rules, bool to_unknown) {
  const std::vector<claims::Rule>* members = &rules;
  const claims::Rule* list = nullptr;
  while (!pointer.empty()) {
    if (!pointer.starts_with('/')) return false;
    const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    const std::string_view step = pointer.substr(1, end - 1);
    pointer.remove_prefix(end);
    if (to_unknown && pointer.empty()) return is_index(step) && list == nullptr;
    const claims::Rule* next = nullptr;
    if (list != nullptr) {
      if (is_index(step)) next = list->parts.data();
    } else {
      const auto found = std::ranges::find_if(*members, [&](const auto& rule) { return as_step(rule.name) == step; });
      if (found != members->end()) next = &*found;
    }
    if (next == nullptr) {
      return members == &rules && list == nullptr && pointer.empty() &&
             std::ranges::find(claims::kJudgedElsewhere, step) != std::end(claims::kJudgedElsewhere);
    }
    list = next->type == claims::Type::kArray ? next : nullptr;
    members = &next->parts;
  }
  return !to_unknown;
}

// A refusal of claims is put together from its rule, the profile's own names, indexes and fixed words: there is no room
// in it for anything that was sent.
inline void check_told(const Refusal& refusal, const config::Profile& profile) {
  require(refusal.code == ErrorCode::kClaimPolicy && refusal.reason.empty(), "claims are refused as claims");
  if (refusal.rule == "claims.size" || refusal.rule == "claims.members") {
    const std::string size =
        "the claims would be larger than the profile's " + std::to_string(profile.bytes_max) + " bytes";
    require(refusal.pointer.empty(), "claims as a whole have no place");
    return require(refusal.detail == size || refusal.detail == "the token would be larger than 16 KiB" ||
                       refusal.detail == "the token would hold more than 256 names and elements",
                   "a refusal of the whole says one of three things");
  }
  const bool unknown = refusal.rule == "claim.not_allowed";
  require(names_only_rules(refusal.pointer, profile.rules, unknown), "a pointer has the profile's names alone");
  static constexpr std::array<std::string_view, 9> kRules = {"claim.missing",  "claim.type",  "claim.length",
                                                             "claim.items",    "claim.value", "claim.issuer",
                                                             "claim.audience", "claim.time",  "claim.subject"};
  require(unknown || phi::detector_of(refusal.rule) || std::ranges::find(kRules, refusal.rule) != kRules.end(),
          "a documented rule");
  const auto told = [&refusal](std::string_view problem) {
    return refusal.detail == claims::describe({refusal.rule, refusal.pointer, std::string(problem)});
  };
  require(unknown ? told("") : std::ranges::any_of(kProblems, told), "the detail is the claim's place and fixed words");
}

inline void check_findings(const claims::Findings& findings, const config::Profile& profile) {
  require(findings.reported.empty() || profile.phi == claims::PhiMode::kReport, "only a lenient profile lets PHI pass");
  for (const claims::Finding& one : findings.reported) {
    require(one.pointer != "/jti" && !(profile.pairwise && one.pointer == "/sub"),
            "not in a jti, nor a pseudonym's id");
    require(one.reason.empty() && names_only_rules(one.pointer, profile.rules, false), "a report names a place alone");
  }
  for (const claims::Finding& one : findings.exempted) {
    require(names_only_rules(one.pointer, profile.rules, false), "what was exempt has a place of the profile's");
    require(std::ranges::any_of(profile.exemptions,
                                [&one](const config::Exemption& exemption) {
                                  return exemption.detector == one.detector && exemption.reason == one.reason;
                                }),
            "an exemption is told of with a reason of the configuration's");
    require(one.pointer != "/jti" && !(profile.pairwise && one.pointer == "/sub"), "neither can be exempt");
  }
}

// That no detector finds anything which its rule does not exempt, in what the configuration did not write itself.
inline void check_clean(const jose::Json& value, const claims::Rule& rule, std::string_view name) {
  using claims::Type;
  const phi::DetectorSet wanted = [&rule] {
    phi::DetectorSet set = phi::DetectorSet::all().without(phi::Detector::kName);
    for (const phi::Detector one : phi::kDetectors) set = rule.exempt.contains(one) ? set.without(one) : set;
    return set;
  }();
  if (rule.type == Type::kArray) {
    for (const jose::Json& element : value) check_clean(element, rule.parts.front(), name);
  } else if (rule.type == Type::kObject) {
    for (const claims::Rule& part : rule.parts) {
      if (value.contains(part.name)) check_clean(value[part.name], part, part.name);
    }
  } else if (rule.type == Type::kNumber) {
    require(!phi::find_number(jose::json_integer(value).value(), name, wanted), "a strict profile lets no PHI pass");
  } else if (claims::is_text(rule.type) && rule.type != Type::kConst && rule.type != Type::kEnum) {
    require(!phi::find(value.get_ref<const std::string&>(), name, wanted), "a strict profile lets no PHI pass");
  }
}

// The payload of what will be signed.
inline std::string payload_of(const policy::SigningInput& input) {
  const std::string_view text = input.text();
  const std::size_t dot = text.find('.');
  require(dot != std::string_view::npos && text.size() < policy::kTokenBytesMax, "header, dot, payload; within 16 KiB");
  const auto payload = jose::base64url_decode(text.substr(dot + 1));
  require(payload.has_value(), "the payload is base64url");
  // jwt::TokenProfile's own caps.
  require(verify::Object::parse(text_of(*payload), {.depth_max = 16, .members_max = 256}).has_value(),
          "a verifier with default limits reads the payload");
  return std::string(text_of(*payload));
}

// The claims that the recipient of `written` has in the end: those that stand there, and those that are hidden in them.
inline jose::Json opened(jose::Json written, const config::Profile& profile) {
  const auto sealed = written.find(kEncryptedClaims);
  if (sealed == written.end()) return written;
  static const DecryptionKeys keys = DecryptionKeys::from_jwk(vectors::kRfc7516A1PrivateJwk).value();
  require(!profile.encrypt_to.empty() && sealed->is_string(), "only a profile that encrypts has encrypted claims");
  const auto open = verify::open_jwe(sealed->get<std::string>(), keys, verify::Content::kClaims, 2048);
  require(open.has_value(), "the recipient opens them");
  const auto hidden = jose::parse_json_object(open->plaintext.reveal());
  require(hidden && !hidden->empty(), "they are one object that holds something");
  written.erase(sealed);
  for (const auto& [name, value] : hidden->items()) {
    require(!written.contains(name), "what is hidden is not readable beside");
    require(std::ranges::find(profile.encrypt_claims, name) != profile.encrypt_claims.end(), "only what is named");
    const bool text = name == "sub" || name == "jti" || name == "client_id";
    require(!text || value.is_string(), "a verifier takes the hidden claims");
    written[name] = value;
  }
  return written;
}

inline std::string pseudonym_by(const policy::Profile& profile, const std::string& id) {
  const auto mac = profile.pairwise_mac(profile.pairwise_message(id));
  return mac ? policy::pseudonym_of(*mac) : std::string();
}

// Of claims that were allowed: nothing that was sent is dropped or changed but times, which are whole, and a subject
// that becomes a pseudonym; nothing comes from nowhere; what is to be hidden cannot be read.
inline void check_allowed(const jose::Json& sent, const std::string& payload, const policy::Profile& profile) {
  const config::Profile& settings = profile.settings();
  require(payload.size() <= settings.bytes_max, "the payload is within the profile's size");
  const jose::Json written = jose::parse_json(payload, {.members_max = 300}).value();
  for (const std::string& name : settings.encrypt_claims) require(!written.contains(name), "what is hidden is hidden");
  const jose::Json claims = opened(written, settings);
  for (const auto& [name, value] : sent.items()) {
    require(claims.contains(name), "no claim is dropped");
    if (name == "sub" && settings.pairwise) {
      const auto& pseudonym = claims[name].get_ref<const std::string&>();
      require(pseudonym.size() == 22 && pseudonym == pseudonym_by(profile, value.get<std::string>()),
              "a subject is replaced by its pseudonym");
    } else if (name != "iat" && name != "exp" && name != "nbf") {
      require(claims[name] == value, "no claim is changed");
    }
  }
  for (const claims::Rule& rule : settings.rules) {
    if (settings.phi == claims::PhiMode::kEnforce && sent.contains(rule.name))
      check_clean(sent[rule.name], rule, rule.name);
  }
  for (const auto& [name, value] : claims.items()) {
    const bool ours =
        name == "iss" || name == "aud" || name == "iat" || name == "exp" || name == "jti" || name == "nbf";
    const auto rule = std::ranges::find(settings.rules, name, &claims::Rule::name);
    require(ours || rule != settings.rules.end(), "every claim has its rule");
    const bool set = ours || (rule->type == claims::Type::kConst && rule->required);
    require(set || sent.contains(name), "no claim comes from nowhere");
  }
}

// What is signed in the end.  A profile whose pseudonyms a token makes ends here as it does while that is away.
inline Judged<policy::SigningInput> input_of(const policy::AuthorizedRequest& request, WallTime now) {
  SIGNER_ASSIGN_OR_RETURN(auto shaped, policy::shape_claims(request, now));
  auto* ready = std::get_if<policy::ShapedClaims>(&shaped);
  if (ready == nullptr) return refuse(ErrorCode::kTokenUnavailable, "the key cannot be used now");
  return policy::make_signing_input(request, std::move(*ready), std::string(kKid), now);
}

}  // namespace signer::fuzz
