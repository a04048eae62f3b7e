// SPDX-License-Identifier: Apache-2.0
//
// A recipient's private keys.  Lose these and a weak or wrong key opens tokens, or a program hangs at a password
// prompt.
#include "signer/decryption_keys.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/algorithm_key.h"
#include "tests/support/encryption_key.h"

namespace signer {
namespace {

using test::EncryptionKey;

constexpr std::string_view kMembers = R"(,"kid":"r1","use":"enc","alg":"RSA-OAEP-256")";

std::string refusal_of(const Result<DecryptionKeys>& keys) {
  return keys ? "taken" : keys.error().text;
}

std::string jwks_of(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
  return R"({"keys":[)" + text + "]}";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  test::require(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(DecryptionKeysOfPem, TakesBothBlocksThatOpensslWrites) {
  const EncryptionKey& key = EncryptionKey::first();
  for (const std::string& pem : {key.private_pem(), key.pkcs1_pem(), key.private_pem() + "\n\r\n"}) {
    const auto keys = DecryptionKeys::from_pem(pem, "r1");
    ASSERT_TRUE(keys) << keys.error().text;
    EXPECT_EQ(keys->size(), 1U);
    EXPECT_EQ(keys->kids(), std::vector<std::string>{"r1"});
  }
  EXPECT_TRUE(DecryptionKeys::from_pem(key.private_pem())->kids().empty());
}

// Without a terminal to ask, and with one: the standard input of this test must not be read.
TEST(DecryptionKeysOfPem, NeverAsksForAPassword) {
  const EncryptionKey& key = EncryptionKey::first();
  for (const std::string& pem : {key.private_pem("pass"), key.pkcs1_pem("pass")}) {
    EXPECT_NE(refusal_of(DecryptionKeys::from_pem(pem)).find("is encrypted"), std::string::npos);
  }
  // A block that hides it from the first look.
  std::string hidden = replaced(key.private_pem("pass"), "BEGIN ENCRYPTED", "BEGIN");
  hidden = replaced(hidden, "END ENCRYPTED", "END");
  EXPECT_NE(refusal_of(DecryptionKeys::from_pem(hidden)), "taken");
}

TEST(DecryptionKeysOfPem, RefusesWhatIsNotOnePrivateRsaKey) {
  const EncryptionKey& key = EncryptionKey::first();
  const std::string good = key.private_pem();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not one PEM block"},
      {"x" + good, "not one PEM block"},
      {good + "x", "not one PEM block"},
      {good + key.private_pem(), "not one PEM block"},
      {test::SigningKey::first().pem(), "not one PEM block"},
      {good.substr(0, good.size() / 2), "not one PEM block"},
      {std::string(20'000, '-'), "larger than"},
      {replaced(good, "MII", "AAA"), "PEM_read_bio_PrivateKey"},
      {EncryptionKey(1024).private_pem(), "2048"},
  };
  for (const auto& [pem, why] : cases) {
    const auto refused = DecryptionKeys::from_pem(pem);
    ASSERT_FALSE(refused) << why;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    EXPECT_NE(refused.error().text.find(why), std::string::npos) << refused.error().text;
  }
  EXPECT_NE(refusal_of(DecryptionKeys::from_pem(good, "two words")).find("kid is not"), std::string::npos);
}

TEST(DecryptionKeysOfJwk, TakesWhatMayDecrypt) {
  const EncryptionKey& key = EncryptionKey::first();
  for (const char* members : {"", R"(,"use":"enc")", R"(,"alg":"RSA-OAEP-256")", R"(,"key_ops":["decrypt"])",
                              R"(,"key_ops":["unwrapKey","decrypt"])", R"(,"x5t":"ignored")"}) {
    EXPECT_EQ(refusal_of(DecryptionKeys::from_jwk(key.private_jwk(members))), "taken") << members;
  }
  EXPECT_EQ(DecryptionKeys::from_jwk(key.private_jwk(kMembers))->kids(), std::vector<std::string>{"r1"});
}

TEST(DecryptionKeysOfJwk, LeavesOutWhatIsForSomethingElse) {
  const EncryptionKey& key = EncryptionKey::first();
  for (const char* members :
       {R"(,"use":"sig")", R"(,"alg":"RSA-OAEP")", R"(,"alg":"RS256")", R"(,"key_ops":["encrypt"])", R"(,"key_ops":[])",
        R"(,"key_ops":"decrypt")", R"(,"key_ops":["decrypt","decrypt"])", R"(,"use":7)"}) {
    EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(key.private_jwk(members))).find("no key to decrypt with"),
              std::string::npos)
        << members;
    const auto both = DecryptionKeys::from_jwk(
        jwks_of({key.private_jwk(members), EncryptionKey::second().private_jwk(R"(,"kid":"b")")}));
    ASSERT_TRUE(both) << members << both.error().text;
    EXPECT_EQ(both->kids(), std::vector<std::string>{"b"}) << members;
  }
}

TEST(DecryptionKeysOfJwk, WantsEachNumberExactlyAndThatTheyBelongTogether) {
  const EncryptionKey& key = EncryptionKey::first();
  const std::string good = key.private_jwk(kMembers);
  for (const std::string name : {"n", "e", "d", "p", "q", "dp", "dq", "qi"}) {
    const std::string member = "\"" + name + "\":\"";
    EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(replaced(good, member, "\"x" + name + "\":\""))), "taken") << name;
    EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(replaced(good, member, member + "="))), "taken") << name;
    EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(replaced(good, member, member + "AAAA"))), "taken") << name;
    EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(replaced(good, member, "\"" + name + "\":7,\"y\":\""))), "taken")
        << name;
  }
  // The public half of one key and the private half of another.
  const std::string other = EncryptionKey::second().private_jwk(kMembers);
  const std::string mixed = good.substr(0, good.find(R"("d":)")) + other.substr(other.find(R"("d":)"));
  EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(mixed)).find("EVP_PKEY_check"), std::string::npos);
  EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(key.private_jwk(R"(,"oth":[])"))).find("two primes"),
            std::string::npos);
  EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(key.jwk(""))).find("no text member d"), std::string::npos);
  EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(EncryptionKey(1024).private_jwk(""))), "taken");
}

TEST(DecryptionKeysOfJwk, RefusesWhatIsNoStrictJson) {
  const std::string good = EncryptionKey::first().private_jwk(kMembers);
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), good + "x", "\xEF\xBB\xBF" + good,
        replaced(good, "{", R"({"kty":"RSA",)"), std::string(R"({"keys":{}})"), std::string(R"({"keys":[]})"),
        std::string(R"({"keys":[7]})"), std::string(200'000, ' ')}) {
    EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(text)), "taken") << text;
  }
}

TEST(DecryptionKeysOfJwk, NoRefusalRepeatsAPrivateNumber) {
  const std::string good = EncryptionKey::first().private_jwk(kMembers);
  const std::size_t d = good.find(R"("d":")") + 5;
  const std::string secret = good.substr(d, 342);
  std::string damaged = good;
  damaged[d + 5] = damaged[d + 5] == 'A' ? 'B' : 'A';
  const std::string text = refusal_of(DecryptionKeys::from_jwk(damaged));
  ASSERT_NE(text, "taken");
  for (std::size_t at = 0; at + 6 <= secret.size(); ++at) {
    EXPECT_EQ(text.find(secret.substr(at, 6)), std::string::npos);
  }
}

TEST(DecryptionKeysTogether, NeedAKidEach) {
  const auto one = DecryptionKeys::from_pem(EncryptionKey::first().private_pem(), "one");
  const auto two = DecryptionKeys::from_jwk(EncryptionKey::second().private_jwk(R"(,"kid":"two")"));
  const auto nameless = DecryptionKeys::from_pem(EncryptionKey::second().private_pem());
  ASSERT_TRUE(one && two && nameless);
  EXPECT_EQ(one->with(*two)->kids(), (std::vector<std::string>{"one", "two"}));
  EXPECT_NE(refusal_of(one->with(*one)).find("two keys with one kid"), std::string::npos);
  EXPECT_NE(refusal_of(one->with(*nameless)).find("without a kid"), std::string::npos);
  const std::string first = EncryptionKey::first().private_jwk("");
  const std::string second = EncryptionKey::second().private_jwk(R"(,"kid":"two")");
  EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(jwks_of({first, second}))).find("without a kid"), std::string::npos);
  EXPECT_EQ(refusal_of(DecryptionKeys::from_jwk(jwks_of({first}))), "taken");
}

TEST(DecryptionKeysTogether, AreSixteenAtMost) {
  auto keys = DecryptionKeys::from_pem(EncryptionKey::first().private_pem(), "0");
  for (std::size_t i = 1; i < DecryptionKeys::kKeysMax; ++i) {
    keys = keys->with(*DecryptionKeys::from_pem(EncryptionKey::first().private_pem(), std::to_string(i)));
    ASSERT_TRUE(keys) << i;
  }
  const auto one = DecryptionKeys::from_pem(EncryptionKey::first().private_pem(), "last");
  EXPECT_NE(refusal_of(keys->with(*one)).find("more than 16"), std::string::npos);
  std::vector<std::string> jwks;
  for (std::size_t i = 0; i <= DecryptionKeys::kKeysMax; ++i) {
    jwks.push_back(EncryptionKey::first().private_jwk(R"(,"kid":")" + std::to_string(i) + "\""));
  }
  EXPECT_NE(refusal_of(DecryptionKeys::from_jwk(jwks_of(jwks))).find("more than 16"), std::string::npos);
}

}  // namespace
}  // namespace signer
