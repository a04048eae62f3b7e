// SPDX-License-Identifier: Apache-2.0

#include "tpm/evidence_files.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "jose/base64url.h"
#include "jose/certificate_chain.h"

namespace signer::tpm {

using channel::HostStatus;
using jose::Json;

namespace {

constexpr std::size_t kBirthBytesMax = 8192;

// Nothing unless the object has this member and it is base64url of at least one byte.
std::optional<Bytes> base64url_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  auto bytes = jose::base64url_decode(found->get_ref<const std::string&>());
  return bytes && !bytes->empty() ? std::move(bytes) : std::nullopt;
}

std::optional<BirthCertificate> birth_from(const Json& object) {
  auto attestation_key = base64url_member(object, "attestation_key");
  auto attest = base64url_member(object, "certInfo");
  auto signature = base64url_member(object, "sig");
  auto data = base64url_member(object, "data");
  if (object.size() != 4 || !attestation_key || !attest || !signature || !data) return std::nullopt;
  return BirthCertificate{std::move(*attestation_key), {std::move(*attest), std::move(*signature)}, std::move(*data)};
}

}  // namespace

TpmResult<std::optional<PrivateKeyFile>> EvidenceFiles::read_attestation_key() const {
  const auto text = read_file(attestation_key_path(), kKeyFileBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::optional<PrivateKeyFile>();
  if (!text && text.error().code == ErrorCode::kInternal) return verdict(HostStatus::kRefused, text.error().text);
  auto file = text ? decode_private_key(*text) : Result<PrivateKeyFile>(fail(text.error()));
  if (file) return std::optional<PrivateKeyFile>(std::move(file).value());
  return verdict(HostStatus::kUnsupported, attestation_key_path() + ": " + file.error().text +
                                               "; restore it, or move it away: then another key is made, which must be "
                                               "enrolled anew");
}

TpmResult<void> EvidenceFiles::write_attestation_key(const PrivateKeyFile& file) const {
  const auto text = encode_private_key(file);
  if (!text) return verdict(HostStatus::kUnavailable, text.error().text);
  if (auto written = write_file_atomically(attestation_key_path(), *text); !written) {
    return verdict(HostStatus::kRefused, written.error().text);
  }
  return {};
}

std::string EvidenceFiles::birth_path(const Bytes& key_id) const {
  return directory_ + "/" + to_hex(key_id) + ".creation.json";
}

std::optional<BirthCertificate> EvidenceFiles::read_birth(const Bytes& key_id) const {
  const auto text = read_file(birth_path(key_id), kBirthBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::nullopt;
  const auto object = text ? jose::parse_json_object(*text) : Result<Json>(fail(text.error()));
  auto birth = object ? birth_from(*object) : std::nullopt;
  if (!birth) {
    log::warn("tpm_creation_unread", {{"file", birth_path(key_id)},
                                      {"reason", object ? "a member is missing or malformed" : object.error().text}});
  }
  return birth;
}

TpmResult<void> EvidenceFiles::write_birth(const Bytes& key_id, const BirthCertificate& birth) const {
  const Json object = {{"attestation_key", jose::base64url_encode(birth.attestation_key)},
                       {"certInfo", jose::base64url_encode(birth.statement.attest)},
                       {"sig", jose::base64url_encode(birth.statement.signature)},
                       {"data", jose::base64url_encode(birth.data)}};
  if (auto written = write_file_atomically(birth_path(key_id), jose::dump_json(object) + "\n"); !written) {
    return verdict(HostStatus::kRefused, written.error().text);
  }
  return {};
}

Json EvidenceFiles::certificates() const {
  const std::string path = directory_ + "/attestation-key-certificates.pem";
  Json list = Json::array();
  const auto text = read_file(path, kCertificatesTextMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return list;
  const auto chain = text ? jose::read_certificate_chain(*text) : Result<jose::CertificateChain>(fail(text.error()));
  if (!chain) {
    log::warn("tpm_certificates_unread", {{"file", path}, {"reason", chain.error().text}});
    return list;
  }
  for (const std::string& certificate : chain->certificates) {
    if (const auto der = jose::base64_decode(certificate)) list.push_back(jose::base64url_encode(*der));
  }
  return list;
}

}  // namespace signer::tpm
