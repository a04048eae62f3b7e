// SPDX-License-Identifier: Apache-2.0
//
// Judges the member `pkcs11` of a statement (docs/evidence-format.md §3).  Pure.
#pragma once

#include "evidence/verdict.h"
#include "jose/json.h"
#include "jose/public_key.h"

namespace signer::evidence {

// `value` may be anything that is JSON: what is malformed, missing or unknown is a kBad check.  `key` is the published
// key.  Supports kProbed at best; kSoftware at best for a token that is a program.
[[nodiscard]] Judgement judge_pkcs11(const jose::Json& value, const jose::PublicKey& key);

}  // namespace signer::evidence
