// SPDX-License-Identifier: Apache-2.0
//
// Secret keys for HMAC-SHA-256 (ADR 0017): made, looked up and used.  A key is trusted for what the token reads back of
// it and for the answer that it gives to a message that never changes.
#pragma once

#include <string_view>

#include "channel/values.h"
#include "hsm/session_pool.h"
#include "hsm/signature.h"

namespace signer::hsm {

// A secret key of a token, good until its sessions are gone.
struct StoredHmacKey {
  CK_OBJECT_HANDLE secret_key = CK_INVALID_HANDLE;
  channel::KnownAnswer known_answer{};
};

// The one secret key under this CKA_ID, with its known answer, for which the token is asked.  kNotFound, kAmbiguous;
// kMismatch if it is no key for HMAC or if somebody could read it out; kUnsupported if the token has no
// CKM_SHA256_HMAC.  As with any failure of make_mac, the session must be closed then.
[[nodiscard]] channel::HostResult<StoredHmacKey> find_hmac_key(const Session& session, const Mechanisms& mechanisms,
                                                               ByteView key_id);

// C_SignInit and C_Sign, nothing else.  After any failure the session must be closed: the operation may still be
// active in it.  A MAC of another length than 32 bytes is kUnavailable.
[[nodiscard]] channel::HostResult<channel::Mac> make_mac(const Session& session, CK_OBJECT_HANDLE secret_key,
                                                         std::string_view message);

// Makes a key of 32 bytes inside the token with every attribute stated, as generate_key_pair does, and believes only
// what it reads back.  One that reads back weaker is destroyed (or named as left behind) and reported as kUnsupported.
// kInvalid if the CKA_ID is taken or if there is a secret key with this label.
[[nodiscard]] channel::HostResult<StoredHmacKey> generate_hmac_key(const Session& session, const Mechanisms& mechanisms,
                                                                   const channel::HmacKeyRequest& request);

}  // namespace signer::hsm
