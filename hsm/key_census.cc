// SPDX-License-Identifier: Apache-2.0

#include "hsm/key_census.h"

#include <algorithm>

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

// An object may vanish, or say nothing, while the others are looked at: then it has no id and no number.
bool has_id(const Session& session, CK_OBJECT_HANDLE object, const Bytes& key_id) {
  const auto id = read_attribute(session, object, CKA_ID);
  return id && *id && **id == key_id;
}

Bytes number_of(const Session& session, CK_OBJECT_HANDLE object) {
  auto number = public_number(session, object);
  return number ? *std::move(number) : Bytes();
}

int rank(const OtherKey& key) {
  if (key.same_modulus && key.object_class == CKO_PRIVATE_KEY) return 0;
  if (key.object_class == CKO_PRIVATE_KEY) return 1;
  if (key.object_class == CKO_SECRET_KEY) return 2;
  return key.same_modulus ? 3 : 4;
}

}  // namespace

HostResult<KeyCensus> take_census(const Session& session, const Bytes& key_id) {
  KeyCensus census;
  SIGNER_ASSIGN_OR_RETURN(const auto private_keys, find_all(session, CKO_PRIVATE_KEY));
  SIGNER_ASSIGN_OR_RETURN(const auto public_keys, find_all(session, CKO_PUBLIC_KEY));
  SIGNER_ASSIGN_OR_RETURN(const auto secret_keys, find_all(session, CKO_SECRET_KEY));
  for (const CK_OBJECT_HANDLE key : private_keys) {
    const bool ours = has_id(session, key, key_id);
    if (ours && census.same_id++ == 0) {
      census.private_key = key;
    } else {
      census.others.push_back({key, CKO_PRIVATE_KEY, false});
    }
  }
  if (census.same_id == 0) return host_failure(HostStatus::kUnavailable, "hsm: the private key is no longer shown");
  for (const CK_OBJECT_HANDLE key : public_keys) {
    if (!census.public_key && has_id(session, key, key_id)) {
      census.public_key = key;
    } else {
      census.others.push_back({key, CKO_PUBLIC_KEY, false});
    }
  }
  for (const CK_OBJECT_HANDLE key : secret_keys) census.others.push_back({key, CKO_SECRET_KEY, false});
  SIGNER_ASSIGN_OR_RETURN(const auto type, read_number(session, census.private_key, CKA_KEY_TYPE));
  census.rsa = type != CKK_EC;
  census.number = number_of(session, census.private_key);
  if (census.number.empty() && census.public_key) census.number = number_of(session, *census.public_key);
  for (OtherKey& other : census.others) {
    if (other.object_class == CKO_SECRET_KEY || census.number.empty()) continue;
    other.same_modulus = number_of(session, other.object) == census.number;
  }
  std::ranges::stable_sort(census.others, {}, rank);
  return census;
}

}  // namespace signer::hsm
