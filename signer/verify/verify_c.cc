// SPDX-License-Identifier: Apache-2.0
//
// The C interface: handles around the C++ types.  Nothing is thrown across it.

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "jose/algorithms.h"
#include "signer/decryption_keys.h"
#include "signer/jwt.h"
#include "signer/verify.h"

struct signer_key_set {
  signer::KeySet keys;
};

struct signer_profile {
  signer::jwt::TokenProfile profile;
};

struct signer_verifier {
  signer::jwt::Verifier verifier;
};

struct signer_claims {
  signer::jwt::Claims claims;
};

struct signer_decryption_keys {
  signer::DecryptionKeys keys;
};

namespace {

using signer::VerifyError;

struct StatusRow {
  int status;
  VerifyError error;
};

constexpr std::array kStatusRows = {StatusRow{SIGNER_VERIFY_TOO_LARGE, VerifyError::kTooLarge},
                                    StatusRow{SIGNER_VERIFY_MALFORMED, VerifyError::kMalformed},
                                    StatusRow{SIGNER_VERIFY_HEADER_REFUSED, VerifyError::kHeaderRefused},
                                    StatusRow{SIGNER_VERIFY_WRONG_TYPE, VerifyError::kWrongType},
                                    StatusRow{SIGNER_VERIFY_WRONG_ALGORITHM, VerifyError::kWrongAlgorithm},
                                    StatusRow{SIGNER_VERIFY_UNKNOWN_KEY, VerifyError::kUnknownKey},
                                    StatusRow{SIGNER_VERIFY_BAD_SIGNATURE, VerifyError::kBadSignature},
                                    StatusRow{SIGNER_VERIFY_PAYLOAD_REFUSED, VerifyError::kPayloadRefused},
                                    StatusRow{SIGNER_VERIFY_CLAIM_INVALID, VerifyError::kClaimInvalid},
                                    StatusRow{SIGNER_VERIFY_CLAIM_MISSING, VerifyError::kClaimMissing},
                                    StatusRow{SIGNER_VERIFY_WRONG_ISSUER, VerifyError::kWrongIssuer},
                                    StatusRow{SIGNER_VERIFY_WRONG_AUDIENCE, VerifyError::kWrongAudience},
                                    StatusRow{SIGNER_VERIFY_EXPIRED, VerifyError::kExpired},
                                    StatusRow{SIGNER_VERIFY_NOT_YET_VALID, VerifyError::kNotYetValid},
                                    StatusRow{SIGNER_VERIFY_LIFETIME_TOO_LONG, VerifyError::kLifetimeTooLong},
                                    StatusRow{SIGNER_VERIFY_KEYS_UNAVAILABLE, VerifyError::kKeysUnavailable},
                                    StatusRow{SIGNER_VERIFY_INTERNAL, VerifyError::kInternal},
                                    StatusRow{SIGNER_VERIFY_DECRYPT_FAILED, VerifyError::kDecryptFailed}};

int status_of(VerifyError error) {
  for (const StatusRow& row : kStatusRows) {
    if (row.error == error) return row.status;
  }
  return SIGNER_VERIFY_INTERNAL;
}

// What the clock type can hold: libstdc++ counts nanoseconds, which end in 2262.
constexpr int64_t kNowMax =
    std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::duration::max()).count();

// The handle of what was verified, or the number of its refusal.
int give_claims(signer::Result<signer::jwt::Claims, VerifyError> verified, signer_claims** claims) {
  if (!verified) return status_of(verified.error());
  *claims = new (std::nothrow) signer_claims{*std::move(verified)};
  return *claims == nullptr ? SIGNER_VERIFY_INTERNAL : SIGNER_VERIFY_OK;
}

void put_error(std::string_view text, char* error, std::size_t error_size) {
  if (error == nullptr || error_size == 0) return;
  const std::size_t size = std::min(text.size(), error_size - 1);
  std::memcpy(error, text.data(), size);
  error[size] = '\0';
}

// Makes a handle of what `make` returns, or NULL with the reason.
template <class Handle, class Make>
Handle* make_handle(Make make, char* error, std::size_t error_size) noexcept {
  try {
    auto made = make();
    if (made) return new Handle{*std::move(made)};
    put_error(made.error().text, error, error_size);
  } catch (const std::exception&) {
    put_error("out of memory", error, error_size);
  }
  return nullptr;
}

template <class Value, class From>
int append(std::vector<Value>& list, From value) noexcept {
  try {
    list.emplace_back(value);
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

int append_text(std::vector<std::string>& list, const char* text) noexcept {
  return text == nullptr ? -1 : append(list, text);
}

signer::Result<signer::Algorithm> algorithm_named(const char* name) {
  const auto* row = name == nullptr ? nullptr : signer::jose::find_algorithm(std::string_view(name));
  if (row == nullptr) {
    return signer::fail(signer::ErrorCode::kInvalidRequest, "no such algorithm; \"RS256\" is the usual one");
  }
  return row->algorithm;
}

const char* with_size(std::string_view text, std::size_t* size) {
  if (size != nullptr) *size = text.size();
  return text.data();
}

}  // namespace

const char* signer_verify_status_name(int status) {
  if (status == SIGNER_VERIFY_OK) return "ok";
  if (status == SIGNER_VERIFY_BAD_ARGUMENT) return "bad_argument";
  for (const StatusRow& row : kStatusRows) {
    if (row.status == status) return signer::to_string(row.error).data();  // literals, so they end with zero
  }
  return "unknown";
}

const char* signer_verify_status_public_name(int status) {
  for (const StatusRow& row : kStatusRows) {
    if (row.status == status) return signer::public_face(row.error).data();
  }
  return signer_verify_status_name(status);
}

signer_key_set* signer_key_set_from_jwks(const char* json, size_t json_size, char* error, size_t error_size) {
  if (json == nullptr) return put_error("json is NULL", error, error_size), nullptr;
  return make_handle<signer_key_set>([&] { return signer::KeySet::from_jwks({json, json_size}); }, error, error_size);
}

signer_key_set* signer_key_set_from_pem(const char* pem, size_t pem_size, const char* algorithm, const char* kid,
                                        char* error, size_t error_size) {
  if (pem == nullptr) return put_error("pem is NULL", error, error_size), nullptr;
  const auto make = [&]() -> signer::Result<signer::KeySet> {
    SIGNER_ASSIGN_OR_RETURN(const signer::Algorithm pinned, algorithm_named(algorithm));
    const std::array keys = {signer::PemKey{{pem, pem_size}, pinned, kid == nullptr ? "" : kid}};
    return signer::KeySet::from_pem(keys);
  };
  return make_handle<signer_key_set>(make, error, error_size);
}

size_t signer_key_set_size(const signer_key_set* keys) {
  return keys == nullptr ? 0 : keys->keys.size();
}

void signer_key_set_free(signer_key_set* keys) {
  delete keys;
}

signer_profile* signer_profile_new(const char* algorithm, const char* issuer, const char* audience, const char* type,
                                   char* error, size_t error_size) {
  if (issuer == nullptr || audience == nullptr)
    return put_error("issuer or audience is NULL", error, error_size), nullptr;
  const auto make = [&]() -> signer::Result<signer::jwt::TokenProfile> {
    SIGNER_ASSIGN_OR_RETURN(const signer::Algorithm allowed, algorithm_named(algorithm));
    return signer::jwt::TokenProfile(
        {allowed}, signer::jwt::Issuers{issuer}, signer::jwt::Audiences{audience},
        type == nullptr ? signer::jws::TypeRule::absent() : signer::jws::TypeRule::is(type));
  };
  return make_handle<signer_profile>(make, error, error_size);
}

int signer_profile_add_algorithm(signer_profile* profile, const char* algorithm) {
  const auto* row = algorithm == nullptr ? nullptr : signer::jose::find_algorithm(std::string_view(algorithm));
  if (profile == nullptr || row == nullptr) return -1;
  return append(profile->profile.signature.algorithms, row->algorithm);
}

int signer_profile_add_issuer(signer_profile* profile, const char* issuer) {
  return profile == nullptr ? -1 : append_text(profile->profile.issuers.names, issuer);
}

int signer_profile_add_audience(signer_profile* profile, const char* audience) {
  return profile == nullptr ? -1 : append_text(profile->profile.audiences.names, audience);
}

int signer_profile_require_claim(signer_profile* profile, const char* name) {
  return profile == nullptr ? -1 : append_text(profile->profile.required_claims, name);
}

void signer_profile_set_leeway(signer_profile* profile, int64_t seconds) {
  if (profile != nullptr) profile->profile.leeway = std::chrono::seconds(seconds);
}

void signer_profile_set_lifetime_max(signer_profile* profile, int64_t seconds) {
  if (profile != nullptr) profile->profile.lifetime_max = std::chrono::seconds(seconds);
}

void signer_profile_free(signer_profile* profile) {
  delete profile;
}

signer_verifier* signer_verifier_new(const signer_profile* profile, char* error, size_t error_size) {
  if (profile == nullptr) return put_error("profile is NULL", error, error_size), nullptr;
  return make_handle<signer_verifier>([&] { return signer::jwt::Verifier::make(profile->profile); }, error, error_size);
}

void signer_verifier_free(signer_verifier* verifier) {
  delete verifier;
}

int signer_verify(const signer_verifier* verifier, const signer_key_set* keys, const char* token, size_t token_size,
                  int64_t now, signer_claims** claims) {
  if (claims == nullptr) return SIGNER_VERIFY_BAD_ARGUMENT;
  *claims = nullptr;
  if (verifier == nullptr || keys == nullptr || token == nullptr) return SIGNER_VERIFY_BAD_ARGUMENT;
  if (now < 0 || now > kNowMax) return SIGNER_VERIFY_BAD_ARGUMENT;
  const std::chrono::system_clock::time_point time{std::chrono::seconds(now)};
  return give_claims(verifier->verifier.verify({token, token_size}, keys->keys, time), claims);
}

signer_decryption_keys* signer_decryption_keys_from_pem(const char* pem, size_t pem_size, const char* kid, char* error,
                                                        size_t error_size) {
  if (pem == nullptr) return put_error("pem is NULL", error, error_size), nullptr;
  const auto make = [&] { return signer::DecryptionKeys::from_pem({pem, pem_size}, kid == nullptr ? "" : kid); };
  return make_handle<signer_decryption_keys>(make, error, error_size);
}

signer_decryption_keys* signer_decryption_keys_from_jwk(const char* json, size_t json_size, char* error,
                                                        size_t error_size) {
  if (json == nullptr) return put_error("json is NULL", error, error_size), nullptr;
  const auto make = [&] { return signer::DecryptionKeys::from_jwk({json, json_size}); };
  return make_handle<signer_decryption_keys>(make, error, error_size);
}

void signer_decryption_keys_free(signer_decryption_keys* keys) {
  delete keys;
}

int signer_verify_nested(const signer_verifier* verifier, const signer_decryption_keys* private_keys,
                         const signer_key_set* keys, const char* token, size_t token_size, int64_t now,
                         signer_claims** claims) {
  if (claims == nullptr) return SIGNER_VERIFY_BAD_ARGUMENT;
  *claims = nullptr;
  if (verifier == nullptr || private_keys == nullptr || keys == nullptr || token == nullptr) {
    return SIGNER_VERIFY_BAD_ARGUMENT;
  }
  if (now < 0 || now > kNowMax) return SIGNER_VERIFY_BAD_ARGUMENT;
  const std::chrono::system_clock::time_point time{std::chrono::seconds(now)};
  return give_claims(verifier->verifier.verify_nested({token, token_size}, private_keys->keys, keys->keys, time),
                     claims);
}

int signer_open_encrypted_claims(const signer_claims* claims, const signer_decryption_keys* private_keys,
                                 signer_claims** opened) {
  if (opened == nullptr) return SIGNER_VERIFY_BAD_ARGUMENT;
  *opened = nullptr;
  if (claims == nullptr || private_keys == nullptr) return SIGNER_VERIFY_BAD_ARGUMENT;
  return give_claims(signer::jwt::open_encrypted_claims(claims->claims, private_keys->keys), opened);
}

const char* signer_claims_json(const signer_claims* claims, size_t* size) {
  return claims == nullptr ? nullptr : with_size(claims->claims.payload_json(), size);
}

const char* signer_claims_text(const signer_claims* claims, const char* name, size_t* size) {
  if (claims == nullptr || name == nullptr) return nullptr;
  const auto text = claims->claims.string(name);
  return text ? with_size(*text, size) : nullptr;
}

int64_t signer_claims_expires_at(const signer_claims* claims) {
  return claims == nullptr ? 0 : claims->claims.expires_at().time_since_epoch().count();
}

void signer_claims_free(signer_claims* claims) {
  delete claims;
}
