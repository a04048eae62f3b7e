// SPDX-License-Identifier: Apache-2.0
//
// The attestation key: signs what the TPM says of itself and of its keys, and can sign nothing else (`restricted`).  A
// child of the endorsement key, made once for a key directory.  It has no auth value: whoever may use the TPM could
// make one like it, its statements are the TPM's own and true whoever asks for them, and enrolment works without the
// value that signs tokens.
#pragma once

#include <optional>

#include "tpm/endorsement.h"
#include "tpm/evidence_files.h"

namespace signer::tpm {

// Brings the key into the TPM in steps of one slow command at most.  What is named here outlives it; it is gone before
// the context, and with it everything that was loaded.
class AttestationKey {
 public:
  AttestationKey(EsysContext& context, const EvidenceFiles& files) : context_(context), files_(files) {}

  // True once the key is there.  Makes one, durably, if the directory has none.  kUnsupported, with what to do, if the
  // file there is no attestation key or not this TPM's (which it is no more once the TPM was cleared), or if an
  // endorsement auth is set; the file is never replaced.
  [[nodiscard]] TpmResult<bool> step();

  // All steps at once.
  [[nodiscard]] TpmResult<void> bring();

  // What follows is good once it is there.

  [[nodiscard]] ESYS_TR handle() const noexcept { return loaded_.get(); }

  [[nodiscard]] const TPM2B_PUBLIC& area() const noexcept { return area_; }

  [[nodiscard]] const Bytes& name() const noexcept { return name_; }

  [[nodiscard]] const TPM2B_PUBLIC& endorsement_area() const noexcept { return endorsement_area_; }

  // ESYS_TR_NONE after let_go_of_endorsement().
  [[nodiscard]] ESYS_TR endorsement() const noexcept { return endorsement_ ? endorsement_->handle() : ESYS_TR_NONE; }

  // A place in the TPM less: the key itself does not need its parent.
  void let_go_of_endorsement() { endorsement_.reset(); }

 private:
  enum class Stage { kFindEndorsement, kMakeEndorsement, kMake, kLoad, kThere };

  [[nodiscard]] TpmResult<void> find_endorsement();
  [[nodiscard]] TpmResult<void> make_endorsement();
  [[nodiscard]] TpmResult<void> make();
  [[nodiscard]] TpmResult<void> load();
  [[nodiscard]] Failure<TpmError> not_ours(const std::string& why) const;

  EsysContext& context_;
  const EvidenceFiles& files_;
  Stage stage_ = Stage::kFindEndorsement;
  std::optional<EndorsementKey> endorsement_;
  TPM2B_PUBLIC endorsement_area_{};
  LoadedHandle loaded_;
  TPM2B_PUBLIC area_{};
  Bytes name_;
};

}  // namespace signer::tpm
