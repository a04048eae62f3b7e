// SPDX-License-Identifier: Apache-2.0

#include "tpm/attestation_key.h"

#include "base/hex.h"
#include "base/log.h"
#include "tpm/key_template.h"
#include "tpm/public_area.h"

namespace signer::tpm {

using channel::HostStatus;

TpmResult<bool> AttestationKey::step() {
  switch (stage_) {
    case Stage::kFindEndorsement:
      SIGNER_RETURN_IF_ERROR(find_endorsement());
      stage_ = endorsement_ ? Stage::kMake : Stage::kMakeEndorsement;
      return false;
    case Stage::kMakeEndorsement:
      SIGNER_RETURN_IF_ERROR(make_endorsement());
      stage_ = Stage::kMake;
      return false;
    case Stage::kMake:
      SIGNER_RETURN_IF_ERROR(make());
      stage_ = Stage::kLoad;
      return false;
    case Stage::kLoad:
      SIGNER_RETURN_IF_ERROR(load());
      stage_ = Stage::kThere;
      break;
    case Stage::kThere:
      break;
  }
  return true;
}

TpmResult<void> AttestationKey::bring() {
  while (true) {
    SIGNER_ASSIGN_OR_RETURN(const bool there, step());
    if (there) return {};
  }
}

TpmResult<void> AttestationKey::find_endorsement() {
  // Before the TPM has anything to do: a file that is of no use is not made so by it.
  SIGNER_RETURN_IF_ERROR(files_.read_attestation_key());
  SIGNER_ASSIGN_OR_RETURN(endorsement_, EndorsementKey::find(context_));
  if (endorsement_) endorsement_area_ = endorsement_->area();
  return {};
}

TpmResult<void> AttestationKey::make_endorsement() {
  SIGNER_ASSIGN_OR_RETURN(EndorsementKey made, EndorsementKey::make(context_));
  endorsement_area_ = made.area();
  endorsement_.emplace(std::move(made));
  return {};
}

TpmResult<void> AttestationKey::make() {
  SIGNER_ASSIGN_OR_RETURN(const auto present, files_.read_attestation_key());
  if (present) return {};
  SIGNER_ASSIGN_OR_RETURN(const LoadedHandle policy, start_endorsement_policy(context_));
  const TPM2B_PUBLIC wanted = attestation_key_template();
  const TPM2B_SENSITIVE_CREATE no_auth{};
  const TPM2B_DATA no_data{};
  const TPML_PCR_SELECTION no_pcrs{};
  EsysOut<TPM2B_PRIVATE> blob;
  EsysOut<TPM2B_PUBLIC> area;
  EsysOut<TPM2B_CREATION_DATA> data;
  EsysOut<TPM2B_DIGEST> hash;
  EsysOut<TPMT_TK_CREATION> ticket;
  const TSS2_RC code =
      ::Esys_Create(context_.get(), endorsement_->handle(), policy.get(), ESYS_TR_NONE, ESYS_TR_NONE, &no_auth, &wanted,
                    &no_data, &no_pcrs, blob.fill(), area.fill(), data.fill(), hash.fill(), ticket.fill());
  SIGNER_RETURN_IF_ERROR(context_.judge("Esys_Create of the attestation key", code));
  PrivateKeyFile file;
  file.empty_auth = true;
  file.parent = kEndorsementKeyHandle;
  SIGNER_ASSIGN_OR_RETURN(file.public_area, write_public_area(*area));
  SIGNER_ASSIGN_OR_RETURN(file.private_area, write_private_area(*blob));
  SIGNER_ASSIGN_OR_RETURN(const Bytes name, name_of(*area));
  SIGNER_RETURN_IF_ERROR(files_.write_attestation_key(file));
  log::info("tpm_attestation_key_made", {{"name", to_hex(name)}, {"file", files_.attestation_key_path()}});
  return {};
}

TpmResult<void> AttestationKey::load() {
  SIGNER_ASSIGN_OR_RETURN(const auto file, files_.read_attestation_key());
  if (!file) return not_ours("it has gone");
  const auto area = read_public_area(file->public_area);
  const auto blob = read_private_area(file->private_area);
  if (!area || !blob) return not_ours("an area in it is malformed");
  if (file->parent != kEndorsementKeyHandle || !has_template(*area, attestation_key_template())) {
    return not_ours("it is no attestation key: another parent, attribute, scheme or size");
  }
  SIGNER_ASSIGN_OR_RETURN(const LoadedHandle policy, start_endorsement_policy(context_));
  ESYS_TR tr = ESYS_TR_NONE;
  const TSS2_RC code = ::Esys_Load(context_.get(), endorsement_->handle(), policy.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                   &*blob, &*area, &tr);
  if (auto loaded = context_.judge("Esys_Load of the attestation key", code); !loaded) {
    if (loaded.error().action != Action::kKeyGone) return loaded;
    return not_ours("another TPM's, or this one was cleared (" + loaded.error().text + ")");
  }
  loaded_ = LoadedHandle(context_, tr);
  area_ = *area;
  SIGNER_ASSIGN_OR_RETURN(name_, name_of(area_));
  return {};
}

Failure<TpmError> AttestationKey::not_ours(const std::string& why) const {
  return verdict(HostStatus::kUnsupported, files_.attestation_key_path() + ": " + why +
                                               "; move it away to have another key made, which must be enrolled anew");
}

}  // namespace signer::tpm
