// SPDX-License-Identifier: Apache-2.0

#include "tpm/enrolment.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "jose/base64url.h"
#include "tpm/evidence.h"
#include "tpm/public_area.h"

namespace signer::tpm {

using channel::HostResult;
using channel::HostStatus;
using jose::base64url_encode;
using jose::Json;

namespace {

struct Challenge {
  TPM2B_ID_OBJECT credential{};
  TPM2B_ENCRYPTED_SECRET secret{};
};

// A TPM2B in base64url: not empty, of the size that it states, and with room in `bytes`.
bool read_sized(const Json& object, const char* name, std::uint16_t& size, std::span<BYTE> bytes) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return false;
  const auto sized = jose::base64url_decode(found->get_ref<const std::string&>());
  if (!sized || sized->size() < 3 || sized->size() - 2 > bytes.size()) return false;
  const ByteView content = ByteView(*sized).subspan(2);
  if ((std::size_t{(*sized)[0]} << 8U | (*sized)[1]) != content.size()) return false;
  size = static_cast<std::uint16_t>(content.size());
  std::ranges::copy(content, bytes.begin());
  return true;
}

HostResult<Challenge> read_challenge(std::string_view text) {
  const auto object = jose::parse_json_object(text, {.bytes_max = kChallengeBytesMax, .depth_max = 1});
  if (!object) return channel::host_failure(HostStatus::kInvalid, "tpm: the challenge: " + object.error().text);
  Challenge challenge;
  if (object->size() == 2 &&
      read_sized(*object, "credential", challenge.credential.size, challenge.credential.credential) &&
      read_sized(*object, "secret", challenge.secret.size, challenge.secret.secret)) {
    return challenge;
  }
  return channel::host_failure(HostStatus::kInvalid,
                               "tpm: the challenge must have the members credential and secret alone, the base64url of "
                               "a TPM2B_ID_OBJECT and of a TPM2B_ENCRYPTED_SECRET");
}

TpmResult<Json> show(const std::string& tcti, const EvidenceFiles& files) {
  SIGNER_ASSIGN_OR_RETURN(EsysContext context, EsysContext::open(tcti));
  AttestationKey key(context, files);
  SIGNER_RETURN_IF_ERROR(key.bring());
  key.let_go_of_endorsement();
  EndorsementCertificates certificates;
  while (true) {
    SIGNER_ASSIGN_OR_RETURN(const bool all, certificates.step(context));
    if (all) break;
  }
  SIGNER_ASSIGN_OR_RETURN(std::string area, shown_area(key.area()));
  SIGNER_ASSIGN_OR_RETURN(Json endorsement, endorsement_json(key.endorsement_area(), certificates.all()));
  return Json{{"ak", {{"pubArea", std::move(area)}, {"name", base64url_encode(key.name())}}},
              {"ek", std::move(endorsement)}};
}

TpmResult<Json> activate(const std::string& tcti, const EvidenceFiles& files, const Challenge& challenge) {
  SIGNER_ASSIGN_OR_RETURN(const auto present, files.read_attestation_key());
  if (!present) return verdict(HostStatus::kNotFound, "there is no " + files.attestation_key_path());
  SIGNER_ASSIGN_OR_RETURN(EsysContext context, EsysContext::open(tcti));
  AttestationKey key(context, files);
  SIGNER_RETURN_IF_ERROR(key.bring());
  SIGNER_ASSIGN_OR_RETURN(const LoadedHandle policy, start_endorsement_policy(context));
  EsysOut<TPM2B_DIGEST> secret;
  const TSS2_RC code =
      ::Esys_ActivateCredential(context.get(), key.handle(), key.endorsement(), ESYS_TR_PASSWORD, policy.get(),
                                ESYS_TR_NONE, &challenge.credential, &challenge.secret, secret.fill());
  if (auto activated = context.judge("Esys_ActivateCredential", code); !activated) {
    // kDead: libtpms says TPM_RC_FAILURE of a secret that was encrypted to another key, and is not in failure mode.
    const Action action = activated.error().action;
    if (action != Action::kRefused && action != Action::kKeyGone && action != Action::kDead) {
      return fail(std::move(activated).error());
    }
    return verdict(HostStatus::kMismatch,
                   "the challenge is not for this TPM and its attestation key (" + activated.error().text + ")");
  }
  return Json{{"secret", base64url_encode(ByteView(secret->buffer, secret->size))}};
}

// Those who run this have one try: what a broken connection left in a TPM without resource manager is the host's to
// flush.
HostResult<Json> for_enroller(TpmResult<Json> result) {
  if (!result) return host_failure(std::move(result).error());
  return std::move(result).value();
}

HostResult<EvidenceFiles> files_of(const EnrolmentRequest& request) {
  if (!is_explicit_tcti(request.tcti)) {
    return channel::host_failure(HostStatus::kInvalid, "tpm: --tcti must name transport and place");
  }
  const auto usable =
      request.key_directory.starts_with('/')
          ? ensure_directory(request.key_directory)
          : Result<void>(fail(ErrorCode::kInvalidRequest, "the key directory must be an absolute path"));
  if (!usable) return channel::host_failure(HostStatus::kInvalid, "tpm: " + usable.error().text);
  return EvidenceFiles(request.key_directory);
}

}  // namespace

HostResult<Json> show_attestation_key(const EnrolmentRequest& request) {
  SIGNER_ASSIGN_OR_RETURN(const EvidenceFiles files, files_of(request));
  return for_enroller(show(request.tcti, files));
}

HostResult<Json> activate_credential(const EnrolmentRequest& request, std::string_view challenge) {
  SIGNER_ASSIGN_OR_RETURN(const Challenge read, read_challenge(challenge));
  SIGNER_ASSIGN_OR_RETURN(const EvidenceFiles files, files_of(request));
  return for_enroller(activate(request.tcti, files, read));
}

}  // namespace signer::tpm
