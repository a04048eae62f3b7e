// SPDX-License-Identifier: Apache-2.0
//
// What each probe of docs/evidence-format.md §3.2 tries, with what, and how its answer is read.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/pkcs11_part.h"
#include "evidence/verdict.h"

namespace signer::evidence {

// With what each probe is to be tried.
enum class ProbeSubjects {
  kOnce,
  kPrivateNumbers,
  kSymmetricWrapping,  // those that the token lists
  kDerivations,        // the same
  kRsaEncryption,
  kRsaPkcs,
  kRsaX509,
  kSha1RsaPkcs,
  kSha256,
  kWeakenings,
  kCopies,
};

// How an answer is read.
enum class ProbeAnswers {
  kRefusal,  // a refusal
  kNoBytes,  // a refusal, and no bytes; a call for more room is consent
  kNothing,  // a refusal or CKR_OK, and no bytes
  kWrap,     // a refusal; a complaint of size or parameters is weak, a call for more room is consent
  kUnwrap,   // a refusal of the key or the call, not of the data
  kSetting,  // what is set stays as it was
};

struct ProbeRule {
  std::string_view probe;
  std::string_view target;
  std::array<std::string_view, 2> calls;  // the ones that decide; another one means that it did not come to a try
  ProbeSubjects subjects;
  ProbeAnswers answers;
  Finding on_success;
  std::string_view good;
  std::string_view wrong;
};

[[nodiscard]] std::span<const ProbeRule> probe_rules() noexcept;

enum class ProbeOutcome {
  kRefused,  // as it must be
  kNoTry,    // the answer says nothing of what was to be tried
  kWeak,     // a warning
  kBroken,
};

[[nodiscard]] ProbeOutcome outcome_of(const ProbeRule& rule, const Pkcs11Try& one);

// With what this probe has to be tried on this token: names of mechanisms or attributes; one empty name for kOnce.
[[nodiscard]] std::vector<std::string> subjects_of(const ProbeRule& rule, const Pkcs11Part& part, bool is_rsa);

// Which of them this try is about.
[[nodiscard]] std::string subject_of(const ProbeRule& rule, const Pkcs11Try& one);

}  // namespace signer::evidence
