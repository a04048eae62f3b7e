// SPDX-License-Identifier: Apache-2.0
//
// What keys are asked of the TPM: every attribute stated, the scheme locked, so that the key can sign one algorithm and
// do nothing else.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "tpm/esys_context.h"

namespace signer::tpm {

// The template of a signing key (TPM 2.0 Part 2 §12.2.4).
[[nodiscard]] TPM2B_PUBLIC signing_template(jose::KeyKind kind);

// The storage root's: ECC P-256, AES-128-CFB, empty `unique`, as other users of the handle make it (TCG EK Credential
// Profile, template H-2 in the storage hierarchy), exempt from lockout.
[[nodiscard]] TPM2B_PUBLIC storage_root_template();

// The endorsement key's: RSA-2048, template L-1 of the TCG EK Credential Profile (Annex B.3.3), which manufacturers
// certify.  It has no auth value: who has the endorsement hierarchy's may use it (its policy).
[[nodiscard]] TPM2B_PUBLIC endorsement_key_template();

// The attestation key's: RSA-2048, RSASSA with SHA-256, restricted: it signs what the TPM itself says and nothing else.
[[nodiscard]] TPM2B_PUBLIC attestation_key_template();

// Whether a key with this public area was asked for with this template: all but its numbers is the same.
[[nodiscard]] bool has_template(const TPM2B_PUBLIC& area, const TPM2B_PUBLIC& wanted);

// Asks the TPM whether it can make this key (TPM2_TestParms): kUnsupported if it says no.
[[nodiscard]] TpmResult<void> check_offered(EsysContext& context, const TPM2B_PUBLIC& key);

}  // namespace signer::tpm
