// SPDX-License-Identifier: Apache-2.0
//
// TPM2_MakeCredential without a TPM (TPM 2.0 Part 1 §24, Annex B.10.4): a challenge that only the TPM with this
// endorsement key can answer, and only while the attestation key with this Name is loaded in it.
#pragma once

#include "base/secret.h"
#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::evidence {

struct Challenge {
  Bytes credential;        // TPM2B_ID_OBJECT, with its size in front
  Bytes encrypted_secret;  // TPM2B_ENCRYPTED_SECRET, likewise
  Secret secret;           // 32 random bytes: what TPM2_ActivateCredential gives back
};

// The endorsement key is RSA-2048 with SHA-256 and AES-128-CFB, as template L-1 of the TCG EK Credential Profile has
// it; the Name is the attestation key's.  kInvalidRequest for another kind of key or Name, kInternal if OpenSSL fails.
// Whether the endorsement key is a TPM's is for whoever looked at its certificate.
[[nodiscard]] Result<Challenge> make_challenge(const jose::PublicKey& endorsement_key, ByteView attestation_key_name);

}  // namespace signer::evidence
