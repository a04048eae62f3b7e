// SPDX-License-Identifier: Apache-2.0
//
// What the attestation key signed: that the key is in the TPM now, that this TPM made it, and the state it was in.
#pragma once

#include "evidence/judge_tpm.h"
#include "evidence/tpm_keys.h"
#include "evidence/tpm_part.h"
#include "evidence/verdict.h"

namespace signer::evidence {

// Adds the checks tpm.certify.*, tpm.creation.*, tpm.quote.*, tpm.clock and tpm.firmware.
void judge_tpm_statements(const TpmPart& part, const TpmKeys& keys, const TpmExpectation& expectation,
                          Judgement& judgement);

}  // namespace signer::evidence
