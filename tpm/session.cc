// SPDX-License-Identifier: Apache-2.0

#include "tpm/session.h"

namespace signer::tpm {

TpmResult<Session> Session::start(EsysContext& context, ESYS_TR salt_key) {
  TPMT_SYM_DEF symmetric{};
  symmetric.algorithm = TPM2_ALG_AES;
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC code =
      ::Esys_StartAuthSession(context.get(), salt_key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr,
                              TPM2_SE_HMAC, &symmetric, TPM2_ALG_SHA256, &handle);
  if (auto started = context.judge("Esys_StartAuthSession", code); !started) {
    context.poison();
    TpmError error = std::move(started).error();
    if (error.action == Action::kKeyGone) {  // the storage root, it would seem: connect anew and look
      error.action = Action::kRebuild;
      error.status = channel::HostStatus::kUnavailable;
    }
    return fail(std::move(error));
  }
  return Session(context, handle);
}

TpmResult<ESYS_TR> Session::arm(TPMA_SESSION extra) {
  constexpr TPMA_SESSION kAll = 0xff;
  const TSS2_RC code = ::Esys_TRSess_SetAttributes(
      context_.get().get(), handle_.get(), static_cast<TPMA_SESSION>(TPMA_SESSION_CONTINUESESSION | extra), kAll);
  SIGNER_RETURN_IF_ERROR(context_.get().judge("Esys_TRSess_SetAttributes", code));
  ++uses_;
  return handle_.get();
}

}  // namespace signer::tpm
