// SPDX-License-Identifier: Apache-2.0
//
// Judges the member `tpm` of a statement (docs/evidence-format.md §4).  OpenSSL and nothing of a TPM.
#pragma once

#include "evidence/trust.h"
#include "evidence/verdict.h"
#include "jose/json.h"
#include "jose/public_key.h"
#include "signer/bytes.h"

namespace signer::evidence {

struct TpmExpectation {
  ByteView nonce;    // the auditor's
  ByteView context;  // context_of()
};

// `part` may be anything that is JSON: what is malformed, missing or unknown is a kBad check.  `key` is the published
// key.  Supports kAttested with a chain from the endorsement key to one of the roots and an attestation key that is
// tied to it (enrolled, or certified under attestation_roots); kSoftware at best for a simulator; else kClaimed.
[[nodiscard]] Judgement judge_tpm(const jose::Json& part, const jose::PublicKey& key, const TpmExpectation& expectation,
                                  const Trust& trust);

}  // namespace signer::evidence
