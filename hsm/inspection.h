// SPDX-License-Identifier: Apache-2.0
//
// Whether a key that serves is still as keys are made.  Reads; changes nothing.
#pragma once

#include "channel/values.h"
#include "hsm/key_store.h"

namespace signer::hsm {

// kWeakened, naming what is wrong: a requirement of generate_key_pair that the key does not meet now, or a second
// private key with its numbers among those that the session sees.  A private EC key that does not report its point is
// not seen as a second one.
[[nodiscard]] channel::HostResult<void> check_not_weakened(const Session& session, const StoredKey& key);

// What several private keys under one CKA_ID are: kWeakened if all have the same numbers, else `ambiguous` as it came.
[[nodiscard]] channel::HostError judge_ambiguous(const Session& session, ByteView key_id, channel::HostError ambiguous);

}  // namespace signer::hsm
