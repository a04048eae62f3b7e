// SPDX-License-Identifier: Apache-2.0
//
// Judges who has signed a statement: the JWS of a bundle (docs/evidence-format.md §1).
#pragma once

#include <optional>

#include "evidence/bundle.h"
#include "evidence/statement.h"
#include "evidence/verdict.h"
#include "jose/public_key.h"

namespace signer::evidence {

// The key of the statement's `jwk`, if it is one that signerd publishes and `kid` is its RFC 7638 thumbprint.
[[nodiscard]] std::optional<jose::PublicKey> judge_jwk(const Statement& statement, Judgement& judgement);

// Whether `key` has signed exactly this statement and nonce, as evidence.  The signature is looked at last, because it
// alone takes time.
[[nodiscard]] bool judge_signature(const Bundle& bundle, const Statement& statement, const jose::PublicKey& key,
                                   Judgement& judgement);

}  // namespace signer::evidence
