// SPDX-License-Identifier: Apache-2.0
//
// What a TPM says of itself and its keys under the attestation key: TPMS_ATTEST and a signature (TPM 2.0 Part 2
// §10.12).
#pragma once

#include <array>
#include <vector>

#include "tpm/esys_context.h"

namespace signer::tpm {

struct Statement {
  Bytes attest;     // TPMS_ATTEST as the TPM gave it
  Bytes signature;  // RSASSA with SHA-256, its bytes alone
};

// What TPM2_Create said of a key, for TPM2_CertifyCreation.  The ticket is good until the TPM is cleared.
struct Creation {
  Bytes data;  // TPMS_CREATION_DATA; empty if the library cannot write it, which the certificate then shows
  TPM2B_DIGEST hash{};
  TPMT_TK_CREATION ticket{};
};

// From what Esys_Create gave.
[[nodiscard]] Creation creation_of(const TPM2B_CREATION_DATA& data, const TPM2B_DIGEST& hash,
                                   const TPMT_TK_CREATION& ticket);

using PcrValues = std::vector<Bytes>;  // of the registers 0 to 7, by number

struct Quotation {
  Statement statement;
  PcrValues pcrs;
};

// TPM2_Certify: the key with this Name is in the TPM now.  `authorization` is the key's: an armed session or
// ESYS_TR_PASSWORD.  At most 64 bytes of `nonce`.
[[nodiscard]] TpmResult<Statement> certify(EsysContext& context, ESYS_TR key, ESYS_TR authorization,
                                           ESYS_TR attestation_key, ByteView nonce);

// TPM2_CertifyCreation: this TPM made the key.  Without a nonce, as there is no auditor when a key is born.
[[nodiscard]] TpmResult<Statement> certify_creation(EsysContext& context, ESYS_TR key, ESYS_TR attestation_key,
                                                    const Creation& creation);

// TPM2_Quote of the registers 0 to 7 in the bank SHA-256, and TPM2_PCR_Read of the values that were quoted: asked for
// again, a few times at most, if they change in between (kRefused).  kUnsupported with advice if the bank is off.
[[nodiscard]] TpmResult<Quotation> quote(EsysContext& context, ESYS_TR attestation_key, ByteView nonce);

}  // namespace signer::tpm
