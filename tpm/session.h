// SPDX-License-Identifier: Apache-2.0
//
// A salted HMAC session: it shows that we know a key's auth value without sending it, and that the answer is the TPM's.
// The salt can be read by the storage root key alone, so whoever else answers cannot take part.
#pragma once

#include <chrono>
#include <functional>

#include "tpm/esys_context.h"

namespace signer::tpm {

struct SessionLimits {
  // A TPM that swaps sessions counts the swaps, and refuses all once one session lies too far behind (CONTEXT_GAP).
  unsigned uses_max = 1000;
  std::chrono::milliseconds idle_max{10'000};
};

// For one thread at a time; gone before its context.
class Session {
 public:
  // TPM2_StartAuthSession, salted to the key behind `salt_key`, whose Name the caller has compared.  After a failure
  // the context is poisoned: the library would keep the salt and use it for the next session.
  [[nodiscard]] static TpmResult<Session> start(EsysContext& context, ESYS_TR salt_key);

  // The handle for one call, with the attributes set anew: the library forgets some of them after a command that
  // failed. `extra` is added to CONTINUESESSION.
  [[nodiscard]] TpmResult<ESYS_TR> arm(TPMA_SESSION extra = 0);

  [[nodiscard]] unsigned uses() const noexcept { return uses_; }

 private:
  Session(EsysContext& context, ESYS_TR handle) noexcept : context_(context), handle_(context, handle) {}

  std::reference_wrapper<EsysContext> context_;
  LoadedHandle handle_;
  unsigned uses_ = 0;
};

}  // namespace signer::tpm
