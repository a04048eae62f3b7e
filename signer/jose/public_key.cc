// SPDX-License-Identifier: Apache-2.0

#include "jose/public_key.h"

#include <openssl/evp.h>

#include <array>

#include "jose/base64url.h"

namespace signer::jose {

namespace {

constexpr std::size_t kModulusBytesMin = 256;
constexpr std::size_t kModulusBytesMax = 512;
constexpr std::size_t kCoordinateBytes = 32;

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

}  // namespace

std::string_view to_string(Algorithm algorithm) noexcept {
  return algorithm == Algorithm::kEs256 ? "ES256" : "RS256";
}

Algorithm algorithm_of(KeyKind kind) noexcept {
  return kind == KeyKind::kP256 ? Algorithm::kEs256 : Algorithm::kRs256;
}

Result<void> check_shape(const PublicKey& key) {
  if (key.algorithm == Algorithm::kEs256) {
    if (key.x.size() != kCoordinateBytes || key.y.size() != kCoordinateBytes)
      return invalid("P-256 point not 2 x 32 bytes");
    if (!key.modulus.empty() || !key.exponent.empty()) return invalid("a P-256 key with RSA numbers");
    return {};
  }
  if (!key.x.empty() || !key.y.empty()) return invalid("an RSA key with a point");
  if (key.modulus.size() < kModulusBytesMin || key.modulus.size() > kModulusBytesMax || key.modulus.front() < 0x80 ||
      (key.modulus.back() & 1U) == 0) {
    return invalid("RSA modulus not an odd number of 2048 to 4096 bits");
  }
  std::uint64_t exponent = 0;
  if (key.exponent.empty() || key.exponent.size() > 4 || key.exponent.front() == 0)
    return invalid("RSA exponent out of range");
  for (const std::uint8_t byte : key.exponent) exponent = (exponent << 8U) | byte;
  if (exponent < 65537 || (exponent & 1U) == 0) return invalid("RSA exponent out of range");
  return {};
}

std::string thumbprint(const PublicKey& key) {
  // RFC 7638 §3.2: the required members alone, in lexicographic order, without whitespace.
  const std::string text = key.algorithm == Algorithm::kEs256
                               ? R"({"crv":"P-256","kty":"EC","x":")" + base64url_encode(key.x) + R"(","y":")" +
                                     base64url_encode(key.y) + R"("})"
                               : R"({"e":")" + base64url_encode(key.exponent) + R"(","kty":"RSA","n":")" +
                                     base64url_encode(key.modulus) + R"("})";
  std::array<std::uint8_t, 32> digest{};
  ::EVP_Digest(text.data(), text.size(), digest.data(), nullptr, ::EVP_sha256(), nullptr);
  return base64url_encode(digest);
}

Json to_jwk(const PublicKey& key) {
  Json jwk = {{"use", "sig"}, {"alg", to_string(key.algorithm)}, {"kid", thumbprint(key)}};
  if (key.algorithm == Algorithm::kEs256) {
    jwk["kty"] = "EC";
    jwk["crv"] = "P-256";
    jwk["x"] = base64url_encode(key.x);
    jwk["y"] = base64url_encode(key.y);
  } else {
    jwk["kty"] = "RSA";
    jwk["n"] = base64url_encode(key.modulus);
    jwk["e"] = base64url_encode(key.exponent);
  }
  return jwk;
}

Result<PublicKey> from_jwk(const Json& jwk) {
  if (!jwk.is_object()) return invalid("not a JWK object");
  for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (jwk.contains(secret)) return invalid("holds a private member");
  }
  const auto is = [&jwk](const char* name, std::string_view value) {
    const auto member = jwk.find(name);
    return member != jwk.end() && member->is_string() && *member->get_ptr<const std::string*>() == value;
  };
  PublicKey key;
  if (is("kty", "RSA") && is("alg", "RS256")) {
    SIGNER_ASSIGN_OR_RETURN(key.modulus, number_member(jwk, "n"));
    SIGNER_ASSIGN_OR_RETURN(key.exponent, number_member(jwk, "e"));
  } else if (is("kty", "EC") && is("crv", "P-256") && is("alg", "ES256")) {
    key.algorithm = Algorithm::kEs256;
    SIGNER_ASSIGN_OR_RETURN(key.x, number_member(jwk, "x"));
    SIGNER_ASSIGN_OR_RETURN(key.y, number_member(jwk, "y"));
  } else {
    return invalid("not an RS256 or ES256 key");
  }
  SIGNER_RETURN_IF_ERROR(check_shape(key));
  if (jwk.contains("kid") && !is("kid", thumbprint(key))) return invalid("kid is not the thumbprint");
  return key;
}

}  // namespace signer::jose
