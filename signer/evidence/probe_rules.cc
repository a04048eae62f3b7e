// SPDX-License-Identifier: Apache-2.0

#include "evidence/probe_rules.h"

#include <algorithm>

#include "evidence/cryptoki.h"

namespace signer::evidence {

namespace {

constexpr std::array<ProbeRule, 16> kProbeRules{{
    {"read",
     "key",
     {"C_GetAttributeValue", ""},
     ProbeSubjects::kPrivateNumbers,
     ProbeAnswers::kNoBytes,
     Finding::kBad,
     "no private number can be read",
     "a private number was read: the key has left the token"},
    {"read-mixed",
     "key",
     {"C_GetAttributeValue", ""},
     ProbeSubjects::kOnce,
     ProbeAnswers::kNothing,
     Finding::kBad,
     "no private number comes along with public ones",
     "a private number came along with public ones: the key has left the token"},
    {"wrap",
     "key",
     {"C_WrapKey", ""},
     ProbeSubjects::kSymmetricWrapping,
     ProbeAnswers::kWrap,
     Finding::kBad,
     "the key cannot be wrapped with a secret key",
     "the token wrapped the key: it can be taken out, whatever its attributes say"},
    {"wrap-public",
     "key",
     {"C_WrapKey", ""},
     ProbeSubjects::kRsaEncryption,
     ProbeAnswers::kWrap,
     Finding::kBad,
     "the key cannot be wrapped with a public key",
     "the token wrapped the key: it can be taken out, whatever its attributes say"},
    {"derive",
     "key",
     {"C_DeriveKey", ""},
     ProbeSubjects::kDerivations,
     ProbeAnswers::kRefusal,
     Finding::kBad,
     "no other key can be derived from it",
     "another key was derived from it, and that one can leave"},
    {"decrypt",
     "key",
     {"C_DecryptInit", ""},
     ProbeSubjects::kRsaEncryption,
     ProbeAnswers::kRefusal,
     Finding::kBad,
     "the key does not decrypt",
     "the key decrypts, whatever its attributes say"},
    {"unwrap",
     "key",
     {"C_UnwrapKey", ""},
     ProbeSubjects::kRsaPkcs,
     ProbeAnswers::kUnwrap,
     Finding::kBad,
     "the key does not unwrap",
     "the key unwraps: the token looked at the data instead of refusing"},
    {"sign-recover",
     "key",
     {"C_SignRecoverInit", ""},
     ProbeSubjects::kRsaPkcs,
     ProbeAnswers::kRefusal,
     Finding::kBad,
     "the key does not sign bare data",
     "the key signs bare data, whatever its attributes say"},
    {"sign-raw",
     "key",
     {"C_SignInit", "C_Sign"},
     ProbeSubjects::kRsaX509,
     ProbeAnswers::kRefusal,
     Finding::kWarning,
     "the key does not do raw RSA",
     "whoever has the PIN gets raw RSA from the key (see mechanism_lock)"},
    {"sign-other",
     "key",
     {"C_SignInit", ""},
     ProbeSubjects::kSha1RsaPkcs,
     ProbeAnswers::kRefusal,
     Finding::kWarning,
     "the key does not sign with SHA-1",
     "whoever has the PIN may sign with SHA-1 (see mechanism_lock)"},
    {"digest-key",
     "key",
     {"C_DigestKey", "C_DigestInit"},
     ProbeSubjects::kSha256,
     ProbeAnswers::kRefusal,
     Finding::kBad,
     "the key's value cannot be hashed",
     "the key's value was hashed: guesses of it can be tested"},
    {"operation-state",
     "key",
     {"C_GetOperationState", ""},
     ProbeSubjects::kOnce,
     ProbeAnswers::kNoBytes,
     Finding::kWarning,
     "the state of a signature stays in the token",
     "the state of a signature can be taken out"},
    {"set-attribute",
     "throwaway",
     {"C_SetAttributeValue", ""},
     ProbeSubjects::kWeakenings,
     ProbeAnswers::kSetting,
     Finding::kWarning,
     "a key made alike cannot be weakened",
     "the token said yes to a weaker attribute and changed nothing"},
    {"copy",
     "throwaway",
     {"C_CopyObject", ""},
     ProbeSubjects::kCopies,
     ProbeAnswers::kRefusal,
     Finding::kBad,
     "a key made alike has no weaker copy",
     "a key made alike has a weaker copy: so can this one"},
    {"throwaway-read",
     "throwaway",
     {"C_GetAttributeValue", ""},
     ProbeSubjects::kPrivateNumbers,
     ProbeAnswers::kNoBytes,
     Finding::kBad,
     "its private numbers cannot be read after all the tries",
     "a private number was read after the other tries: so can this key's"},
    {"throwaway-wrap",
     "throwaway",
     {"C_WrapKey", ""},
     ProbeSubjects::kSymmetricWrapping,
     ProbeAnswers::kWrap,
     Finding::kBad,
     "it cannot be wrapped after all the tries",
     "the token wrapped it after the other tries: so it can this key"},
}};

// What refuses, whatever was tried: the key or the token says no before it looks at any data.  Everything that is in no
// list here (a failure, a wrong handle or argument, a lost session, a name that nobody knows) says nothing of the key.
constexpr std::array<std::string_view, 9> kRefusals{
    "CKR_KEY_UNEXTRACTABLE",          "CKR_KEY_NOT_WRAPPABLE",      "CKR_KEY_TYPE_INCONSISTENT",
    "CKR_KEY_FUNCTION_NOT_PERMITTED", "CKR_KEY_INDIGESTIBLE",       "CKR_STATE_UNSAVEABLE",
    "CKR_ACTION_PROHIBITED",          "CKR_FUNCTION_NOT_SUPPORTED", "CKR_MECHANISM_INVALID"};

// The same of attributes.  Not of an unwrapping: there they speak of the key that would come out.
constexpr std::array<std::string_view, 6> kAttributeRefusals{"CKR_ATTRIBUTE_SENSITIVE",   "CKR_ATTRIBUTE_TYPE_INVALID",
                                                             "CKR_ATTRIBUTE_READ_ONLY",   "CKR_ATTRIBUTE_VALUE_INVALID",
                                                             "CKR_TEMPLATE_INCONSISTENT", "CKR_TEMPLATE_INCOMPLETE"};

// Of an unwrapping key alone: it is of no kind that unwraps this way.
constexpr std::string_view kUnwrapRefusal = "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT";

// What says that the key did not fit, not that it may not be wrapped.
constexpr std::array<std::string_view, 4> kMisfits{"CKR_DATA_LEN_RANGE", "CKR_KEY_SIZE_RANGE",
                                                   "CKR_WRAPPING_KEY_SIZE_RANGE", "CKR_MECHANISM_PARAM_INVALID"};

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// The token asks for more room: it would have given what was asked for.
bool wanted_more_room(const ProbeRule& rule, const Pkcs11Try& one) {
  return one.rv == "CKR_BUFFER_TOO_SMALL" &&
         (rule.answers == ProbeAnswers::kNoBytes || rule.answers == ProbeAnswers::kWrap);
}

// Both lists show what was set, with a value.
bool shows_what_was_set(const Pkcs11Try& one) {
  const std::string name = one.attribute.substr(0, one.attribute.find('='));
  const auto number = std::ranges::find(cryptoki::kAttributes, std::string_view(name), &cryptoki::NamedNumber::name);
  return number != cryptoki::kAttributes.end() && one.before && one.after && one.before->flag(number->number) &&
         one.after->flag(number->number);
}

ProbeOutcome on_success(const ProbeRule& rule, const Pkcs11Try& one) {
  // A copy that may decrypt is as well kept as the original.
  if (rule.probe == "copy" && one.attribute.starts_with("CKA_DECRYPT")) return ProbeOutcome::kWeak;
  return rule.on_success == Finding::kBad ? ProbeOutcome::kBroken : ProbeOutcome::kWeak;
}

// By type alone: modules wrap with what they list without a flag too.
std::vector<std::string> listed_mechanisms(const Pkcs11Part& part, std::span<const std::uint64_t> types) {
  std::vector<std::string> names;
  for (const Pkcs11Mechanism& mechanism : part.mechanisms) {
    if (std::ranges::find(types, mechanism.type) != types.end()) names.push_back(mechanism.name);
  }
  return names;
}

}  // namespace

std::span<const ProbeRule> probe_rules() noexcept {
  return kProbeRules;
}

ProbeOutcome outcome_of(const ProbeRule& rule, const Pkcs11Try& one) {
  const bool ok = one.rv == "CKR_OK";
  if (one.length.value_or(0) > 0) return on_success(rule, one);
  if (rule.answers == ProbeAnswers::kSetting && one.before && one.after && *one.before != *one.after) {
    return ProbeOutcome::kBroken;
  }
  if ((ok && rule.answers != ProbeAnswers::kNothing) || wanted_more_room(rule, one)) return on_success(rule, one);
  if (rule.answers == ProbeAnswers::kUnwrap &&
      (one.rv.starts_with("CKR_WRAPPED_KEY_") || one.rv.starts_with("CKR_ENCRYPTED_DATA_"))) {
    return ProbeOutcome::kBroken;
  }
  if (one.call.empty() || !is_among(one.call, rule.calls)) return ProbeOutcome::kNoTry;
  const bool counts_bytes = rule.answers == ProbeAnswers::kNoBytes || rule.answers == ProbeAnswers::kNothing;
  if (counts_bytes && !one.length) return ProbeOutcome::kNoTry;
  if (rule.answers == ProbeAnswers::kSetting && !shows_what_was_set(one)) return ProbeOutcome::kNoTry;
  if (rule.answers == ProbeAnswers::kWrap && is_among(one.rv, kMisfits)) return ProbeOutcome::kWeak;
  if (ok) return ProbeOutcome::kRefused;  // kNothing: the public number came, and nothing else
  const bool unwraps = rule.answers == ProbeAnswers::kUnwrap;
  const bool refused =
      is_among(one.rv, kRefusals) || (unwraps ? one.rv == kUnwrapRefusal : is_among(one.rv, kAttributeRefusals));
  return refused ? ProbeOutcome::kRefused : ProbeOutcome::kNoTry;
}

std::vector<std::string> subjects_of(const ProbeRule& rule, const Pkcs11Part& part, bool is_rsa) {
  constexpr std::array kDerivationTypes{cryptoki::kExtractKeyFromKey, cryptoki::kXorBaseAndData,
                                        cryptoki::kConcatenateBaseAndData};
  switch (rule.subjects) {
    case ProbeSubjects::kOnce:
      return {""};
    case ProbeSubjects::kPrivateNumbers:
      if (!is_rsa) return {"CKA_VALUE"};
      return {"CKA_PRIVATE_EXPONENT", "CKA_PRIME_1",    "CKA_PRIME_2",
              "CKA_EXPONENT_1",       "CKA_EXPONENT_2", "CKA_COEFFICIENT"};
    case ProbeSubjects::kSymmetricWrapping:
      return listed_mechanisms(part, cryptoki::kSymmetricWrapping);
    case ProbeSubjects::kDerivations:
      return listed_mechanisms(part, kDerivationTypes);
    case ProbeSubjects::kRsaEncryption:
      return {"CKM_RSA_PKCS", "CKM_RSA_PKCS_OAEP"};
    case ProbeSubjects::kRsaPkcs:
      return {"CKM_RSA_PKCS"};
    case ProbeSubjects::kRsaX509:
      return {"CKM_RSA_X_509"};
    case ProbeSubjects::kSha1RsaPkcs:
      return {"CKM_SHA1_RSA_PKCS"};
    case ProbeSubjects::kSha256:
      return {"CKM_SHA256"};
    case ProbeSubjects::kWeakenings:
      return {"CKA_SENSITIVE",
              "CKA_EXTRACTABLE",
              "CKA_PRIVATE",
              "CKA_ALWAYS_SENSITIVE",
              "CKA_NEVER_EXTRACTABLE",
              "CKA_LOCAL",
              "CKA_DECRYPT",
              "CKA_UNWRAP",
              "CKA_DERIVE"};
    case ProbeSubjects::kCopies:
      return {"CKA_EXTRACTABLE", "CKA_SENSITIVE", "CKA_PRIVATE", "CKA_DECRYPT"};
  }
  return {};
}

// "CKA_SENSITIVE=0" is of CKA_SENSITIVE: the value follows from the probe.
std::string subject_of(const ProbeRule& rule, const Pkcs11Try& one) {
  if (rule.subjects == ProbeSubjects::kOnce) return {};
  if (!one.mechanism.empty()) return one.mechanism;
  return one.attribute.substr(0, one.attribute.find('='));
}

}  // namespace signer::evidence
