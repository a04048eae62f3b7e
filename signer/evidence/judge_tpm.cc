// SPDX-License-Identifier: Apache-2.0

#include "evidence/judge_tpm.h"

#include "evidence/tpm_keys.h"
#include "evidence/tpm_origin.h"
#include "evidence/tpm_part.h"
#include "evidence/tpm_statements.h"

namespace signer::evidence {

namespace {

// Of evidence in which nothing is wrong.
void grade_tpm(const TpmOrigin& origin, Judgement& judgement) {
  if (origin.is_simulator) {
    judgement.grade = Grade::kSoftware;
    judgement.reason = "The TPM is a program: what it says of the key is true of a file.";
  } else if (!origin.has_manufacturer) {
    judgement.grade = Grade::kClaimed;
    judgement.reason = "No manufacturer that is trusted says that the TPM is a chip.";
  } else if (!origin.attestation_is_tied) {
    judgement.grade = Grade::kClaimed;
    judgement.reason = "Nothing ties the attestation key to the TPM: enrol it, or have it certified.";
  } else {
    judgement.grade = Grade::kAttested;
    judgement.reason = "The endorsement key's certificate leads to " + origin.root + "; the attestation key was " +
                       (origin.attestation_is_enrolled ? "enrolled with that endorsement key."
                                                       : "certified by a root that was given for that.");
  }
}

}  // namespace

Judgement judge_tpm(const jose::Json& part, const jose::PublicKey& key, const TpmExpectation& expectation,
                    const Trust& trust) {
  Judgement judgement;
  const auto read = read_tpm_part(part);
  if (!read) {
    judgement.add("tpm.form", Finding::kBad, shown(read.error().text),
                  "The evidence is not as the page of its format says.");
  } else if (const auto keys = judge_tpm_keys(*read, key, judgement)) {
    judge_tpm_statements(*read, *keys, expectation, judgement);
    grade_tpm(judge_tpm_origin(*read, *keys, trust, judgement), judgement);
  }
  if (judgement.has_bad()) {
    judgement.grade = Grade::kFailed;
    judgement.reason = "Something in the TPM's evidence is wrong.";
  }
  return judgement;
}

}  // namespace signer::evidence
