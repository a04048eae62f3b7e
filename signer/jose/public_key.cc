// SPDX-License-Identifier: Apache-2.0

#include "jose/public_key.h"

#include <algorithm>
#include <array>
#include <bit>

#include "jose/algorithms.h"
#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::jose {

namespace {

constexpr std::size_t kModulusBitsMin = 2048;
constexpr std::size_t kKidBytesMax = 256;

// RFC 7518 §6.2.2, §6.3.2, §6.4.1; "priv" is the private member of newer key types.
constexpr std::array kPrivateMembers = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"};

Failure<Error> invalid(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "public key: " + std::string(why));
}

Result<Bytes> number_member(const Json& jwk, const char* name) {
  const auto member = jwk.find(name);
  if (member == jwk.end() || !member->is_string()) return invalid(std::string("no text member ") + name);
  auto bytes = base64url_decode(*member->get_ptr<const std::string*>());
  if (!bytes) return invalid(std::string("not base64url: ") + name);
  return *std::move(bytes);
}

Result<void> check_rsa(const PublicKey& key, RsaLimit limit) {
  if (!key.x.empty() || !key.y.empty()) return invalid("an RSA key with a point");
  const bool whole = !key.modulus.empty() && key.modulus.front() != 0;  // RFC 7518 §2: no leading zero octet
  const std::size_t bits =
      whole ? 8 * (key.modulus.size() - 1) + static_cast<std::size_t>(std::bit_width(key.modulus.front())) : 0;
  if (bits < kModulusBitsMin || bits > static_cast<std::size_t>(limit) || (key.modulus.back() & 1U) == 0) {
    return invalid("RSA modulus not an odd number of 2048 to " + std::to_string(static_cast<unsigned>(limit)) +
                   " bits");
  }
  std::uint64_t exponent = 0;
  if (key.exponent.empty() || key.exponent.size() > 4 || key.exponent.front() == 0)
    return invalid("RSA exponent out of range");
  for (const std::uint8_t byte : key.exponent) exponent = (exponent << 8U) | byte;
  if (exponent < 65537 || (exponent & 1U) == 0) return invalid("RSA exponent out of range");
  return {};
}

bool is(const Json& jwk, const char* name, std::string_view value) {
  const auto member = jwk.find(name);
  return member != jwk.end() && member->is_string() && *member->get_ptr<const std::string*>() == value;
}

// The row that a JWK's kty, crv and alg agree on, or none.
const AlgorithmRow* row_of(const Json& jwk) {
  for (const AlgorithmRow& row : kAlgorithms) {
    const bool named = is(jwk, "alg", row.name) || (row.scheme == Scheme::kEddsa && is(jwk, "alg", "EdDSA"));
    if (named && is(jwk, "kty", row.kty) && (row.crv.empty() || is(jwk, "crv", row.crv))) return &row;
  }
  return nullptr;
}

}  // namespace

bool is_acceptable_kid(std::string_view kid) noexcept {
  return !kid.empty() && kid.size() <= kKidBytesMax &&
         std::ranges::all_of(kid, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool has_private_member(const Json& jwk) {
  return std::ranges::any_of(kPrivateMembers, [&jwk](const char* name) { return jwk.contains(name); });
}

Algorithm algorithm_of(KeyKind kind) noexcept {
  return kind == KeyKind::kP256 ? Algorithm::kEs256 : Algorithm::kRs256;
}

unsigned rsa_bits(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::kRsa2048:
      return 2048;
    case KeyKind::kRsa3072:
      return 3072;
    case KeyKind::kRsa4096:
      return 4096;
    case KeyKind::kP256:
      break;
  }
  return 0;
}

Result<void> check_shape(const PublicKey& key, RsaLimit limit) {
  const AlgorithmRow* row = find_algorithm(key.algorithm);
  if (row == nullptr) return invalid("of an unknown algorithm");
  if (row->coordinate_bytes == 0) return check_rsa(key, limit);
  const std::size_t y_bytes = row->scheme == Scheme::kEddsa ? 0 : row->coordinate_bytes;
  if (key.x.size() != row->coordinate_bytes || key.y.size() != y_bytes) {
    return invalid(std::string(row->crv) + " point not of " + std::to_string(row->coordinate_bytes) +
                   " bytes a coordinate");
  }
  if (!key.modulus.empty() || !key.exponent.empty()) return invalid("a key on a curve with RSA numbers");
  return {};
}

std::string thumbprint(const PublicKey& key) {
  const AlgorithmRow* row = find_algorithm(key.algorithm);
  if (row == nullptr) return {};
  // RFC 7638 §3.2, RFC 8037 §2: the required members alone, in lexicographic order, without whitespace.
  std::string text;
  if (row->coordinate_bytes == 0) {
    text =
        R"({"e":")" + base64url_encode(key.exponent) + R"(","kty":"RSA","n":")" + base64url_encode(key.modulus) + "\"}";
  } else {
    text = R"({"crv":")" + std::string(row->crv) + R"(","kty":")" + std::string(row->kty) + R"(","x":")" +
           base64url_encode(key.x) + "\"";
    if (row->scheme != Scheme::kEddsa) text += R"(,"y":")" + base64url_encode(key.y) + "\"";
    text += "}";
  }
  return base64url_encode(sha256(bytes_of(text)));
}

Json to_jwk(const PublicKey& key) {
  Json jwk = {{"use", "sig"}, {"alg", to_string(key.algorithm)}, {"kid", thumbprint(key)}};
  const AlgorithmRow* row = find_algorithm(key.algorithm);
  if (row == nullptr) return jwk;
  jwk["kty"] = row->kty;
  if (row->coordinate_bytes == 0) {
    jwk["n"] = base64url_encode(key.modulus);
    jwk["e"] = base64url_encode(key.exponent);
  } else {
    jwk["crv"] = row->crv;
    jwk["x"] = base64url_encode(key.x);
    if (row->scheme != Scheme::kEddsa) jwk["y"] = base64url_encode(key.y);
  }
  return jwk;
}

Result<PublicKey> numbers_from_jwk(const Json& jwk, RsaLimit limit) {
  if (!jwk.is_object()) return invalid("not a JWK object");
  if (has_private_member(jwk)) return invalid("holds a private member");
  const AlgorithmRow* row = row_of(jwk);
  if (row == nullptr) return invalid("kty, crv and alg name no algorithm known here");
  PublicKey key;
  if (row->coordinate_bytes == 0) {
    SIGNER_ASSIGN_OR_RETURN(key, rsa_numbers_from_jwk(jwk, limit));
    key.algorithm = row->algorithm;
    return key;
  }
  key.algorithm = row->algorithm;
  SIGNER_ASSIGN_OR_RETURN(key.x, number_member(jwk, "x"));
  if (row->scheme != Scheme::kEddsa) {
    SIGNER_ASSIGN_OR_RETURN(key.y, number_member(jwk, "y"));
  }
  SIGNER_RETURN_IF_ERROR(check_shape(key, limit));
  return key;
}

Result<PublicKey> rsa_numbers_from_jwk(const Json& jwk, RsaLimit limit) {
  PublicKey key;
  SIGNER_ASSIGN_OR_RETURN(key.modulus, number_member(jwk, "n"));
  SIGNER_ASSIGN_OR_RETURN(key.exponent, number_member(jwk, "e"));
  SIGNER_RETURN_IF_ERROR(check_shape(key, limit));
  return key;
}

Result<PublicKey> from_jwk(const Json& jwk) {
  SIGNER_ASSIGN_OR_RETURN(PublicKey key, numbers_from_jwk(jwk));
  if (jwk.contains("kid") && !is(jwk, "kid", thumbprint(key))) return invalid("kid is not the thumbprint");
  return key;
}

}  // namespace signer::jose

namespace signer {

std::string_view to_string(Algorithm algorithm) noexcept {
  const jose::AlgorithmRow* row = jose::find_algorithm(algorithm);
  return row == nullptr ? std::string_view{} : row->name;
}

}  // namespace signer
