// SPDX-License-Identifier: Apache-2.0
//
// The pieces of judge_pkcs11(), in the order in which it asks them.  Each adds its checks.
#pragma once

#include <string>

#include "evidence/pkcs11_part.h"
#include "evidence/verdict.h"
#include "jose/public_key.h"

namespace signer::evidence {

// Library, slot and token: what they say of themselves, and whether a PIN guards the keys.
void judge_token(const Pkcs11Part& part, Judgement& judgement);

// The words of library, slot or token that name a program; empty if none do.
[[nodiscard]] std::string named_program(const Pkcs11Part& part);

// The attributes of the pair, against `key` and against what a key that cannot leave must have.
void judge_key_attributes(const Pkcs11Part& part, const jose::PublicKey& key, Judgement& judgement);

// What else lies in the token.  Whether all private and secret keys were seen.
[[nodiscard]] bool judge_other_objects(const Pkcs11Part& part, Judgement& judgement);

// What was tried.  Empty if every try that applies was made, with `probes` full; else the sentence that says what is
// missing.
[[nodiscard]] std::string judge_tries(const Pkcs11Part& part, const jose::PublicKey& key, Judgement& judgement);

}  // namespace signer::evidence
