// SPDX-License-Identifier: Apache-2.0
//
// The worked examples of docs/encryption.md, which were made with Python's cryptography.  Lose these and whoever
// writes another implementation by that page writes a wrong one.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "jose/base64url.h"
#include "signer/decryption_keys.h"
#include "signer/jwt.h"
#include "tests/support/encryption_key.h"
#include "tests/vectors/jwe_vectors.h"

namespace signer {
namespace {

class EncryptionDocument : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(SOURCE_DIRECTORY "/docs/encryption.md");
    std::string token;
    for (std::string line; std::getline(file, line);) {
      text_ += line + "\n";
      if (line.starts_with("eyJ") || (!token.empty() && line != "```")) {
        token += line;
      } else if (!token.empty()) {
        tokens_.push_back(std::move(token));
        token.clear();
      }
    }
    ASSERT_EQ(tokens_.size(), 2U) << "a nested and a selective one";
  }

  // The issuer's key of RFC 7520 §6.1, for RS256 here.
  static KeySet issuer() {
    std::string jwks(vectors::kRfc7520Section6Jwks);
    const std::size_t at = jwks.find("PS256");
    return *KeySet::from_jwks(jwks.replace(at, 5, "RS256"));
  }

  std::string text_;
  std::vector<std::string> tokens_;
  DecryptionKeys reader_ = *DecryptionKeys::from_jwk(vectors::kRfc7516A1PrivateJwk);
  jwt::Verifier verifier_ = *jwt::Verifier::make({{Algorithm::kRs256},
                                                  jwt::Issuers{"https://idp.example"},
                                                  jwt::Audiences{"https://api.example"},
                                                  jws::TypeRule::is("at+jwt")});
  std::chrono::sys_seconds now_{std::chrono::seconds(1'700'000'000)};
};

TEST_F(EncryptionDocument, TheNestedTokenOpensToTheClaimsOfThePage) {
  const auto claims = verifier_.verify_nested(tokens_[0], reader_, issuer(), now_);
  ASSERT_TRUE(claims) << to_string(claims.error());
  EXPECT_EQ(claims->string("patient"), "p-17");
  EXPECT_NE(text_.find("`" + std::string(claims->payload_json()) + "`"), std::string::npos);
}

TEST_F(EncryptionDocument, TheBytesOfThePageAreThoseOfTheToken) {
  const test::JweParts parts = test::jwe_parts(tokens_[0]);
  EXPECT_NE(text_.find("`" + parts.header + "`, " + std::to_string(parts.header.size()) + " bytes"), std::string::npos);
  EXPECT_NE(text_.find("`" + jose::base64url_encode(parts.header) + "`"), std::string::npos);
  EXPECT_NE(text_.find(std::to_string(parts.ciphertext.size()) + " characters: the plaintext"), std::string::npos);
  std::ostringstream tag;
  for (const std::uint8_t byte : parts.tag) tag << std::hex << std::setw(2) << std::setfill('0') << int{byte};
  EXPECT_NE(text_.find("`" + tag.str() + "`"), std::string::npos) << tag.str();
  const Bytes content_key = *jose::base64url_decode(vectors::kRfc7516A1ContentKey);
  EXPECT_TRUE(test::gcm_open(content_key, parts, jose::base64url_encode(parts.header)));
  EXPECT_EQ(parts.iv, test::jwe_parts(vectors::kRfc7516A1Token).iv);
}

TEST_F(EncryptionDocument, TheSelectiveTokenOpensToTheSameClaims) {
  const auto claims = verifier_.verify(tokens_[1], issuer(), now_);
  ASSERT_TRUE(claims) << to_string(claims.error());
  EXPECT_EQ(claims->string("patient"), std::nullopt);
  const auto opened = jwt::open_encrypted_claims(*claims, reader_);
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_EQ(opened->payload_json(), verifier_.verify_nested(tokens_[0], reader_, issuer(), now_)->payload_json());
}

}  // namespace
}  // namespace signer
