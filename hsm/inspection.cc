// SPDX-License-Identifier: Apache-2.0

#include "hsm/inspection.h"

#include <algorithm>

#include "hsm/key_template.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostError;
using channel::HostResult;
using channel::HostStatus;

namespace {

// The key itself is one of them.  Counted rather than compared by handle: some modules give an object another handle
// each time it is found.
HostResult<std::size_t> count_private_keys(const Session& session, const Bytes& number) {
  SIGNER_ASSIGN_OR_RETURN(const auto keys, find_all(session, CKO_PRIVATE_KEY));
  std::size_t count = 0;
  for (const CK_OBJECT_HANDLE key : keys) {
    SIGNER_ASSIGN_OR_RETURN(const Bytes other, public_number(session, key));
    if (other == number) ++count;
  }
  return count;
}

}  // namespace

HostResult<void> check_not_weakened(const Session& session, const StoredKey& key) {
  SIGNER_ASSIGN_OR_RETURN(std::string faults, strength_faults(session, key));
  SIGNER_ASSIGN_OR_RETURN(const std::size_t count, count_private_keys(session, public_number(key.public_key)));
  if (count > 1) faults += " " + std::to_string(count) + "-private-keys-with-its-numbers";
  if (faults.empty()) return {};
  return host_failure(HostStatus::kWeakened, "hsm: the key is weaker than keys are made:" + faults);
}

HostError judge_ambiguous(const Session& session, ByteView key_id, HostError ambiguous) {
  const auto keys = find_objects(session, CKO_PRIVATE_KEY, key_id);
  if (!keys || keys->empty()) return ambiguous;
  const auto first = public_number(session, keys->front());
  if (!first || first->empty()) return ambiguous;
  const bool copies = std::ranges::all_of(*keys, [&](CK_OBJECT_HANDLE key) {
    const auto number = public_number(session, key);
    return number && *number == *first;
  });
  if (!copies) return ambiguous;
  return {HostStatus::kWeakened, "hsm: the key is weaker than keys are made: " + std::to_string(keys->size()) +
                                     "-private-keys-with-its-numbers under its CKA_ID"};
}

}  // namespace signer::hsm
