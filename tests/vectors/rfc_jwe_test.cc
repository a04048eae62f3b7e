// SPDX-License-Identifier: Apache-2.0
//
// The encrypted examples of the RFCs.  All use RSA-OAEP with SHA-1, which we refuse; what can be taken over is their
// AES-GCM layer, which the helper of our tests opens, and that helper and our code open each other's tokens
// (tests/unit/verify/nested_test.cc).

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "jose/base64url.h"
#include "jose/jwe.h"
#include "signer/decryption_keys.h"
#include "signer/jwt.h"
#include "tests/support/encryption_key.h"
#include "tests/vectors/jwe_vectors.h"

namespace signer {
namespace {

using test::SigningKey;

std::optional<std::string> opened_with(std::string_view content_key, std::string_view token) {
  return test::gcm_open(*jose::base64url_decode(content_key), test::jwe_parts(token), token.substr(0, token.find('.')));
}

class RfcJwe : public testing::Test {
 protected:
  // "ok" or the name of the refusal, by the private key of the example.
  std::string verdict(std::string_view token, std::string_view private_jwk) {
    const auto private_keys = DecryptionKeys::from_jwk(private_jwk);
    if (!private_keys) return private_keys.error().text;
    const auto claims =
        verifier_.verify_nested(token, *private_keys, keys_, std::chrono::sys_seconds(std::chrono::seconds(1'000)));
    return claims ? "ok" : std::string(to_string(claims.error()));
  }

  // A token of ours that must open with the example's key: the key is not what the refusals are about.
  static std::string nested_for(std::string_view private_jwk) {
    const std::string public_jwk = std::string(private_jwk.substr(0, private_jwk.find(",\"d\":"))) + "}";
    const auto recipient = jose::JweRecipient::from_jwk(public_jwk);
    if (!recipient) return recipient.error().text;
    const std::string inner = SigningKey::first().token(R"({"alg":"RS256","kid":"a","typ":"JWT"})",
                                                        R"({"iss":"i","aud":"a","iat":1000,"exp":1060})");
    return *jose::jwe_encrypt(*recipient, {.cty = jose::kNestedTokenContent, .typ = {}}, inner);
  }

  KeySet keys_ = *KeySet::from_jwks(R"({"keys":[)" + SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")") + "]}");
  jwt::Verifier verifier_ =
      *jwt::Verifier::make({{Algorithm::kRs256}, jwt::Issuers{"i"}, jwt::Audiences{"a"}, jws::TypeRule::is("JWT")});
};

TEST_F(RfcJwe, Rfc7516AppendixA1IsRefusedForItsAlgorithm) {
  EXPECT_EQ(opened_with(vectors::kRfc7516A1ContentKey, vectors::kRfc7516A1Token), vectors::kRfc7516A1Plaintext);
  EXPECT_EQ(verdict(vectors::kRfc7516A1Token, vectors::kRfc7516A1PrivateJwk), "decrypt_failed");
  EXPECT_EQ(verdict(nested_for(vectors::kRfc7516A1PrivateJwk), vectors::kRfc7516A1PrivateJwk), "ok");
}

TEST_F(RfcJwe, Rfc7520Section52IsRefusedForItsAlgorithm) {
  EXPECT_EQ(opened_with(vectors::kRfc7520Section52ContentKey, vectors::kRfc7520Section52Token),
            vectors::kRfc7520Section52Plaintext);
  EXPECT_EQ(verdict(vectors::kRfc7520Section52Token, vectors::kRfc7520Section52PrivateJwk), "decrypt_failed");
  EXPECT_EQ(verdict(nested_for(vectors::kRfc7520Section52PrivateJwk), vectors::kRfc7520Section52PrivateJwk), "ok");
}

TEST_F(RfcJwe, Rfc7520Section6IsRefusedForItsAlgorithmsAndItsInnerTokenIsGood) {
  EXPECT_EQ(opened_with(vectors::kRfc7520Section6ContentKey, vectors::kRfc7520Section6Token),
            vectors::kRfc7520Section6Inner);
  EXPECT_EQ(verdict(vectors::kRfc7520Section6Token, vectors::kRfc7520Section52PrivateJwk), "decrypt_failed");
  jws::Policy policy({Algorithm::kPs256}, jws::TypeRule::is("JWT"));
  policy.kid_may_be_absent = true;
  EXPECT_TRUE(jws::verify(vectors::kRfc7520Section6Inner, *KeySet::from_jwks(vectors::kRfc7520Section6Jwks), policy));
}

// The same texts with the header that we would take: the header is authenticated, so they still do not open.
TEST_F(RfcJwe, AnotherHeaderDoesNotSaveThem) {
  test::JweParts parts = test::jwe_parts(vectors::kRfc7516A1Token);
  parts.header = R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"})";
  EXPECT_EQ(verdict(parts.compact(), vectors::kRfc7516A1PrivateJwk), "decrypt_failed");
}

}  // namespace
}  // namespace signer
