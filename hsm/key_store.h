// SPDX-License-Identifier: Apache-2.0
//
// Finds keys on a token and reads what they say of themselves.  Changes nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel/values.h"
#include "hsm/session_pool.h"

namespace signer::hsm {

// A private key of a token, good until its sessions are gone.
struct StoredKey {
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  jose::PublicKey public_key;
};

// Handles of the objects of this class under this CKA_ID, at most 16.
[[nodiscard]] channel::HostResult<std::vector<CK_OBJECT_HANDLE>> find_objects(const Session& session,
                                                                              CK_OBJECT_CLASS object_class,
                                                                              ByteView key_id);

// Handles of the objects of this class with this CKA_LABEL, at most 16.
[[nodiscard]] channel::HostResult<std::vector<CK_OBJECT_HANDLE>> find_labelled(const Session& session,
                                                                               CK_OBJECT_CLASS object_class,
                                                                               std::string_view label);

// Handles of all objects of this class that the session sees.  kUnsupported if there are more than 65,536.
[[nodiscard]] channel::HostResult<std::vector<CK_OBJECT_HANDLE>> find_all(const Session& session,
                                                                          CK_OBJECT_CLASS object_class);

// What tells key pairs apart: CKA_MODULUS without leading zeros, or x and y of CKA_EC_POINT (its bytes, on another
// curve than P-256).  Empty if the object reports neither.
[[nodiscard]] channel::HostResult<Bytes> public_number(const Session& session, CK_OBJECT_HANDLE object);

// The same of a key that has been read.
[[nodiscard]] Bytes public_number(const jose::PublicKey& key);

// An attribute's bytes; nothing if the token does not report it (unknown to it, sensitive, or without a length).
[[nodiscard]] channel::HostResult<std::optional<Bytes>> read_attribute(const Session& session, CK_OBJECT_HANDLE object,
                                                                       CK_ATTRIBUTE_TYPE type);

[[nodiscard]] channel::HostResult<std::optional<bool>> read_flag(const Session& session, CK_OBJECT_HANDLE object,
                                                                 CK_ATTRIBUTE_TYPE type);

[[nodiscard]] channel::HostResult<std::optional<CK_ULONG>> read_number(const Session& session, CK_OBJECT_HANDLE object,
                                                                       CK_ATTRIBUTE_TYPE type);

// The one private key under this CKA_ID with its public numbers, which come from the private object or, where it lacks
// them, from the public object under the same CKA_ID.  kNotFound, kAmbiguous, kUnsupported (neither RSA nor P-256).
[[nodiscard]] channel::HostResult<StoredKey> find_key(const Session& session, ByteView key_id);

// "CKA_SENSITIVE=1 CKA_EXTRACTABLE=0 ... CKA_COPYABLE=-": "-" is "not reported".
[[nodiscard]] channel::HostResult<std::string> attributes_text(const Session& session, CK_OBJECT_HANDLE private_key);

// The x and y of an uncompressed P-256 point, bare or wrapped in a DER octet string; nothing if it is neither.
[[nodiscard]] std::optional<jose::PublicKey> p256_from_point(ByteView point);

}  // namespace signer::hsm
