// SPDX-License-Identifier: Apache-2.0
//
// Judges what the manufacturer of a PKCS#11 token says of a key (docs/evidence-format.md §5).
#pragma once

#include "evidence/trust.h"
#include "evidence/verdict.h"
#include "jose/public_key.h"
#include "signer/bytes.h"

namespace signer::evidence {

// PEM certificates, leaf first: kAttested if they lead to one of the roots and the leaf's key is `key`; kBad checks if
// the leaf's is another or a certificate is malformed; else, and for anything that is no PEM, kClaimed.
[[nodiscard]] Judgement judge_vendor(ByteView data, const jose::PublicKey& key, const Trust& trust);

}  // namespace signer::evidence
