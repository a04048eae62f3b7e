// SPDX-License-Identifier: Apache-2.0
//
// All keys that a session sees, sorted by what they have to do with one of them.
#pragma once

#include <optional>
#include <vector>

#include "hsm/key_store.h"

namespace signer::hsm {

struct OtherKey {
  CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  bool same_modulus = false;
};

struct KeyCensus {
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;  // the first under the CKA_ID
  std::optional<CK_OBJECT_HANDLE> public_key;        // likewise
  bool rsa = true;
  Bytes number;                  // public_number() of one of them; empty: neither reports it
  std::size_t same_id = 0;       // private keys under the CKA_ID
  std::vector<OtherKey> others;  // with the key's numbers first; then private, secret, public
};

// One enumeration, so that a module that gives an object another handle each time shows each of them once. kUnavailable
// if the session shows no private key under the CKA_ID.
[[nodiscard]] channel::HostResult<KeyCensus> take_census(const Session& session, const Bytes& key_id);

}  // namespace signer::hsm
