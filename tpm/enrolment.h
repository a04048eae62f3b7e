// SPDX-License-Identifier: Apache-2.0
//
// How an organisation makes sure that an attestation key is in the TPM of an endorsement key: it encrypts a secret so
// that this TPM alone can read it, and only for this attestation key (TPM 2.0 Part 1 §24).  Here is the TPM's side.
#pragma once

#include <string>

#include "channel/values.h"
#include "jose/json.h"

namespace signer::tpm {

struct EnrolmentRequest {
  std::string tcti;
  std::string key_directory;  // of the token; made if it is absent
};

// {"ak":{"pubArea","name"},"ek":{"pubArea","certificates"}}, bytes in base64url as in the evidence
// (docs/evidence-format.md §4), `name` the attestation key's Name.  Makes the attestation key if there is none.  Leaves
// nothing loaded in the TPM.
[[nodiscard]] channel::HostResult<jose::Json> show_attestation_key(const EnrolmentRequest& request);

inline constexpr std::size_t kChallengeBytesMax = 4096;

// {"secret"} in base64url: what the challenge holds (TPM2_ActivateCredential).  `challenge` is the text
// {"credential","secret"}: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, sizes included, in base64url.  kInvalid if it is
// anything else; kMismatch if it is not for this TPM and its attestation key; kNotFound if there is no such key.
[[nodiscard]] channel::HostResult<jose::Json> activate_credential(const EnrolmentRequest& request,
                                                                  std::string_view challenge);

}  // namespace signer::tpm
