// SPDX-License-Identifier: Apache-2.0
//
// Encryption to a recipient.  Lose these and health data is readable by others than its recipient, or by nobody.
#include "jose/jwe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "jose/base64url.h"
#include "jose/json.h"
#include "tests/support/encryption_key.h"

namespace signer::jose {
namespace {

using test::EncryptionKey;
using test::JweParts;

JweRecipient recipient(std::string_view members = R"(,"kid":"r1","use":"enc","alg":"RSA-OAEP-256")") {
  return *JweRecipient::from_jwk(EncryptionKey::first().jwk(members));
}

std::string refusal(const Result<JweRecipient>& result) {
  return result ? "taken" : result.error().text;
}

std::string set_of(std::initializer_list<std::string> keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
  return R"({"keys":[)" + text + "]}";
}

TEST(JweEncrypt, OnlyTheRecipientReadsIt) {
  const auto jwe = jwe_encrypt(recipient(), {.cty = kNestedTokenContent, .typ = {}}, "the plaintext");
  ASSERT_TRUE(jwe) << jwe.error().text;
  EXPECT_EQ(EncryptionKey::first().open(*jwe), "the plaintext");
  EXPECT_EQ(EncryptionKey::second().open(*jwe), std::nullopt);
}

TEST(JweEncrypt, HasExactlyThisHeaderAndTheseSizes) {
  const auto jwe = jwe_encrypt(recipient(), {.cty = "JWT", .typ = {}}, "0123456789");
  ASSERT_TRUE(jwe);
  const JweParts parts = test::jwe_parts(*jwe);
  EXPECT_EQ(parts.header, R"({"alg":"RSA-OAEP-256","cty":"JWT","enc":"A256GCM","kid":"r1"})");
  EXPECT_EQ(parts.encrypted_key.size(), 256U);
  EXPECT_EQ(parts.iv.size(), 12U);
  EXPECT_EQ(parts.ciphertext.size(), 10U);
  EXPECT_EQ(parts.tag.size(), 16U);
  EXPECT_EQ(EncryptionKey::first().unwrap(parts.encrypted_key).size(), 32U);
}

TEST(JweEncrypt, LeavesOutWhatNobodyGave) {
  const auto bare = jwe_encrypt(recipient(""), {}, "x");
  const auto full = jwe_encrypt(recipient(), {.cty = "json", .typ = "a\"b"}, "x");
  ASSERT_TRUE(bare && full);
  EXPECT_EQ(test::jwe_parts(*bare).header, R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})");
  EXPECT_EQ(test::jwe_parts(*full).header,
            R"({"alg":"RSA-OAEP-256","cty":"json","enc":"A256GCM","kid":"r1","typ":"a\"b"})");
}

TEST(JweEncrypt, TheHeaderIsAuthenticated) {
  const auto jwe = jwe_encrypt(recipient(), {.cty = "JWT", .typ = {}}, "text");
  ASSERT_TRUE(jwe);
  JweParts parts = test::jwe_parts(*jwe);
  const Bytes key = EncryptionKey::first().unwrap(parts.encrypted_key);
  EXPECT_EQ(test::gcm_open(key, parts, base64url_encode(parts.header)), "text");
  parts.header[parts.header.find("JWT")] = 'j';
  EXPECT_EQ(test::gcm_open(key, parts, base64url_encode(parts.header)), std::nullopt);
}

// A content encryption key or an initialisation vector that comes twice would undo AES-GCM.
TEST(JweEncrypt, NothingRandomComesTwice) {
  const JweRecipient to = recipient();
  std::set<Bytes> content_keys;
  std::set<Bytes> vectors;
  std::set<Bytes> ciphertexts;
  constexpr std::size_t kTimes = 64;
  for (std::size_t i = 0; i < kTimes; ++i) {
    const auto jwe = jwe_encrypt(to, {}, "the same text each time");
    ASSERT_TRUE(jwe);
    const JweParts parts = test::jwe_parts(*jwe);
    content_keys.insert(EncryptionKey::first().unwrap(parts.encrypted_key));
    vectors.insert(parts.iv);
    ciphertexts.insert(parts.ciphertext);
  }
  EXPECT_EQ(content_keys.size(), kTimes);
  EXPECT_EQ(vectors.size(), kTimes);
  EXPECT_EQ(ciphertexts.size(), kTimes);
}

TEST(JweEncrypt, TakesTextsUpToTheLimitAndNoLonger) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{17}, kJwePlaintextBytesMax}) {
    const std::string text(size, 'x');
    const auto jwe = jwe_encrypt(recipient(), {}, text);
    ASSERT_TRUE(jwe) << size;
    EXPECT_EQ(EncryptionKey::first().open(*jwe), text) << size;
  }
  const std::string secret = std::string(kJwePlaintextBytesMax, 'x') + "y";
  const auto refused = jwe_encrypt(recipient(), {}, secret);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(refused.error().text.find("xxx"), std::string::npos);
}

TEST(JweEncrypt, WorksForEachSizeOfKey) {
  for (const unsigned bits : {2048U, 3072U, 4096U}) {
    const EncryptionKey key(bits);
    const auto to = JweRecipient::from_jwk(key.jwk(""));
    ASSERT_TRUE(to) << to.error().text;
    const auto jwe = jwe_encrypt(*to, {}, "text");
    ASSERT_TRUE(jwe);
    EXPECT_EQ(key.open(*jwe), "text") << bits;
  }
}

// An OpenSSL without its ciphers stands for one that fails: nothing may come out then, least of all the plaintext.
TEST(JweEncrypt, GivesNothingIfOpensslFails) {
  const JweRecipient to = recipient();
  ASSERT_EQ(::EVP_set_default_properties(nullptr, "provider=none"), 1);
  const auto failed = jwe_encrypt(to, {}, "the plaintext");
  ASSERT_EQ(::EVP_set_default_properties(nullptr, ""), 1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kInternal);
  EXPECT_EQ(failed.error().text.find("plaintext"), std::string::npos) << failed.error().text;
  EXPECT_TRUE(jwe_encrypt(to, {}, "the plaintext")) << "and the next one is good again";
}

TEST(JweRecipientOfJwk, SaysWhichKeyItIs) {
  EXPECT_EQ(recipient().kid(), "r1");
  EXPECT_EQ(recipient("").kid(), std::nullopt);
  EXPECT_EQ(recipient().thumbprint(), recipient("").thumbprint());
  EXPECT_NE(recipient().thumbprint(), JweRecipient::from_jwk(EncryptionKey::second().jwk(""))->thumbprint());
}

TEST(JweRecipientOfJwk, TakesWhatMayEncrypt) {
  for (const char* members :
       {"", R"(,"use":"enc")", R"(,"alg":"RSA-OAEP-256")", R"(,"key_ops":["wrapKey"])", R"(,"key_ops":["encrypt"])",
        R"(,"key_ops":["encrypt","wrapKey"],"use":"enc")", R"(,"x5t":"ignored")"}) {
    EXPECT_EQ(refusal(JweRecipient::from_jwk(EncryptionKey::first().jwk(members))), "taken") << members;
  }
}

TEST(JweRecipientOfJwk, RefusesWhatIsForSomethingElse) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"(,"use":"sig")", "use is not"},
      {R"(,"use":"")", "use is not"},
      {R"(,"use":7)", "use is not"},
      {R"(,"alg":"RSA-OAEP")", "alg is not"},
      {R"(,"alg":"RSA1_5")", "alg is not"},
      {R"(,"alg":"RS256")", "alg is not"},
      {R"(,"alg":"rsa-oaep-256")", "alg is not"},
      {R"(,"alg":null)", "alg is not"},
      {R"(,"key_ops":[])", "key_ops allows"},
      {R"(,"key_ops":["decrypt"])", "key_ops allows"},
      {R"(,"key_ops":["verify"])", "key_ops allows"},
      {R"(,"key_ops":["encrypt","encrypt"])", "key_ops allows"},
      {R"(,"key_ops":"encrypt")", "key_ops allows"},
      {R"(,"key_ops":["encrypt",1])", "key_ops allows"},
      {R"(,"kid":"")", "kid is not"},
      {R"(,"kid":7)", "kid is not"},
      {R"(,"kid":"two words")", "kid is not"}};
  for (const auto& [members, why] : cases) {
    const auto refused = JweRecipient::from_jwk(EncryptionKey::first().jwk(members));
    ASSERT_FALSE(refused) << members;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    EXPECT_NE(refused.error().text.find(why), std::string::npos) << members << ": " << refused.error().text;
  }
}

// A private key in the daemon's configuration would make signerd able to read what it encrypts.
TEST(JweRecipientOfJwk, RefusesSecretsAndDoesNotRepeatThem) {
  const std::string secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}) {
    const auto refused =
        JweRecipient::from_jwk(EncryptionKey::first().jwk(",\"" + std::string(name) + "\":\"" + secret + "\""));
    ASSERT_FALSE(refused) << name;
    EXPECT_NE(refused.error().text.find("private members"), std::string::npos) << name;
    EXPECT_EQ(refused.error().text.find(secret.substr(0, 6)), std::string::npos) << name;
  }
  EXPECT_NE(refusal(JweRecipient::from_jwk(R"({"kty":"oct","k":"AAAA"})")).find("symmetric"), std::string::npos);
}

TEST(JweRecipientOfJwk, RefusesKeysThatAreNoneOrWeak) {
  EXPECT_NE(refusal(JweRecipient::from_jwk(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})")).find("kty is not RSA"),
            std::string::npos);
  EXPECT_NE(refusal(JweRecipient::from_jwk(EncryptionKey(1024).jwk(""))).find("2048"), std::string::npos);
  EXPECT_NE(refusal(JweRecipient::from_jwk(set_of({EncryptionKey::first().jwk("")}))).find("JWK Set"),
            std::string::npos);
  const std::string good = EncryptionKey::first().jwk("");
  const std::size_t n = good.find(R"("n":")") + 5;
  std::string even = good;
  even[even.find('"', n) - 1] = 'g';  // 256 bytes end in a character that holds their two last bits: now 10
  const std::string exponent_three = good.substr(0, good.find("AQAB")) + "Aw\"}";
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[]"), std::string("null"), std::string(R"({"kty":"RSA"})"),
        std::string(R"({"kty":7})"), good + "x", "\xEF\xBB\xBF" + good, exponent_three, even,
        good.substr(0, good.size() - 1) + R"(,"kty":"RSA"})"}) {
    EXPECT_NE(refusal(JweRecipient::from_jwk(text)), "taken") << text;
  }
  EXPECT_EQ(refusal(JweRecipient::from_jwk(good)), "taken");
}

TEST(JweRecipientOfSet, IsTheOneThatFits) {
  const std::string encrypts = EncryptionKey::first().jwk(R"(,"kid":"e","use":"enc")");
  const std::string signs = EncryptionKey::second().jwk(R"(,"kid":"s","use":"sig")");
  const std::string curve = R"({"kty":"EC","crv":"P-256","use":"enc","x":"AA","y":"AA"})";
  const auto found = JweRecipient::from_jwks(set_of({signs, encrypts, curve}), std::nullopt);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->kid(), "e");
  EXPECT_NE(refusal(JweRecipient::from_jwks(set_of({signs, curve}), std::nullopt)).find("no key of the set fits"),
            std::string::npos);
  EXPECT_NE(refusal(JweRecipient::from_jwks(set_of({}), std::nullopt)).find("no key of the set fits"),
            std::string::npos);
}

TEST(JweRecipientOfSet, IsTheOneThatIsNamed) {
  const std::string old_key = EncryptionKey::first().jwk(R"(,"kid":"old")");
  const std::string new_key = EncryptionKey::second().jwk(R"(,"kid":"new")");
  const std::string set = set_of({old_key, new_key});
  EXPECT_NE(refusal(JweRecipient::from_jwks(set, std::nullopt)).find("name one by its kid"), std::string::npos);
  const auto named = JweRecipient::from_jwks(set, "new");
  ASSERT_TRUE(named) << named.error().text;
  const auto jwe = jwe_encrypt(*named, {}, "for the new one");
  ASSERT_TRUE(jwe);
  EXPECT_EQ(EncryptionKey::second().open(*jwe), "for the new one");
  EXPECT_NE(refusal(JweRecipient::from_jwks(set, "other")).find("no key of the set has that kid"), std::string::npos);
  EXPECT_NE(refusal(JweRecipient::from_jwks(set_of({old_key, old_key}), "old")).find("two keys"), std::string::npos);
  const std::string signs = EncryptionKey::second().jwk(R"(,"kid":"s","use":"sig")");
  EXPECT_NE(refusal(JweRecipient::from_jwks(set_of({old_key, signs}), "s")).find("use is not"), std::string::npos);
}

TEST(JweRecipientOfSet, OneSecretSpoilsTheSet) {
  const std::string good = EncryptionKey::first().jwk(R"(,"kid":"e")");
  const std::string secret = EncryptionKey::second().private_jwk(R"(,"kid":"p","use":"sig")");
  EXPECT_NE(refusal(JweRecipient::from_jwks(set_of({good, secret}), "e")).find("private members"), std::string::npos);
  EXPECT_NE(refusal(JweRecipient::from_jwks(set_of({R"({"kty":"oct","k":"AAAA"})", good}), "e")).find("symmetric"),
            std::string::npos);
  for (const char* text : {"", "{}", R"({"keys":{}})", R"({"keys":[7]})", R"({"keys":[{}]})"}) {
    EXPECT_NE(refusal(JweRecipient::from_jwks(text, std::nullopt)), "taken") << text;
  }
}

}  // namespace
}  // namespace signer::jose
