// SPDX-License-Identifier: Apache-2.0

#include "tpm/evidence.h"

#include <algorithm>

#include "base/log.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "tpm/capabilities.h"
#include "tpm/public_area.h"

namespace signer::tpm {

using jose::base64url_encode;
using jose::Json;

namespace {

constexpr int kRs256CoseAlgorithm = -257;  // RFC 8812 §2

Json shown_statement(const Statement& statement) {
  return Json{{"certInfo", base64url_encode(statement.attest)}, {"sig", base64url_encode(statement.signature)}};
}

Json shown_quotation(const Quotation& quotation) {
  Json shown = shown_statement(quotation.statement);
  Json pcrs = Json::object();
  for (std::size_t i = 0; i < quotation.pcrs.size(); ++i) pcrs[std::to_string(i)] = base64url_encode(quotation.pcrs[i]);
  shown["pcrs"] = std::move(pcrs);
  return shown;
}

Json shown_identity(const Identity& identity) {
  return Json{{"manufacturer", identity.manufacturer},
              {"vendor", identity.vendor},
              {"firmware", identity.firmware},
              {"simulator", identity.simulator}};
}

// Nothing if the attestation key of that day is not the one of today: nobody could check it.
std::optional<Json> shown_birth(const EvidenceFiles& files, const Bytes& key_id, const Bytes& attestation_key) {
  const auto birth = files.read_birth(key_id);
  if (!birth) return std::nullopt;
  if (birth->attestation_key != attestation_key) {
    log::warn("tpm_creation_unread",
              {{"reason", "what was said of the key at its birth is another attestation key's"}});
    return std::nullopt;
  }
  Json shown = shown_statement(birth->statement);
  shown["data"] = base64url_encode(birth->data);
  return shown;
}

// What the TPM quotes: the auditor's nonce, tied to the rest of the bundle.
jose::Sha256Digest quoted_nonce(const channel::AttestRequest& request) {
  return jose::sha256(request.nonce, request.context);
}

}  // namespace

TpmResult<std::string> shown_area(const TPM2B_PUBLIC& area) {
  SIGNER_ASSIGN_OR_RETURN(const Bytes sized, write_public_area(area));
  return base64url_encode(ByteView(sized).subspan(2));
}

TpmResult<Json> endorsement_json(const TPM2B_PUBLIC& area, const std::vector<Bytes>& certificates) {
  SIGNER_ASSIGN_OR_RETURN(std::string shown, shown_area(area));
  Json list = Json::array();
  for (const Bytes& certificate : certificates) list.push_back(base64url_encode(certificate));
  return Json{{"pubArea", std::move(shown)}, {"certificates", std::move(list)}};
}

TpmResult<bool> EvidenceErrand::step() {
  switch (stage_) {
    case Stage::kAttestationKey: {
      SIGNER_ASSIGN_OR_RETURN(const bool there, attestation_key_.step());
      if (!there) return false;
      attestation_key_.let_go_of_endorsement();
      stage_ = Stage::kCertificates;
      return false;
    }
    case Stage::kCertificates: {
      SIGNER_ASSIGN_OR_RETURN(const bool all, certificates_.step(attachment_.context()));
      if (all) stage_ = Stage::kCertify;
      return false;
    }
    case Stage::kCertify:
      SIGNER_RETURN_IF_ERROR(certify_key());
      stage_ = Stage::kQuote;
      return false;
    case Stage::kQuote:
      SIGNER_RETURN_IF_ERROR(quote_and_write());
      break;
  }
  return true;
}

TpmResult<void> EvidenceErrand::certify_key() {
  SIGNER_ASSIGN_OR_RETURN(const KeyInUse* key, attachment_.key(request_.key_id));
  SIGNER_ASSIGN_OR_RETURN(key_area_, read_area(attachment_.context(), key->handle));
  SIGNER_ASSIGN_OR_RETURN(storage_root_area_, read_area(attachment_.context(), attachment_.storage_root().handle));
  SIGNER_ASSIGN_OR_RETURN(certified_, attachment_.certify(*key, attestation_key_.handle(), request_.nonce));
  return {};
}

TpmResult<void> EvidenceErrand::quote_and_write() {
  EsysContext& context = attachment_.context();
  SIGNER_ASSIGN_OR_RETURN(const Quotation quotation, quote(context, attestation_key_.handle(), quoted_nonce(request_)));
  SIGNER_ASSIGN_OR_RETURN(const Properties properties, read_properties(context));
  Json evidence = {{"quote", shown_quotation(quotation)}, {"properties", shown_identity(identity_of(properties))}};
  SIGNER_RETURN_IF_ERROR(add_areas(evidence));
  if (auto birth = shown_birth(files_, request_.key_id, attestation_key_.name())) {
    evidence["creation"] = std::move(*birth);
  }
  json_ = jose::dump_json(evidence);
  return {};
}

TpmResult<void> EvidenceErrand::add_areas(Json& evidence) const {
  Json statement = shown_statement(certified_);
  statement["ver"] = "2.0";
  statement["alg"] = kRs256CoseAlgorithm;
  statement["x5c"] = files_.certificates();
  SIGNER_ASSIGN_OR_RETURN(statement["pubArea"], shown_area(key_area_));
  evidence["attStmt"] = std::move(statement);
  SIGNER_ASSIGN_OR_RETURN(evidence["ak"]["pubArea"], shown_area(attestation_key_.area()));
  SIGNER_ASSIGN_OR_RETURN(evidence["storage_root"]["pubArea"], shown_area(storage_root_area_));
  SIGNER_ASSIGN_OR_RETURN(evidence["ek"], endorsement_json(attestation_key_.endorsement_area(), certificates_.all()));
  return {};
}

TpmResult<bool> BirthErrand::step() {
  if (!there_) {
    SIGNER_ASSIGN_OR_RETURN(there_, attestation_key_.step());
    if (there_) attestation_key_.let_go_of_endorsement();
    return false;
  }
  if (!std::ranges::equal(jose::sha256(creation_.data), ByteView(creation_.hash.buffer, creation_.hash.size))) {
    return verdict(channel::HostStatus::kUnavailable, "the creation data are not those that the TPM hashed");
  }
  SIGNER_ASSIGN_OR_RETURN(const KeyInUse* key, attachment_.key(key_id_));
  SIGNER_ASSIGN_OR_RETURN(Statement statement,
                          certify_creation(attachment_.context(), key->handle, attestation_key_.handle(), creation_));
  SIGNER_RETURN_IF_ERROR(files_.write_birth(key_id_, {attestation_key_.name(), std::move(statement), creation_.data}));
  return true;
}

}  // namespace signer::tpm
