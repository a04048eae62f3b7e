// SPDX-License-Identifier: Apache-2.0
//
// The auditor's side of enrolling an attestation key: whose TPM it says to be in, a challenge that this TPM alone can
// answer, and the answer (docs/auditor-guide.md; TPM 2.0 Part 1 §24).  No TPM is needed.
#pragma once

#include <string>
#include <string_view>

#include "evidence/credential.h"
#include "evidence/tpm_structures.h"
#include "evidence/trust.h"
#include "evidence/verdict.h"

namespace signer::evidence {

inline constexpr std::size_t kCardBytesMax = 192UL * 1024;
inline constexpr std::size_t kAnswerBytesMax = 4096;

// What the operator's TPM says of its two keys, judged.
struct AttestationKeyCard {
  Name name{};              // of the attestation key
  Name endorsement_name{};  // of the endorsement key
  bool is_simulator = false;
  std::string manufacturer;  // by the endorsement key's certificate: "id:49465800"
  jose::PublicKey endorsement_key;
  Judgement judgement;  // tpm.simulator and tpm.ek.*; its grade is kAttested if a manufacturer's root stands behind the
                        // endorsement key, kSoftware if that is a simulator's and was allowed, else kFailed
};

// `text` is {"ak":{"pubArea","name"},"ek":{"pubArea","certificates"}} with bytes in base64url, as signer-tpm shows it.
// kInvalidRequest if it is not exactly that.
[[nodiscard]] Result<AttestationKeyCard> read_card(std::string_view text, const Trust& trust);

// What goes to the operator: {"credential","secret"}, and what the auditor keeps until the answer comes:
// {"ek_name","name","secret","simulator"}, which is secret.
struct ChallengeFiles {
  std::string challenge;
  std::string kept;
};

[[nodiscard]] Result<ChallengeFiles> challenge_card(const AttestationKeyCard& card);

// The attestation key and the endorsement key that was challenged, if the answer {"secret"} is the secret that was
// kept: kDenied if it is another, kInvalidRequest if one of the two is malformed.
[[nodiscard]] Result<EnrolledKey> accept_answer(std::string_view answer, std::string_view kept);

// One line {"ek_name","name","simulator"}: Names in hexadecimal digits, and whether the TPM was a simulator.
[[nodiscard]] std::string enrolled_text(const EnrolledKey& key);

// kInvalidRequest if it is not exactly that.
[[nodiscard]] Result<EnrolledKey> read_enrolled(std::string_view text);

}  // namespace signer::evidence
