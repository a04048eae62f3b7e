// SPDX-License-Identifier: Apache-2.0
//
// The member `pkcs11` of an evidence bundle (docs/evidence-format.md §3): what the token says of itself and of one key,
// and what was tried on it.
#pragma once

#include "channel/values.h"
#include "hsm/module.h"
#include "hsm/session_pool.h"
#include "hsm/signature.h"

namespace signer::hsm {

// The token is there and holds a private key under the request's CKA_ID.  The lease's session is renewed many times;
// close it afterwards.  Success is at most kAttestationMax bytes: other keys of the token are left out, and counted, to
// keep below.  kUnavailable if the token does not answer who it is and what it holds; nothing was tried then.
// kUnsupported if even so it says too much.  Never logs in, never changes an object of the token.
[[nodiscard]] channel::HostResult<channel::Attestation> collect_evidence(const Module& module, CK_SLOT_ID slot,
                                                                         const Mechanisms& mechanisms,
                                                                         SessionPool::Lease& lease,
                                                                         const channel::AttestRequest& request);

}  // namespace signer::hsm
