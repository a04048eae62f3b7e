// SPDX-License-Identifier: Apache-2.0
//
// The probes that change nothing in the token (docs/evidence-format.md §3.2), on the key itself.
#pragma once

#include <span>

#include "hsm/extraction.h"
#include "hsm/signature.h"

namespace signer::hsm {

struct ProbedKey {
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  bool rsa = true;
  std::size_t modulus_bytes = 0;  // 0 for EC
};

// All of them, each in a session of its own, recorded in the order of §3.2.  Whatever the module answers is an answer:
// nothing fails.  All that they make are session objects; the last session is left to whoever holds the lease, with an
// operation active in it for all one knows: close it.
[[nodiscard]] jose::Json probe_key(SessionPool::Lease& lease, const ProbedKey& key,
                                   std::span<const OfferedMechanism> offered, const Mechanisms& mechanisms);

}  // namespace signer::hsm
