// SPDX-License-Identifier: Apache-2.0
//
// The C interface.  Without these a binding could read freed memory, or take a refusal for a success.
#include "signer/verify.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/freer.h"
#include "signer/verify_error.h"
#include "tests/support/encryption_key.h"
#include "tests/support/signing_key.h"

namespace signer {
namespace {

using test::EncryptionKey;
using test::SigningKey;

using Keys = std::unique_ptr<signer_key_set, Freer<&::signer_key_set_free>>;
using Profile = std::unique_ptr<signer_profile, Freer<&::signer_profile_free>>;
using VerifierHandle = std::unique_ptr<signer_verifier, Freer<&::signer_verifier_free>>;
using PrivateKeys = std::unique_ptr<signer_decryption_keys, Freer<&::signer_decryption_keys_free>>;
using ClaimsHandle = std::unique_ptr<signer_claims, Freer<&::signer_claims_free>>;

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::string_view kHeader = R"({"alg":"RS256","kid":"a","typ":"at+jwt"})";
constexpr std::string_view kClaims = R"({"iss":"i","aud":"a","sub":"s","iat":1700000000,"exp":1700000060})";

struct Outcome {
  int status = -1;
  ClaimsHandle claims;
};

class VerifyC : public testing::Test {
 protected:
  Outcome verify(const std::string& token, std::int64_t now = kNow) {
    signer_claims* claims = nullptr;
    const int status = ::signer_verify(verifier_.get(), keys_.get(), token.data(), token.size(), now, &claims);
    return {status, ClaimsHandle(claims)};
  }

  std::string jwks_ = R"({"keys":[)" + SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")") + "]}";
  Keys keys_{::signer_key_set_from_jwks(jwks_.data(), jwks_.size(), nullptr, 0)};
  Profile profile_{::signer_profile_new("RS256", "i", "a", "at+jwt", nullptr, 0)};
  VerifierHandle verifier_{::signer_verifier_new(profile_.get(), nullptr, 0)};
};

TEST_F(VerifyC, GivesTheClaimsOfAGoodToken) {
  ASSERT_EQ(::signer_key_set_size(keys_.get()), 1U);
  const Outcome good = verify(SigningKey::first().token(kHeader, kClaims));
  ASSERT_EQ(good.status, SIGNER_VERIFY_OK);
  std::size_t size = 0;
  const char* json = ::signer_claims_json(good.claims.get(), &size);
  EXPECT_EQ(std::string_view(json, size), kClaims);
  const char* subject = ::signer_claims_text(good.claims.get(), "sub", &size);
  EXPECT_EQ(std::string_view(subject, size), "s");
  EXPECT_EQ(::signer_claims_text(good.claims.get(), "exp", &size), nullptr);
  EXPECT_EQ(::signer_claims_text(good.claims.get(), "none", &size), nullptr);
  EXPECT_EQ(::signer_claims_expires_at(good.claims.get()), kNow + 60);
}

TEST_F(VerifyC, RefusesWithItsNumberAndNoClaims) {
  const std::string good = SigningKey::first().token(kHeader, kClaims);
  const struct {
    std::string token;
    std::int64_t now;
    int status;
  } rows[] = {
      {good, kNow + 90, SIGNER_VERIFY_EXPIRED},
      {good, kNow - 31, SIGNER_VERIFY_NOT_YET_VALID},
      {good, -1, SIGNER_VERIFY_BAD_ARGUMENT},
      {good, INT64_MAX, SIGNER_VERIFY_BAD_ARGUMENT},
      {good, 9'223'372'036, SIGNER_VERIFY_EXPIRED},
      {good, 9'223'372'037, SIGNER_VERIFY_BAD_ARGUMENT},   // beyond the clock's nanoseconds
      {good, 20'146'744'103, SIGNER_VERIFY_BAD_ARGUMENT},  // which would wrap round to kNow + 30
      {"", kNow, SIGNER_VERIFY_MALFORMED},
      {std::string(20'000, 'x'), kNow, SIGNER_VERIFY_TOO_LARGE},
      {SigningKey::second().token(kHeader, kClaims), kNow, SIGNER_VERIFY_BAD_SIGNATURE},
      {SigningKey::first().token(R"({"alg":"RS256","kid":"b","typ":"at+jwt"})", kClaims), kNow,
       SIGNER_VERIFY_UNKNOWN_KEY},
  };
  for (const auto& [token, now, status] : rows) {
    const Outcome outcome = verify(token, now);
    EXPECT_EQ(outcome.status, status);
    EXPECT_EQ(outcome.claims, nullptr);
  }
}

TEST_F(VerifyC, EveryErrorHasItsNumberAndName) {
  int number = 1;
  for (const VerifyError error :
       {VerifyError::kTooLarge, VerifyError::kMalformed, VerifyError::kHeaderRefused, VerifyError::kWrongType,
        VerifyError::kWrongAlgorithm, VerifyError::kUnknownKey, VerifyError::kBadSignature,
        VerifyError::kPayloadRefused, VerifyError::kClaimInvalid, VerifyError::kClaimMissing, VerifyError::kWrongIssuer,
        VerifyError::kWrongAudience, VerifyError::kExpired, VerifyError::kNotYetValid, VerifyError::kLifetimeTooLong,
        VerifyError::kKeysUnavailable, VerifyError::kInternal}) {
    EXPECT_EQ(::signer_verify_status_name(number), to_string(error));
    EXPECT_EQ(::signer_verify_status_public_name(number), public_face(error));
    ++number;
  }
  EXPECT_EQ(number, SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_STREQ(::signer_verify_status_name(0), "ok");
  EXPECT_STREQ(::signer_verify_status_name(SIGNER_VERIFY_BAD_ARGUMENT), "bad_argument");
  EXPECT_EQ(::signer_verify_status_name(SIGNER_VERIFY_DECRYPT_FAILED), to_string(VerifyError::kDecryptFailed));
  EXPECT_EQ(::signer_verify_status_public_name(SIGNER_VERIFY_DECRYPT_FAILED), public_face(VerifyError::kDecryptFailed));
  EXPECT_STREQ(::signer_verify_status_public_name(SIGNER_VERIFY_BAD_ARGUMENT), "bad_argument");
  for (const int unknown : {-1, 20, 1000}) EXPECT_STREQ(::signer_verify_status_name(unknown), "unknown");
}

TEST_F(VerifyC, OpensNestedTokensAndEncryptedClaims) {
  const EncryptionKey& key = EncryptionKey::first();
  const std::string pem = key.private_pem();
  const std::string jwk = key.private_jwk(R"(,"kid":"r1")");
  const PrivateKeys of_pem(::signer_decryption_keys_from_pem(pem.data(), pem.size(), "r1", nullptr, 0));
  const PrivateKeys of_jwk(::signer_decryption_keys_from_jwk(jwk.data(), jwk.size(), nullptr, 0));
  ASSERT_TRUE(of_pem != nullptr && of_jwk != nullptr);
  const std::string claims =
      R"({"iss":"i","aud":"a","iat":1700000000,"exp":1700000060,"encrypted_claims":")" +
      key.seal(R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"json"})", R"({"mrn":"42"})").compact() + "\"}";
  const std::string token = key.seal(R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT","kid":"r1"})",
                                     SigningKey::first().token(kHeader, claims))
                                .compact();
  for (const PrivateKeys* keys : {&of_pem, &of_jwk}) {
    signer_claims* raw = nullptr;
    ASSERT_EQ(::signer_verify_nested(verifier_.get(), keys->get(), keys_.get(), token.data(), token.size(), kNow, &raw),
              SIGNER_VERIFY_OK);
    const ClaimsHandle outer(raw);
    std::size_t size = 0;
    EXPECT_EQ(std::string_view(::signer_claims_json(outer.get(), &size), claims.size()), claims);
    EXPECT_EQ(size, claims.size());
    ASSERT_EQ(::signer_open_encrypted_claims(outer.get(), keys->get(), &raw), SIGNER_VERIFY_OK);
    const ClaimsHandle opened(raw);
    EXPECT_EQ(std::string_view(::signer_claims_text(opened.get(), "mrn", &size), 2), "42");
    EXPECT_EQ(::signer_open_encrypted_claims(opened.get(), keys->get(), &raw), SIGNER_VERIFY_CLAIM_MISSING);
    EXPECT_EQ(raw, nullptr);
    EXPECT_EQ(
        ::signer_verify_nested(verifier_.get(), keys->get(), keys_.get(), token.data(), token.size() - 1, kNow, &raw),
        SIGNER_VERIFY_DECRYPT_FAILED);
    EXPECT_EQ(raw, nullptr);
  }
}

TEST_F(VerifyC, PrivateKeysSayWhyTheyAreNone) {
  char error[64] = "";
  EXPECT_EQ(::signer_decryption_keys_from_pem("x", 1, nullptr, error, sizeof error), nullptr);
  EXPECT_NE(std::string_view(error).find("PEM block"), std::string_view::npos) << error;
  EXPECT_EQ(::signer_decryption_keys_from_jwk("{}", 2, error, sizeof error), nullptr);
  EXPECT_NE(std::string_view(error).find("no key to decrypt with"), std::string_view::npos) << error;
  EXPECT_EQ(::signer_decryption_keys_from_pem(nullptr, 0, nullptr, error, sizeof error), nullptr);
  EXPECT_EQ(::signer_decryption_keys_from_jwk(nullptr, 0, error, sizeof error), nullptr);
  ::signer_decryption_keys_free(nullptr);
  signer_claims* claims = nullptr;
  EXPECT_EQ(::signer_verify_nested(verifier_.get(), nullptr, keys_.get(), "x", 1, kNow, &claims),
            SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_EQ(::signer_verify_nested(verifier_.get(), nullptr, keys_.get(), "x", 1, kNow, nullptr),
            SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_EQ(::signer_open_encrypted_claims(nullptr, nullptr, &claims), SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_EQ(::signer_open_encrypted_claims(nullptr, nullptr, nullptr), SIGNER_VERIFY_BAD_ARGUMENT);
}

TEST_F(VerifyC, NullIsNeverFollowed) {
  signer_claims* claims = nullptr;
  EXPECT_EQ(::signer_verify(nullptr, keys_.get(), "x", 1, kNow, &claims), SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_EQ(::signer_verify(verifier_.get(), nullptr, "x", 1, kNow, &claims), SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_EQ(::signer_verify(verifier_.get(), keys_.get(), nullptr, 1, kNow, &claims), SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_EQ(::signer_verify(verifier_.get(), keys_.get(), "x", 1, kNow, nullptr), SIGNER_VERIFY_BAD_ARGUMENT);
  EXPECT_EQ(::signer_key_set_from_jwks(nullptr, 1, nullptr, 0), nullptr);
  EXPECT_EQ(::signer_key_set_from_pem(nullptr, 1, "RS256", nullptr, nullptr, 0), nullptr);
  EXPECT_EQ(::signer_profile_new(nullptr, "i", "a", nullptr, nullptr, 0), nullptr);
  EXPECT_EQ(::signer_profile_new("RS256", nullptr, "a", nullptr, nullptr, 0), nullptr);
  EXPECT_EQ(::signer_profile_new("RS256", "i", nullptr, nullptr, nullptr, 0), nullptr);
  EXPECT_EQ(::signer_profile_add_issuer(nullptr, "i"), -1);
  EXPECT_EQ(::signer_profile_add_audience(profile_.get(), nullptr), -1);
  EXPECT_EQ(::signer_profile_add_algorithm(profile_.get(), "HS256"), -1);
  EXPECT_EQ(::signer_verifier_new(nullptr, nullptr, 0), nullptr);
  EXPECT_EQ(::signer_claims_json(nullptr, nullptr), nullptr);
  EXPECT_EQ(::signer_key_set_size(nullptr), 0U);
  ::signer_key_set_free(nullptr);
  ::signer_claims_free(nullptr);
}

TEST_F(VerifyC, ReasonsAreCutToFit) {
  for (const std::size_t size : {0UL, 1UL, 2UL, 10UL, 200UL}) {
    std::string error(size, '#');
    EXPECT_EQ(::signer_key_set_from_jwks("{}", 2, size == 0 ? nullptr : error.data(), size), nullptr);
    if (size == 0) continue;
    const std::size_t end = error.find('\0');
    ASSERT_NE(end, std::string::npos);
    if (size == 200) {
      EXPECT_NE(error.find("keys"), std::string::npos);
    }
  }
}

TEST_F(VerifyC, ProfilesCanAllowMore) {
  EXPECT_EQ(::signer_profile_add_issuer(profile_.get(), "i2"), 0);
  EXPECT_EQ(::signer_profile_add_audience(profile_.get(), "a2"), 0);
  EXPECT_EQ(::signer_profile_require_claim(profile_.get(), "jti"), 0);
  EXPECT_EQ(::signer_profile_add_algorithm(profile_.get(), "ES256"), 0);
  ::signer_profile_set_leeway(profile_.get(), 0);
  verifier_.reset(::signer_verifier_new(profile_.get(), nullptr, 0));
  const auto token = [](std::string_view claims) { return SigningKey::first().token(kHeader, claims); };
  const std::string_view other = R"({"iss":"i2","aud":"a2","jti":"j","iat":1700000000,"exp":1700000060})";
  EXPECT_EQ(verify(token(other)).status, SIGNER_VERIFY_OK);
  EXPECT_EQ(verify(token(other), kNow + 60).status, SIGNER_VERIFY_EXPIRED);
  EXPECT_EQ(verify(token(kClaims)).status, SIGNER_VERIFY_CLAIM_MISSING);
  ::signer_profile_set_leeway(profile_.get(), 301);
  EXPECT_EQ(::signer_verifier_new(profile_.get(), nullptr, 0), nullptr);
}

TEST_F(VerifyC, AKeyFromPemAnswersToItsThumbprintOrTheNameGiven) {
  const std::string pem = SigningKey::first().pem();
  const Keys named(::signer_key_set_from_pem(pem.data(), pem.size(), "RS256", "a", nullptr, 0));
  ASSERT_NE(named, nullptr);
  const std::string token = SigningKey::first().token(kHeader, kClaims);
  signer_claims* claims = nullptr;
  EXPECT_EQ(::signer_verify(verifier_.get(), named.get(), token.data(), token.size(), kNow, &claims), SIGNER_VERIFY_OK);
  ::signer_claims_free(claims);
  const Keys unnamed(::signer_key_set_from_pem(pem.data(), pem.size(), "RS256", nullptr, nullptr, 0));
  EXPECT_EQ(::signer_verify(verifier_.get(), unnamed.get(), token.data(), token.size(), kNow, &claims),
            SIGNER_VERIFY_UNKNOWN_KEY);
  std::string error(200, '\0');
  EXPECT_EQ(::signer_key_set_from_pem(pem.data(), pem.size(), "HS256", "a", error.data(), error.size()), nullptr);
  EXPECT_NE(error.find("no such algorithm"), std::string::npos);
}

}  // namespace
}  // namespace signer
