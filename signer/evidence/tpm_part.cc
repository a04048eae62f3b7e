// SPDX-License-Identifier: Apache-2.0

#include "evidence/tpm_part.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "evidence/certificates.h"
#include "evidence/verdict.h"
#include "jose/base64url.h"

namespace signer::evidence {

namespace {

using jose::Json;

constexpr std::int64_t kRs256Number = -257;  // RFC 8812 §2
constexpr std::size_t kStructureBytesMax = 2048;
constexpr std::size_t kSignatureBytesMax = 512;
constexpr std::size_t kPcrBytes = 32;
constexpr std::size_t kPropertyBytesMax = 1024;

Failure<Error> part_is_malformed(const std::string& where, std::string_view what) {
  return fail(ErrorCode::kInvalidRequest, where + ": " + std::string(what));
}

// `value` is an object with these members and no others; those of `optional` may be missing.
Result<void> check_members(const Json& value, const std::string& where, std::initializer_list<std::string_view> names,
                           std::string_view optional = {}) {
  if (!value.is_object()) return part_is_malformed(where, "no object");
  for (const auto& [name, unused] : value.items()) {
    if (name != optional && std::ranges::find(names, name) == names.end()) {
      return part_is_malformed(where, "unknown member " + shown(name));
    }
  }
  for (const std::string_view name : names) {
    if (!value.contains(name)) return part_is_malformed(where + "." + std::string(name), "missing");
  }
  return {};
}

Result<Bytes> read_bytes(const Json& value, const std::string& where, std::size_t size_max) {
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr) return part_is_malformed(where, "no text");
  if (text->size() > (size_max + 2) / 3 * 4) return part_is_malformed(where, "more bytes than it can have");
  auto bytes = jose::base64url_decode(*text);
  if (!bytes || bytes->empty()) return part_is_malformed(where, "empty, or not base64url");
  if (bytes->size() > size_max) return part_is_malformed(where, "more bytes than it can have");
  return *std::move(bytes);
}

// The bytes of the member that check_members() saw.
Result<Bytes> read_bytes_of(const Json& object, const std::string& where, const char* name, std::size_t size_max) {
  return read_bytes(*object.find(name), where + "." + name, size_max);
}

Result<std::vector<Bytes>> read_certificate_list(const Json& value, const std::string& where) {
  if (!value.is_array()) return part_is_malformed(where, "no array");
  if (value.size() > kBundledCertificatesMax) return part_is_malformed(where, "more certificates than it can have");
  std::vector<Bytes> certificates;
  for (const Json& one : value) {
    SIGNER_ASSIGN_OR_RETURN(Bytes der, read_bytes(one, where, kCertificateBytesMax));
    certificates.push_back(std::move(der));
  }
  return certificates;
}

Result<TpmPart::Statement> read_attested(const Json& object, const std::string& where) {
  TpmPart::Statement statement;
  SIGNER_ASSIGN_OR_RETURN(statement.cert_info, read_bytes_of(object, where, "certInfo", kStructureBytesMax));
  SIGNER_ASSIGN_OR_RETURN(statement.signature, read_bytes_of(object, where, "sig", kSignatureBytesMax));
  return statement;
}

Result<void> read_attestation(const Json& object, TpmPart& part) {
  const std::string where = "attStmt";
  SIGNER_RETURN_IF_ERROR(check_members(object, where, {"ver", "alg", "x5c", "certInfo", "sig", "pubArea"}));
  if (*object.find("ver") != "2.0") return part_is_malformed(where + ".ver", "not 2.0");
  const Json& alg = *object.find("alg");
  if (!alg.is_number_integer() || alg != kRs256Number) return part_is_malformed(where + ".alg", "not -257");
  SIGNER_ASSIGN_OR_RETURN(part.attestation_key_certificates,
                          read_certificate_list(*object.find("x5c"), where + ".x5c"));
  SIGNER_ASSIGN_OR_RETURN(part.certify, read_attested(object, where));
  SIGNER_ASSIGN_OR_RETURN(part.public_area, read_bytes_of(object, where, "pubArea", kStructureBytesMax));
  return {};
}

Result<void> read_other_keys(const Json& value, TpmPart& part) {
  const Json& attestation_key = *value.find("ak");
  SIGNER_RETURN_IF_ERROR(check_members(attestation_key, "ak", {"pubArea"}));
  SIGNER_ASSIGN_OR_RETURN(part.attestation_key, read_bytes_of(attestation_key, "ak", "pubArea", kStructureBytesMax));
  const Json& endorsement = *value.find("ek");
  SIGNER_RETURN_IF_ERROR(check_members(endorsement, "ek", {"pubArea", "certificates"}));
  SIGNER_ASSIGN_OR_RETURN(part.endorsement_key, read_bytes_of(endorsement, "ek", "pubArea", kStructureBytesMax));
  SIGNER_ASSIGN_OR_RETURN(part.endorsement_key_certificates,
                          read_certificate_list(*endorsement.find("certificates"), "ek.certificates"));
  const Json& root = *value.find("storage_root");
  SIGNER_RETURN_IF_ERROR(check_members(root, "storage_root", {"pubArea"}));
  SIGNER_ASSIGN_OR_RETURN(part.storage_root, read_bytes_of(root, "storage_root", "pubArea", kStructureBytesMax));
  return {};
}

Result<void> read_creation(const Json& value, TpmPart& part) {
  const auto creation = value.find("creation");
  if (creation == value.end()) return {};
  SIGNER_RETURN_IF_ERROR(check_members(*creation, "creation", {"certInfo", "sig", "data"}));
  SIGNER_ASSIGN_OR_RETURN(part.creation, read_attested(*creation, "creation"));
  SIGNER_ASSIGN_OR_RETURN(part.creation_data, read_bytes_of(*creation, "creation", "data", kStructureBytesMax));
  return {};
}

Result<void> read_quote(const Json& quote, TpmPart& part) {
  SIGNER_RETURN_IF_ERROR(check_members(quote, "quote", {"certInfo", "sig", "pcrs"}));
  SIGNER_ASSIGN_OR_RETURN(part.quote, read_attested(quote, "quote"));
  const Json& pcrs = *quote.find("pcrs");
  SIGNER_RETURN_IF_ERROR(check_members(pcrs, "quote.pcrs", {"0", "1", "2", "3", "4", "5", "6", "7"}));
  for (unsigned pcr = 0; pcr < kQuotedPcrs; ++pcr) {
    SIGNER_ASSIGN_OR_RETURN(Bytes value, read_bytes_of(pcrs, "quote.pcrs", std::to_string(pcr).c_str(), kPcrBytes));
    if (value.size() != kPcrBytes) return part_is_malformed("quote.pcrs", "no value of the bank SHA-256");
    part.pcrs.push_back(std::move(value));
  }
  return {};
}

Result<void> read_properties(const Json& properties, TpmPart& part) {
  const std::string where = "properties";
  SIGNER_RETURN_IF_ERROR(check_members(properties, where, {"manufacturer", "vendor", "firmware", "simulator"}));
  for (const auto& [name, out] : {std::pair{"manufacturer", &part.properties.manufacturer},
                                  {"vendor", &part.properties.vendor},
                                  {"firmware", &part.properties.firmware}}) {
    const auto* text = properties.find(name)->get_ptr<const std::string*>();
    if (text == nullptr || text->size() > kPropertyBytesMax) {
      return part_is_malformed(where + "." + name, "no text, or too long");
    }
    *out = *text;
  }
  const Json& simulator = *properties.find("simulator");
  if (!simulator.is_boolean()) return part_is_malformed(where + ".simulator", "neither true nor false");
  part.properties.simulator = simulator == true;
  return {};
}

}  // namespace

Result<TpmPart> read_tpm_part(const Json& value) {
  SIGNER_RETURN_IF_ERROR(
      check_members(value, "tpm", {"attStmt", "ak", "ek", "storage_root", "quote", "properties"}, "creation"));
  TpmPart part;
  SIGNER_RETURN_IF_ERROR(read_attestation(*value.find("attStmt"), part));
  SIGNER_RETURN_IF_ERROR(read_other_keys(value, part));
  SIGNER_RETURN_IF_ERROR(read_creation(value, part));
  SIGNER_RETURN_IF_ERROR(read_quote(*value.find("quote"), part));
  SIGNER_RETURN_IF_ERROR(read_properties(*value.find("properties"), part));
  return part;
}

}  // namespace signer::evidence
