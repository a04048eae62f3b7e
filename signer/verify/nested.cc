// SPDX-License-Identifier: Apache-2.0
//
// Two layers, each of which must be good: who may read it (JWE) and who said it (JWS).  RFC 7519 §5.2, RFC 8725 §3.3.

#include <algorithm>
#include <exception>
#include <utility>

#include "jose/json.h"
#include "signer/decryption_keys.h"
#include "signer/encrypted_claims.h"
#include "signer/jwt.h"
#include "verify/claims.h"
#include "verify/open_jwe.h"

namespace signer::jwt {

namespace {

using jose::Json;
using verify::Content;

// Header, encrypted key of 4096 bits, initialisation vector, tag and dots.
constexpr std::size_t kOuterBytesMax = 4096;
constexpr std::size_t kClaimsHeaderBytesMax = 2048;

// What the verifier says of a text before it knows that the issuer wrote it.
bool comes_before_the_signature(VerifyError error) {
  switch (error) {
    case VerifyError::kTooLarge:
    case VerifyError::kMalformed:
    case VerifyError::kHeaderRefused:
    case VerifyError::kWrongType:
    case VerifyError::kWrongAlgorithm:
    case VerifyError::kUnknownKey:
    case VerifyError::kBadSignature:
      return true;
    default:
      return false;
  }
}

// RFC 7519 §5.3: what the header repeats must be what was signed.
bool repeats(const verify::OpenedJwe& outer, const Claims& claims) {
  return (!outer.issuer || *outer.issuer == claims.issuer()) && (!outer.subject || outer.subject == claims.subject()) &&
         (!outer.audiences || *outer.audiences == claims.audiences());
}

bool may_be_encrypted(const std::string& name, const Json& value) {
  // What the verifier has judged by, and the claim itself, have no second value.
  for (const std::string_view judged : {std::string_view("iss"), std::string_view("aud"), std::string_view("exp"),
                                        std::string_view("nbf"), std::string_view("iat"), kEncryptedClaims}) {
    if (name == judged) return false;
  }
  return (name != "sub" && name != "jti" && name != "client_id") || value.is_string();
}

// The payload with the encrypted claims in their place, or nothing.
std::optional<std::string> merged(std::string_view payload, std::string_view inside) {
  // The payload is what a Verifier let through, so no limit of ours is to stop it here.
  auto claims = jose::parse_json_object(payload, {.bytes_max = payload.size(),
                                                  .depth_max = verify::Object::kDepthMax,
                                                  .members_max = payload.size(),
                                                  .interoperable_numbers = false});
  auto more = jose::parse_json_object(inside);
  if (!claims || !more) return std::nullopt;
  claims->erase(std::string(kEncryptedClaims));
  for (auto& [name, value] : more->items()) {
    if (!may_be_encrypted(name, value) || claims->contains(name)) return std::nullopt;
    (*claims)[name] = std::move(value);
  }
  return jose::dump_json(*claims);
}

}  // namespace

template <class Keys>
Result<Claims, VerifyError> Verifier::open_and_verify(std::string_view token, const DecryptionKeys& private_keys,
                                                      Keys& keys, std::chrono::system_clock::time_point now) const {
  if (token.size() > profile_.signature.token_bytes_max / 3 * 4 + kOuterBytesMax) {
    return fail(VerifyError::kDecryptFailed);
  }
  const auto outer = verify::open_jwe(token, private_keys, Content::kToken, profile_.signature.header_bytes_max);
  if (!outer) return fail(VerifyError::kDecryptFailed);
  auto claims = verify(outer->plaintext.reveal(), keys, now);
  if (claims ? !repeats(*outer, *claims) : comes_before_the_signature(claims.error())) {
    return fail(VerifyError::kDecryptFailed);
  }
  return claims;
}

Result<Claims, VerifyError> Verifier::verify_nested(std::string_view token, const DecryptionKeys& private_keys,
                                                    const KeySet& keys,
                                                    std::chrono::system_clock::time_point now) const noexcept {
  try {
    return open_and_verify(token, private_keys, keys, now);
  } catch (const std::exception&) {
    return fail(VerifyError::kInternal);  // Nothing above throws but an allocation.
  }
}

Result<Claims, VerifyError> Verifier::verify_nested(std::string_view token, const DecryptionKeys& private_keys,
                                                    KeySource& source,
                                                    std::chrono::system_clock::time_point now) const noexcept {
  try {
    return open_and_verify(token, private_keys, source, now);
  } catch (const std::exception&) {
    return fail(VerifyError::kInternal);
  }
}

Result<Claims, VerifyError> open_encrypted_claims(const Claims& claims, const DecryptionKeys& keys) noexcept {
  try {
    const verify::Value* sealed = claims.data_->object.find(kEncryptedClaims);
    if (sealed == nullptr) return fail(VerifyError::kClaimMissing);
    if (!sealed->is_text()) return fail(VerifyError::kDecryptFailed);
    const auto opened = verify::open_jwe(sealed->text, keys, Content::kClaims, kClaimsHeaderBytesMax);
    if (!opened) return fail(VerifyError::kDecryptFailed);
    const auto payload = merged(claims.payload_json(), opened->plaintext.reveal());
    if (!payload) return fail(VerifyError::kDecryptFailed);

    auto data = std::make_shared<Claims::Data>();
    data->payload.assign(bytes_of(*payload).begin(), bytes_of(*payload).end());
    auto object = verify::Object::parse(text_of(data->payload),
                                        {.depth_max = verify::Object::kDepthMax, .members_max = data->payload.size()});
    if (!object) return fail(VerifyError::kInternal);
    data->object = *std::move(object);
    data->kid = claims.data_->kid;
    data->issuer = claims.data_->issuer;
    data->audiences = claims.data_->audiences;
    data->expires = claims.data_->expires;
    data->not_before = claims.data_->not_before;
    data->issued = claims.data_->issued;
    return Claims(std::move(data));
  } catch (const std::exception&) {
    return fail(VerifyError::kInternal);
  }
}

}  // namespace signer::jwt
