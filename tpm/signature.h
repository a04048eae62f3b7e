// SPDX-License-Identifier: Apache-2.0
//
// One signature, one TPM command.  The digest is made here from what is to be signed: no caller's digest reaches the
// TPM, or whoever calls could have it sign statements about the TPM itself.
#pragma once

#include <string_view>

#include "tpm/esys_context.h"

namespace signer::tpm {

// TPM2_Sign over the SHA-256 of `signing_input`.  `authorization` is an armed session or ESYS_TR_PASSWORD.  RS256: as
// many bytes as the modulus; ES256: R || S, 64 bytes.  A signature of another shape is kUnavailable.
[[nodiscard]] TpmResult<Bytes> make_signature(EsysContext& context, ESYS_TR key, ESYS_TR authorization,
                                              const jose::PublicKey& public_key, std::string_view signing_input);

}  // namespace signer::tpm
