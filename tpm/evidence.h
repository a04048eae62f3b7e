// SPDX-License-Identifier: Apache-2.0
//
// Writes the member `tpm` of an evidence bundle (docs/evidence-format.md §4), and what goes into it at a key's birth.
#pragma once

#include <string>

#include "jose/json.h"
#include "tpm/attestation_key.h"
#include "tpm/errand.h"

namespace signer::tpm {

// The TPM's bytes as the evidence has them: a TPMT_PUBLIC, without the size in front, in base64url.
[[nodiscard]] TpmResult<std::string> shown_area(const TPM2B_PUBLIC& area);

// `ek` of the evidence: `pubArea` and `certificates`.
[[nodiscard]] TpmResult<jose::Json> endorsement_json(const TPM2B_PUBLIC& area, const std::vector<Bytes>& certificates);

// Evidence of one key.  What is named here outlives it.
class EvidenceErrand final : public Errand {
 public:
  // `json` is set by the last step.
  EvidenceErrand(Attachment& attachment, const EvidenceFiles& files, const channel::AttestRequest& request,
                 std::string& json)
      : attachment_(attachment),
        files_(files),
        request_(request),
        json_(json),
        attestation_key_(attachment.context(), files) {}

  [[nodiscard]] TpmResult<bool> step() override;

 private:
  enum class Stage { kAttestationKey, kCertificates, kCertify, kQuote };

  [[nodiscard]] TpmResult<void> certify_key();
  [[nodiscard]] TpmResult<void> quote_and_write();
  [[nodiscard]] TpmResult<void> add_areas(jose::Json& evidence) const;

  Attachment& attachment_;
  const EvidenceFiles& files_;
  const channel::AttestRequest& request_;
  std::string& json_;
  Stage stage_ = Stage::kAttestationKey;
  AttestationKey attestation_key_;
  EndorsementCertificates certificates_;
  TPM2B_PUBLIC key_area_{};
  TPM2B_PUBLIC storage_root_area_{};
  Statement certified_;
};

// TPM2_CertifyCreation of a key that was just made, kept beside it.
class BirthErrand final : public Errand {
 public:
  BirthErrand(Attachment& attachment, const EvidenceFiles& files, const Bytes& key_id, const Creation& creation)
      : attachment_(attachment),
        files_(files),
        key_id_(key_id),
        creation_(creation),
        attestation_key_(attachment.context(), files) {}

  [[nodiscard]] TpmResult<bool> step() override;

 private:
  Attachment& attachment_;
  const EvidenceFiles& files_;
  const Bytes& key_id_;
  const Creation& creation_;
  bool there_ = false;  // the attestation key
  AttestationKey attestation_key_;
};

}  // namespace signer::tpm
