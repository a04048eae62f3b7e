// SPDX-License-Identifier: Apache-2.0
//
// Whose TPM this is: the certificates of the endorsement key and of the attestation key, and the signs of a simulator.
#pragma once

#include <string>

#include "evidence/tpm_keys.h"
#include "evidence/tpm_part.h"
#include "evidence/trust.h"
#include "evidence/verdict.h"

namespace signer::evidence {

struct TpmOrigin {
  bool is_simulator = false;      // by what it says, by its certificates or because it was enrolled as one
  bool has_manufacturer = false;  // a chain from the endorsement key to a root, which names the chip's manufacturer
  std::string root;               // its subject, as shown(); if has_manufacturer
  bool attestation_is_enrolled = false;
  bool attestation_is_tied = false;  // the attestation key is known to be in a TPM
};

// Adds the checks tpm.simulator, tpm.ek.certificate, .usage, .manufacturer and .chain, and tpm.ak.enrolled,
// .certificate, .usage and .chain.
[[nodiscard]] TpmOrigin judge_tpm_origin(const TpmPart& part, const TpmKeys& keys, const Trust& trust,
                                         Judgement& judgement);

}  // namespace signer::evidence
