// SPDX-License-Identifier: Apache-2.0
//
// Encrypted tokens between us and two others: jwcrypto (Python, OpenSSL's mathematics) and Crypt::JWT (Perl,
// LibTomCrypt's).  Lose these and only we can read what we encrypt.
#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "jose/jwe.h"
#include "signer/decryption_keys.h"
#include "signer/encrypted_claims.h"
#include "signer/jwt.h"
#include "tests/support/encryption_key.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

namespace signer {
namespace {

using test::EncryptionKey;

constexpr std::string_view kPayload =
    R"({"aud":"a","exp":1700000060,"iat":1700000000,"iss":"i","mrn":"4711","name":"Zo\u00eb","sub":"s"})";
constexpr std::string_view kIssuerMembers = R"(,"kid":"issuer","use":"sig","alg":"RS256")";
constexpr std::string_view kRecipientMembers = R"(,"kid":"recipient","use":"enc","alg":"RSA-OAEP-256")";

class JweInterop : public testing::TestWithParam<std::vector<std::string>> {
 protected:
  using Texts = std::vector<std::string>;

  // The other side's answer to each text.
  Texts peer(std::vector<std::string> arguments, const Texts& texts) {
    std::vector<std::string> command = GetParam();
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::string input;
    for (const std::string& text : texts) input += text + "\n";
    const test::Finished ran = test::run(command, input);
    EXPECT_EQ(ran.status, 0) << ran.err;
    Texts answers;
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) answers.push_back(line);
    EXPECT_EQ(answers.size(), texts.size()) << ran.err;
    answers.resize(texts.size());
    return answers;
  }

  [[nodiscard]] Result<jwt::Claims, VerifyError> verify(const std::string& token) const {
    return verifier_.verify_nested(token, private_keys_, keys_, now_);
  }

  [[nodiscard]] std::string encrypted(std::string_view plaintext, std::string_view cty) const {
    return *jose::jwe_encrypt(recipient_, {.cty = cty, .typ = {}}, plaintext);
  }

  // Texts of one line: what JWTs and JSON are.  None of one byte: Crypt::JWT takes a ciphertext that is the digit 0, as
  // one in 256 is, for an absent one.
  static Texts texts_of_each_size() {
    std::mt19937 random(test::seed());
    Texts texts;
    for (const std::size_t size : {2U, 3U, 15U, 16U, 17U, 31U, 32U, 33U, 255U, 1000U, 16384U}) {
      std::string text(size, ' ');
      for (char& c : text) c = static_cast<char>('!' + random() % 94);
      texts.push_back(text);
    }
    return texts;
  }

  const EncryptionKey& issuer_ = EncryptionKey::first();
  const EncryptionKey& reader_ = EncryptionKey::second();
  test::TemporaryDirectory directory_;
  std::string issuer_private_ = directory_.file("issuer", issuer_.private_jwk(kIssuerMembers));
  std::string issuer_public_ = directory_.file("issuer-public", issuer_.jwk(kIssuerMembers));
  std::string reader_private_ = directory_.file("reader", reader_.private_jwk(kRecipientMembers));
  std::string reader_public_ = directory_.file("reader-public", reader_.jwk(kRecipientMembers));
  KeySet keys_ = *KeySet::from_jwks(R"({"keys":[)" + issuer_.jwk(kIssuerMembers) + "]}");
  DecryptionKeys private_keys_ = *DecryptionKeys::from_jwk(reader_.private_jwk(kRecipientMembers));
  jose::JweRecipient recipient_ = *jose::JweRecipient::from_jwk(reader_.jwk(kRecipientMembers));
  jwt::Verifier verifier_ =
      *jwt::Verifier::make({{Algorithm::kRs256}, jwt::Issuers{"i"}, jwt::Audiences{"a"}, jws::TypeRule::is("at+jwt")});
  std::chrono::sys_seconds now_{std::chrono::seconds(1'700'000'000)};
};

TEST_P(JweInterop, WeVerifyTheNestedTokensOfTheOther) {
  const std::string inner = peer({"sign", issuer_private_}, {std::string(kPayload)})[0];
  const std::string token = peer({"encrypt", reader_public_, "JWT"}, {inner})[0];
  const auto claims = verify(token);
  ASSERT_TRUE(claims) << to_string(claims.error());
  EXPECT_EQ(claims->payload_json(), kPayload);
  std::string spoiled = token;
  spoiled[spoiled.size() - 4] = spoiled[spoiled.size() - 4] == 'A' ? 'B' : 'A';
  EXPECT_EQ(verify(spoiled).error(), VerifyError::kDecryptFailed);
}

TEST_P(JweInterop, TheOtherVerifiesOurNestedTokens) {
  const std::string inner = peer({"sign", issuer_private_}, {std::string(kPayload)})[0];
  const std::string token = encrypted(inner, jose::kNestedTokenContent);
  std::string spoiled = token;
  spoiled[spoiled.size() - 4] = spoiled[spoiled.size() - 4] == 'A' ? 'B' : 'A';
  const Texts opened = peer({"decrypt", reader_private_}, {token, spoiled});
  EXPECT_EQ(opened[0], inner);
  EXPECT_EQ(opened[1], "refused");
  EXPECT_EQ(peer({"verify", issuer_public_}, {opened[0]})[0], kPayload);
}

TEST_P(JweInterop, TheOtherReadsWhateverWeEncrypt) {
  const Texts texts = texts_of_each_size();
  Texts tokens;
  for (const std::string& text : texts) tokens.push_back(encrypted(text, jose::kClaimsContent));
  EXPECT_EQ(peer({"decrypt", reader_private_}, tokens), texts) << "seed " << test::seed();
}

TEST_P(JweInterop, WeOpenTheEncryptedClaimsOfTheOther) {
  Texts values = texts_of_each_size();
  values.pop_back();  // the payload must fit into a token
  Texts objects;
  for (const std::string& value : values) objects.push_back(jose::dump_json({{"v", value}}));
  const Texts sealed = peer({"encrypt", reader_public_, "json"}, objects);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string payload = R"({"iss":"i","aud":"a","iat":1700000000,"exp":1700000060,")" +
                                std::string(kEncryptedClaims) + "\":\"" + sealed[i] + "\"}";
    const auto keys =
        KeySet::from_jwks(R"({"keys":[)" + test::SigningKey::first().jwk(R"(,"alg":"RS256","kid":"own")") + "]}");
    const auto claims = verifier_.verify(
        test::SigningKey::first().token(R"({"alg":"RS256","kid":"own","typ":"at+jwt"})", payload), *keys, now_);
    ASSERT_TRUE(claims) << to_string(claims.error());
    const auto opened = jwt::open_encrypted_claims(*claims, private_keys_);
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ(opened->string("v"), values[i]) << "seed " << test::seed();
  }
}

TEST_P(JweInterop, WeRefuseItsOtherAlgorithms) {
  const std::string inner = peer({"sign", issuer_private_}, {std::string(kPayload)})[0];
  const std::string any_use = directory_.file("any-use", reader_.jwk(""));
  const std::string token = peer({"encrypt", any_use, "JWT", "RSA-OAEP"}, {inner})[0];
  ASSERT_NE(token, "refused");
  EXPECT_EQ(verify(token).error(), VerifyError::kDecryptFailed);
}

INSTANTIATE_TEST_SUITE_P(Jwcrypto, JweInterop,
                         testing::Values(std::vector<std::string>{"/usr/bin/python3", JWE_PEER ".py"}));
INSTANTIATE_TEST_SUITE_P(CryptJwt, JweInterop,
                         testing::Values(std::vector<std::string>{"/usr/bin/perl", JWE_PEER ".pl"}));

}  // namespace
}  // namespace signer
