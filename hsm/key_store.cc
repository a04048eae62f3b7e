// SPDX-License-Identifier: Apache-2.0

#include "hsm/key_store.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "hsm/attributes.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr CK_ULONG kObjectsMax = 16;
constexpr std::size_t kAllObjectsMax = 65'536;
constexpr CK_ULONG kAttributeBytesMax = 16384;

// At most `objects_max` handles, asked for in pieces of `piece`.
HostResult<std::vector<CK_OBJECT_HANDLE>> find_by(const Session& session, std::span<CK_ATTRIBUTE> query,
                                                  std::size_t objects_max, CK_ULONG piece) {
  const CK_FUNCTION_LIST& api = session.api();
  CK_RV rv = api.C_FindObjectsInit(session.handle(), query.data(), query.size());
  if (rv != CKR_OK) return fail(host_error("C_FindObjectsInit", "", rv));
  std::vector<CK_OBJECT_HANDLE> found;
  std::size_t total = 0;
  CK_ULONG count = 0;
  do {  // a module may answer in pieces; an empty one is the end
    const CK_ULONG wanted = std::min<std::size_t>(piece, objects_max - total);
    found.resize(total + wanted);
    rv = api.C_FindObjects(session.handle(), found.data() + total, wanted, &count);
    if (rv == CKR_OK) total += std::min(count, wanted);
  } while (rv == CKR_OK && count > 0 && total < objects_max);
  const CK_RV final_rv = api.C_FindObjectsFinal(session.handle());
  if (rv != CKR_OK) return fail(host_error("C_FindObjects", "", rv));
  if (final_rv != CKR_OK) return fail(host_error("C_FindObjectsFinal", "", final_rv));
  found.resize(total);
  return found;
}

HostResult<std::vector<CK_OBJECT_HANDLE>> find_matching(const Session& session, CK_OBJECT_CLASS object_class,
                                                        const CK_ATTRIBUTE& attribute) {
  std::array<CK_ATTRIBUTE, 2> query{{{CKA_CLASS, &object_class, sizeof object_class}, attribute}};
  return find_by(session, query, kObjectsMax, kObjectsMax);
}

Bytes without_leading_zeros(const Bytes& number) {
  return {std::find_if(number.begin(), number.end(), [](std::uint8_t byte) { return byte != 0; }), number.end()};
}

Bytes joined_coordinates(const jose::PublicKey& key) {
  Bytes joined = key.x;
  joined.insert(joined.end(), key.y.begin(), key.y.end());
  return joined;
}

// The same attribute from the private object or, failing that, from its public companion.
HostResult<std::optional<Bytes>> read_from_either(const Session& session, CK_OBJECT_HANDLE private_key,
                                                  const std::vector<CK_OBJECT_HANDLE>& public_keys,
                                                  CK_ATTRIBUTE_TYPE type) {
  SIGNER_ASSIGN_OR_RETURN(std::optional<Bytes> value, read_attribute(session, private_key, type));
  if (value && !value->empty()) return value;
  if (public_keys.size() != 1) return std::optional<Bytes>();
  return read_attribute(session, public_keys.front(), type);
}

Failure<channel::HostError> unreadable(std::string_view what) {
  return host_failure(HostStatus::kNotFound, "hsm: the private key is there, but the token reports no " +
                                                 std::string(what) + " for it or for one public key with its CKA_ID");
}

HostResult<jose::PublicKey> read_rsa(const Session& session, CK_OBJECT_HANDLE private_key,
                                     const std::vector<CK_OBJECT_HANDLE>& public_keys) {
  SIGNER_ASSIGN_OR_RETURN(const auto modulus, read_from_either(session, private_key, public_keys, CKA_MODULUS));
  if (!modulus) return unreadable("CKA_MODULUS");
  SIGNER_ASSIGN_OR_RETURN(const auto exponent,
                          read_from_either(session, private_key, public_keys, CKA_PUBLIC_EXPONENT));
  if (!exponent) return unreadable("CKA_PUBLIC_EXPONENT");
  return jose::PublicKey{.algorithm = Algorithm::kRs256,
                         .modulus = without_leading_zeros(*modulus),
                         .exponent = without_leading_zeros(*exponent),
                         .x = {},
                         .y = {}};
}

HostResult<jose::PublicKey> read_p256(const Session& session, CK_OBJECT_HANDLE private_key,
                                      const std::vector<CK_OBJECT_HANDLE>& public_keys) {
  SIGNER_ASSIGN_OR_RETURN(const auto curve, read_from_either(session, private_key, public_keys, CKA_EC_PARAMS));
  if (!curve || !std::ranges::equal(*curve, kP256Params)) {
    return host_failure(HostStatus::kUnsupported, "hsm: the EC key is not on the named curve P-256");
  }
  SIGNER_ASSIGN_OR_RETURN(const auto point, read_from_either(session, private_key, public_keys, CKA_EC_POINT));
  if (!point) return unreadable("CKA_EC_POINT");
  auto key = p256_from_point(*point);
  if (!key) return host_failure(HostStatus::kUnsupported, "hsm: CKA_EC_POINT is not an uncompressed P-256 point");
  return *std::move(key);
}

}  // namespace

HostResult<std::vector<CK_OBJECT_HANDLE>> find_objects(const Session& session, CK_OBJECT_CLASS object_class,
                                                       ByteView key_id) {
  return find_matching(session, object_class, {CKA_ID, read_only(key_id), key_id.size()});
}

HostResult<std::vector<CK_OBJECT_HANDLE>> find_labelled(const Session& session, CK_OBJECT_CLASS object_class,
                                                        std::string_view label) {
  return find_matching(session, object_class, {CKA_LABEL, read_only(label), label.size()});
}

HostResult<std::vector<CK_OBJECT_HANDLE>> find_all(const Session& session, CK_OBJECT_CLASS object_class) {
  constexpr CK_ULONG kPiece = 256;
  CK_ATTRIBUTE query{CKA_CLASS, &object_class, sizeof object_class};
  SIGNER_ASSIGN_OR_RETURN(auto found, find_by(session, std::span(&query, 1), kAllObjectsMax + 1, kPiece));
  if (found.size() <= kAllObjectsMax) return found;
  return host_failure(HostStatus::kUnsupported, "hsm: the token shows more than 65536 objects of one class");
}

HostResult<Bytes> public_number(const Session& session, CK_OBJECT_HANDLE object) {
  SIGNER_ASSIGN_OR_RETURN(const auto modulus, read_attribute(session, object, CKA_MODULUS));
  if (modulus && !modulus->empty()) return without_leading_zeros(*modulus);
  SIGNER_ASSIGN_OR_RETURN(auto point, read_attribute(session, object, CKA_EC_POINT));
  if (!point) return Bytes();
  const auto p256 = p256_from_point(*point);
  return p256 ? joined_coordinates(*p256) : *std::move(point);
}

HostResult<std::optional<Bytes>> read_attribute(const Session& session, CK_OBJECT_HANDLE object,
                                                CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  CK_RV rv = session.api().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE) return std::optional<Bytes>();
  if (rv == CKR_OK && attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION) return std::optional<Bytes>();
  if (rv == CKR_OK && attribute.ulValueLen > kAttributeBytesMax) {
    return host_failure(HostStatus::kUnsupported, "hsm: " + attribute_name(type) + " is absurdly long");
  }
  Bytes value(rv == CKR_OK ? attribute.ulValueLen : 0);
  if (rv == CKR_OK && !value.empty()) {
    attribute.pValue = value.data();
    rv = session.api().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  }
  if (rv != CKR_OK) return fail(host_error("C_GetAttributeValue", attribute_name(type), rv));
  value.resize(std::min<std::size_t>(attribute.ulValueLen, value.size()));
  return std::optional<Bytes>(std::move(value));
}

HostResult<std::optional<bool>> read_flag(const Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  SIGNER_ASSIGN_OR_RETURN(const auto value, read_attribute(session, object, type));
  if (!value || value->size() != sizeof(CK_BBOOL)) return std::optional<bool>();
  return std::optional<bool>(value->front() != CK_FALSE);
}

HostResult<std::optional<CK_ULONG>> read_number(const Session& session, CK_OBJECT_HANDLE object,
                                                CK_ATTRIBUTE_TYPE type) {
  SIGNER_ASSIGN_OR_RETURN(const auto value, read_attribute(session, object, type));
  if (!value || value->size() != sizeof(CK_ULONG)) return std::optional<CK_ULONG>();
  CK_ULONG number = 0;
  std::memcpy(&number, value->data(), sizeof number);
  return std::optional<CK_ULONG>(number);
}

Bytes public_number(const jose::PublicKey& key) {
  return key.algorithm == Algorithm::kRs256 ? key.modulus : joined_coordinates(key);
}

HostResult<StoredKey> find_key(const Session& session, ByteView key_id) {
  SIGNER_ASSIGN_OR_RETURN(const auto private_keys, find_objects(session, CKO_PRIVATE_KEY, key_id));
  if (private_keys.empty()) return host_failure(HostStatus::kNotFound, "hsm: no private key under this CKA_ID");
  if (private_keys.size() > 1) {
    return host_failure(HostStatus::kAmbiguous,
                        "hsm: " + std::to_string(private_keys.size()) + " private keys under one CKA_ID");
  }
  SIGNER_ASSIGN_OR_RETURN(const auto public_keys, find_objects(session, CKO_PUBLIC_KEY, key_id));
  SIGNER_ASSIGN_OR_RETURN(const auto type, read_number(session, private_keys.front(), CKA_KEY_TYPE));
  if (type != CKK_RSA && type != CKK_EC) {
    return host_failure(HostStatus::kUnsupported, "hsm: the key is neither CKK_RSA nor CKK_EC");
  }
  auto public_key = type == CKK_RSA ? read_rsa(session, private_keys.front(), public_keys)
                                    : read_p256(session, private_keys.front(), public_keys);
  if (!public_key) return fail(std::move(public_key).error());
  if (auto shape = jose::check_shape(*public_key); !shape) {
    return host_failure(HostStatus::kUnsupported, "hsm: " + shape.error().text);
  }
  return StoredKey{private_keys.front(), std::move(public_key).value()};
}

HostResult<std::string> attributes_text(const Session& session, CK_OBJECT_HANDLE private_key) {
  std::string text;
  for (const CK_ATTRIBUTE_TYPE type : kReportedFlags) {
    SIGNER_ASSIGN_OR_RETURN(const auto flag, read_flag(session, private_key, type));
    text += attribute_name(type) + (flag ? (*flag ? "=1 " : "=0 ") : "=- ");
  }
  SIGNER_ASSIGN_OR_RETURN(const auto generator, read_number(session, private_key, CKA_KEY_GEN_MECHANISM));
  text += "CKA_KEY_GEN_MECHANISM=" + (generator ? mechanism_name(*generator) : "-");
  SIGNER_ASSIGN_OR_RETURN(const auto allowed, read_attribute(session, private_key, CKA_ALLOWED_MECHANISMS));
  text += " CKA_ALLOWED_MECHANISMS=" + (allowed ? mechanism_names(*allowed) : "-");
  return text;
}

std::optional<jose::PublicKey> p256_from_point(ByteView point) {
  constexpr std::size_t kPointBytes = 65;
  // X9.62 wrapped in an OCTET STRING is the standard's form; some modules give the bare point.
  if (point.size() == kPointBytes + 2 && point[0] == 0x04 && point[1] == kPointBytes) point = point.subspan(2);
  if (point.size() != kPointBytes || point[0] != 0x04) return std::nullopt;
  return jose::PublicKey{.algorithm = Algorithm::kEs256,
                         .modulus = {},
                         .exponent = {},
                         .x = Bytes(point.begin() + 1, point.begin() + 33),
                         .y = Bytes(point.begin() + 33, point.end())};
}

}  // namespace signer::hsm
