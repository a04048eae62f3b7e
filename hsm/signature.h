// SPDX-License-Identifier: Apache-2.0
//
// One signature, two token calls.  The only place where a DigestInfo is built.
#pragma once

#include <optional>

#include "channel/values.h"
#include "hsm/key_store.h"

namespace signer::hsm {

// What the token offers.
struct Mechanisms {
  std::optional<CK_MECHANISM_TYPE> rs256;  // CKM_SHA256_RSA_PKCS, else CKM_RSA_PKCS over a DigestInfo of ours
  std::optional<CK_MECHANISM_TYPE> es256;  // CKM_ECDSA over a SHA-256 of ours
  bool hmac = false;                       // CKM_SHA256_HMAC
};

[[nodiscard]] channel::HostResult<Mechanisms> offered_mechanisms(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot);

// C_SignInit and C_Sign, nothing else.  After any failure the session must be closed: the operation may still be
// active in it.  A signature of the wrong length is kUnavailable.
[[nodiscard]] channel::HostResult<Bytes> make_signature(const Session& session, const StoredKey& key,
                                                        const Mechanisms& mechanisms, std::string_view signing_input);

}  // namespace signer::hsm
