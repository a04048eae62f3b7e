// SPDX-License-Identifier: Apache-2.0

#include "tpm/esys_context.h"

namespace signer::tpm {

TpmResult<EsysContext> EsysContext::open(const std::string& tcti) {
  SIGNER_ASSIGN_OR_RETURN(Tcti transport, Tcti::open(tcti));
  ESYS_CONTEXT* raw = nullptr;
  const TSS2_RC code = ::Esys_Initialize(&raw, transport.get(), nullptr);
  std::unique_ptr<ESYS_CONTEXT, Finalizer> context(raw);
  if (code != TSS2_RC_SUCCESS) return tpm_failure("Esys_Initialize", code);
  return EsysContext(std::move(transport), std::move(context));
}

TpmResult<void> EsysContext::judge(std::string_view call, TSS2_RC code) {
  if (code == TSS2_RC_SUCCESS) return {};
  const Layer layer = classify(code).layer;
  if (layer != Layer::kTpm && layer != Layer::kResourceManager) poisoned_ = true;
  return tpm_failure(call, code);
}

}  // namespace signer::tpm
