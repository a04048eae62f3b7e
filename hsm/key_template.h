// SPDX-License-Identifier: Apache-2.0
//
// Makes key pairs with every attribute stated, and believes only what the token reads back: defaults differ, and some
// tokens make extractable keys unless told not to.
#pragma once

#include "channel/values.h"
#include "hsm/key_store.h"

namespace signer::hsm {

// Generates a pair inside the token.  Tokens that refuse optional attributes are asked again with fewer, the most
// optional dropped first; whatever was asked, the result must pass check_strength.  A pair that does not is destroyed
// (or, if the token will not, named as left behind) and reported as kUnsupported.  kInvalid if the CKA_ID is taken.
[[nodiscard]] channel::HostResult<StoredKey> generate_key_pair(const Session& session,
                                                               const channel::KeyRequest& request);

// Refuses (kUnsupported, naming each attribute) a private key that a process could read, wrap or repurpose, that was
// not made in the token, or that has another size than asked for.
[[nodiscard]] channel::HostResult<void> check_strength(const Session& session, const StoredKey& key,
                                                       const channel::KeyRequest& request);

// " CKA_DECRYPT=1 CKA_LOCAL=0" for each requirement on a key of its size that the key does not meet now; empty if it
// meets all.  CKA_ALLOWED_MECHANISMS is not looked at: what was asked for is not known any more.
[[nodiscard]] channel::HostResult<std::string> strength_faults(const Session& session, const StoredKey& key);

struct KeyPairHandles {
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
};

// Makes a pair of the same template that is gone with its session: two session objects.  Nothing is read back.
[[nodiscard]] CK_RV make_session_pair(const Session& session, const channel::KeyRequest& request, KeyPairHandles& out);

}  // namespace signer::hsm
