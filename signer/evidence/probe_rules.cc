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

// Return values that speak of the session, the machine or the wrapping key, and not of what was tried.
constexpr std::array<std::string_view, 14> kNoAnswers{"CKR_HOST_MEMORY",
                                                      "CKR_SLOT_ID_INVALID",
                                                      "CKR_FUNCTION_CANCELED",
                                                      "CKR_DEVICE_REMOVED",
                                                      "CKR_DEVICE_MEMORY",
                                                      "CKR_OPERATION_ACTIVE",
                                                      "CKR_SESSION_CLOSED",
                                                      "CKR_SESSION_COUNT",
                                                      "CKR_SESSION_HANDLE_INVALID",
                                                      "CKR_TOKEN_NOT_PRESENT",
                                                      "CKR_USER_NOT_LOGGED_IN",
                                                      "CKR_CRYPTOKI_NOT_INITIALIZED",
                                                      "CKR_WRAPPING_KEY_HANDLE_INVALID",
                                                      "CKR_OBJECT_HANDLE_INVALID"};

// What says that the key did not fit, not that it may not be wrapped.
constexpr std::array<std::string_view, 4> kMisfits{"CKR_DATA_LEN_RANGE", "CKR_KEY_SIZE_RANGE",
                                                   "CKR_WRAPPING_KEY_SIZE_RANGE", "CKR_MECHANISM_PARAM_INVALID"};

ProbeOutcome on_success(const ProbeRule& rule, const Pkcs11Try& one) {
  // A copy that may decrypt is as well kept as the original.
  if (rule.probe == "copy" && one.attribute.starts_with("CKA_DECRYPT")) return ProbeOutcome::kWeak;
  return rule.on_success == Finding::kBad ? ProbeOutcome::kBroken : ProbeOutcome::kWeak;
}

std::vector<std::string> listed_mechanisms(const Pkcs11Part& part, std::span<const std::uint64_t> types,
                                           std::uint64_t flag) {
  std::vector<std::string> names;
  for (const Pkcs11Mechanism& mechanism : part.mechanisms) {
    if ((mechanism.flags & flag) == 0 || std::ranges::find(types, mechanism.type) == types.end()) continue;
    names.push_back(mechanism.name);
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
  if (ok && rule.answers != ProbeAnswers::kNothing) return on_success(rule, one);
  if (rule.answers == ProbeAnswers::kUnwrap &&
      (one.rv.starts_with("CKR_WRAPPED_KEY_") || one.rv.starts_with("CKR_ENCRYPTED_DATA_"))) {
    return ProbeOutcome::kBroken;
  }
  const bool decided = std::ranges::find(rule.calls, one.call) != rule.calls.end() && !one.call.empty();
  if (!decided || std::ranges::find(kNoAnswers, one.rv) != kNoAnswers.end()) return ProbeOutcome::kNoTry;
  const bool counts_bytes = rule.answers == ProbeAnswers::kNoBytes || rule.answers == ProbeAnswers::kNothing;
  if (counts_bytes && !one.length) return ProbeOutcome::kNoTry;
  const bool compared = one.before && one.after && !one.before->empty();
  if (rule.answers == ProbeAnswers::kSetting && !compared) return ProbeOutcome::kNoTry;
  const bool misfit = std::ranges::find(kMisfits, one.rv) != kMisfits.end();
  return rule.answers == ProbeAnswers::kWrap && misfit ? ProbeOutcome::kWeak : ProbeOutcome::kRefused;
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
      return listed_mechanisms(part, cryptoki::kSymmetricWrapping, cryptoki::kMechanismWraps);
    case ProbeSubjects::kDerivations:
      return listed_mechanisms(part, kDerivationTypes, cryptoki::kMechanismDerives);
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
