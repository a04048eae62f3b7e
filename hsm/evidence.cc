// SPDX-License-Identifier: Apache-2.0

#include "hsm/evidence.h"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <memory>
#include <set>

#include "base/freer.h"
#include "base/hex.h"
#include "hsm/attribute_list.h"
#include "hsm/attribute_template.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "hsm/key_census.h"
#include "hsm/probes.h"
#include "hsm/throwaway.h"

namespace signer::hsm {

using channel::AttestRequest;
using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;
using channel::Probes;
using jose::Json;

namespace {

constexpr std::size_t kMechanismsMax = 512;
constexpr std::size_t kOtherKeysMax = 256;
constexpr std::size_t kValidationsMax = 8;
constexpr std::size_t kVariablesMax = 64;
constexpr std::size_t kVariableBytesMax = 256;
// What is left for `objects_more` to grow by.
constexpr std::size_t kSlack = 64;

// Hexadecimal; empty if the file cannot be read to its end.
std::string sha256_of_file(const std::string& path) {
  constexpr std::size_t kPiece = 65'536;
  const std::unique_ptr<EVP_MD_CTX, Freer<&::EVP_MD_CTX_free>> hash(::EVP_MD_CTX_new());
  std::ifstream file(path, std::ios::binary);
  if (!hash || !file || ::EVP_DigestInit_ex(hash.get(), ::EVP_sha256(), nullptr) != 1) return "";
  std::vector<char> piece(kPiece);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (::EVP_DigestUpdate(hash.get(), piece.data(), static_cast<std::size_t>(file.gcount())) != 1) return "";
  }
  std::array<std::uint8_t, 32> digest{};
  if (!file.eof() || ::EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr) != 1) return "";
  return to_hex(digest);
}

HostResult<Json> describe_library(const Module& module) {
  CK_INFO info{};
  const CK_RV rv = module.api().C_GetInfo(&info);
  if (rv != CKR_OK) return fail(host_error("C_GetInfo", "", rv));
  return Json{{"path", module.path()},
              {"sha256", sha256_of_file(module.path())},
              {"manufacturer", field_text(info.manufacturerID)},
              {"description", field_text(info.libraryDescription)},
              {"version", version_text(info.libraryVersion)},
              {"cryptoki", version_text(info.cryptokiVersion)}};
}

// Names alone: a value may be a password.
Json steering_variables() {
  constexpr std::array<std::string_view, 5> kPrefixes{"SOFTHSM2_CONF", "CKNFAST_", "PKCS11_", "CHRYSTOKI", "YUBIHSM_"};
  std::set<std::string> names;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    std::string name(*variable);
    name.resize(std::min(name.find('='), name.size()));
    std::string upper = name;
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
    const bool steers = std::ranges::any_of(kPrefixes, [&](auto prefix) { return upper.starts_with(prefix); });
    if (steers && name.size() <= kVariableBytesMax && names.size() < kVariablesMax) names.insert(name);
  }
  return names;
}

HostResult<Json> describe_slot(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot) {
  CK_SLOT_INFO info{};
  const CK_RV rv = api.C_GetSlotInfo(slot, &info);
  if (rv != CKR_OK) return fail(host_error("C_GetSlotInfo", "", rv));
  return Json{{"description", field_text(info.slotDescription)},
              {"manufacturer", field_text(info.manufacturerID)},
              {"flags", exact_number(info.flags)},
              {"hardware", version_text(info.hardwareVersion)},
              {"firmware", version_text(info.firmwareVersion)}};
}

HostResult<Json> describe_token_info(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot) {
  CK_TOKEN_INFO info{};
  const CK_RV rv = api.C_GetTokenInfo(slot, &info);
  if (rv != CKR_OK) return fail(host_error("C_GetTokenInfo", "", rv));
  return Json{{"label", field_text(info.label)},
              {"manufacturer", field_text(info.manufacturerID)},
              {"model", field_text(info.model)},
              {"serial", field_text(info.serialNumber)},
              {"flags", exact_number(info.flags)},
              {"hardware", version_text(info.hardwareVersion)},
              {"firmware", version_text(info.firmwareVersion)}};
}

HostResult<std::vector<OfferedMechanism>> list_mechanisms(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot) {
  CK_ULONG count = 0;
  CK_RV rv = api.C_GetMechanismList(slot, nullptr, &count);
  std::vector<CK_MECHANISM_TYPE> types(rv == CKR_OK ? std::min<CK_ULONG>(count, 65'536) : 0);
  count = types.size();
  if (rv == CKR_OK) rv = api.C_GetMechanismList(slot, types.data(), &count);
  if (rv != CKR_OK) return fail(host_error("C_GetMechanismList", "", rv));
  types.resize(std::min<std::size_t>({types.size(), count, kMechanismsMax}));
  std::vector<OfferedMechanism> offered;
  for (const CK_MECHANISM_TYPE type : types) {
    OfferedMechanism mechanism{type, {}};
    // Without an answer it is listed with no flags: it is offered all the same.
    if (api.C_GetMechanismInfo(slot, type, &mechanism.info) != CKR_OK) mechanism.info = {};
    offered.push_back(mechanism);
  }
  return offered;
}

Json mechanism_list(const std::vector<OfferedMechanism>& offered) {
  Json list = Json::array();
  for (const OfferedMechanism& mechanism : offered) {
    list.push_back({{"name", mechanism_name(mechanism.type)},
                    {"type", exact_number(mechanism.type)},
                    {"flags", exact_number(mechanism.info.flags)},
                    {"min", exact_number(mechanism.info.ulMinKeySize)},
                    {"max", exact_number(mechanism.info.ulMaxKeySize)}});
  }
  return list;
}

Json list_validations(const Session& session) {
  Json list = Json::array();
  const auto objects = find_all(session, CKO_VALIDATION);  // a class that most tokens do not know
  if (!objects) return list;
  for (const CK_OBJECT_HANDLE object : *objects) {
    if (list.size() == kValidationsMax) break;
    list.push_back(attribute_list(session, object, validation_attributes()));
  }
  return list;
}

std::string class_name(CK_OBJECT_CLASS object_class) {
  if (object_class == CKO_PRIVATE_KEY) return "CKO_PRIVATE_KEY";
  return object_class == CKO_PUBLIC_KEY ? "CKO_PUBLIC_KEY" : "CKO_SECRET_KEY";
}

Json list_others(const Session& session, const std::vector<OtherKey>& others) {
  Json list = Json::array();
  for (const OtherKey& other : others) {
    if (list.size() == kOtherKeysMax) break;
    list.push_back({{"class", class_name(other.object_class)},
                    {"attributes", attribute_list(session, other.object, other_key_attributes())},
                    {"same_modulus", other.same_modulus}});
  }
  return list;
}

// What generate_key_pair would be asked for to get another one like this key.
channel::KeyRequest request_like(const Session& session, const KeyCensus& census) {
  channel::KeyRequest request;
  request.label = "signer: throw-away";
  request.key_id = {'t', 'h', 'r', 'o', 'w', '-', 'a', 'w', 'a', 'y'};
  if (!census.rsa) request.kind = jose::KeyKind::kP256;
  for (const jose::KeyKind kind : {jose::KeyKind::kRsa3072, jose::KeyKind::kRsa4096}) {
    if (census.rsa && census.number.size() * 8 == jose::rsa_bits(kind)) request.kind = kind;
  }
  const auto allowed = read_attribute(session, census.private_key, CKA_ALLOWED_MECHANISMS);
  request.mechanism_lock = allowed && *allowed && **allowed == raw_bytes({CKM_SHA256_RSA_PKCS});
  return request;
}

std::string_view probes_word(Probes probes) {
  if (probes == Probes::kNone) return "none";
  return probes == Probes::kReadOnly ? "read-only" : "full";
}

// Adds as many of the other keys as there is room for, in their order, and how many there was none for.
HostResult<channel::Attestation> fill_up(Json part, const Json& others, std::size_t others_count) {
  part["objects"] = Json::array();
  part["objects_more"] = std::size_t{0};
  std::size_t size = jose::dump_json(part).size() + kSlack;
  Json& objects = part["objects"];
  for (const Json& other : others) {
    size += jose::dump_json(other).size() + 1;
    if (size > channel::kAttestationMax) break;
    objects.push_back(other);
  }
  part["objects_more"] = others_count - objects.size();
  channel::Attestation evidence{jose::dump_json(part)};
  if (evidence.json.size() <= channel::kAttestationMax) return evidence;
  return host_failure(HostStatus::kUnsupported, "hsm: what the token says of the key is too long for evidence");
}

}  // namespace

HostResult<channel::Attestation> collect_evidence(const Module& module, CK_SLOT_ID slot, const Mechanisms& mechanisms,
                                                  SessionPool::Lease& lease, const AttestRequest& request) {
  const CK_FUNCTION_LIST& api = module.api();
  const CK_ULONG one = 1;
  Json part{{"ulong", to_hex(raw_bytes({one}))}, {"environment", steering_variables()}};
  SIGNER_ASSIGN_OR_RETURN(part["library"], describe_library(module));
  SIGNER_ASSIGN_OR_RETURN(part["slot"], describe_slot(api, slot));
  SIGNER_ASSIGN_OR_RETURN(part["token"], describe_token_info(api, slot));
  SIGNER_ASSIGN_OR_RETURN(const auto offered, list_mechanisms(api, slot));
  part["mechanisms"] = mechanism_list(offered);
  const Session& session = lease.session();
  SIGNER_ASSIGN_OR_RETURN(const KeyCensus census, take_census(session, request.key_id));
  part["private_key"] = attribute_list(session, census.private_key, private_key_attributes(census.rsa));
  if (census.public_key) {
    part["public_key"] = attribute_list(session, *census.public_key, public_key_attributes(census.rsa));
  }
  part["same_id"] = census.same_id;
  part["validation"] = list_validations(session);
  const Json others = list_others(session, census.others);
  part["probes"] = probes_word(request.probes);
  part["tried"] = Json::array();
  const channel::KeyRequest like = request_like(session, census);
  if (request.probes != Probes::kNone) {
    const std::size_t modulus_bytes = census.rsa ? census.number.size() : 0;
    part["tried"] = probe_key(lease, {census.private_key, census.rsa, modulus_bytes}, offered, mechanisms);
  }
  if (request.probes == Probes::kFull) {
    ThrowawayProbes throwaway = probe_throwaway(lease, like, offered);
    part["throwaway"] = std::move(throwaway.made);
    for (Json& line : throwaway.tried) part["tried"].push_back(std::move(line));
  }
  return fill_up(std::move(part), others, census.others.size());
}

}  // namespace signer::hsm
