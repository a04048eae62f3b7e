// SPDX-License-Identifier: Apache-2.0
//
// Tokens in two layers, made by OpenSSL alone, and a verifier with the keys for both.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "signer/decryption_keys.h"
#include "signer/jwt.h"
#include "tests/support/encryption_key.h"
#include "tests/support/signing_key.h"

namespace signer::jwt {

inline constexpr std::string_view kInnerHeader = R"({"alg":"RS256","kid":"a","typ":"at+jwt"})";
inline constexpr std::string_view kPayload =
    R"({"iss":"i","aud":"a","sub":"s","iat":1700000000,"exp":1700000060,"mrn":"42"})";
inline constexpr std::string_view kOuterHeader = R"({"alg":"RSA-OAEP-256","cty":"JWT","enc":"A256GCM","kid":"r1"})";
inline constexpr std::string_view kClaimsHeader = R"({"alg":"RSA-OAEP-256","cty":"json","enc":"A256GCM","kid":"r1"})";

inline std::chrono::system_clock::time_point at(std::int64_t seconds) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
}

class Nested : public testing::Test {
 protected:
  static std::string inner(std::string_view payload = kPayload) {
    return test::SigningKey::first().token(kInnerHeader, payload);
  }

  static std::string sealed(std::string_view header, std::string_view plaintext) {
    return test::EncryptionKey::first().seal(header, plaintext).compact();
  }

  [[nodiscard]] Result<Claims, VerifyError> verify(std::string_view token, std::int64_t now = 1'700'000'000) const {
    return verifier_.verify_nested(token, private_keys_, keys_, at(now));
  }

  // "ok" or the name of the refusal.
  [[nodiscard]] std::string verdict(std::string_view token, std::int64_t now = 1'700'000'000) const {
    const auto claims = verify(token, now);
    return claims ? "ok" : std::string(to_string(claims.error()));
  }

  KeySet keys_ =
      *KeySet::from_jwks(R"({"keys":[)" + test::SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")") + "]}");
  DecryptionKeys private_keys_ = *DecryptionKeys::from_pem(test::EncryptionKey::first().private_pem(), "r1");
  Verifier verifier_ =
      *Verifier::make({{Algorithm::kRs256}, Issuers{"i"}, Audiences{"a"}, jws::TypeRule::is("at+jwt")});
};

}  // namespace signer::jwt
