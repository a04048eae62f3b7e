// SPDX-License-Identifier: Apache-2.0
//
// Nested tokens.  Lose these and a token that anybody could have made passes for the issuer's, or
// an answer tells a stranger how to open what is not theirs.

#include <map>
#include <random>
#include <string>
#include <vector>

#include "jose/jwe.h"
#include "tests/support/seed.h"
#include "tests/unit/verify/nested.h"

namespace signer::jwt {
namespace {

using test::EncryptionKey;
using test::JweParts;
using test::SigningKey;
using test::Wrapping;

TEST_F(Nested, GivesTheClaimsOfATokenThatIsGoodInBothLayers) {
  const auto claims = verify(sealed(kOuterHeader, inner()));
  ASSERT_TRUE(claims) << to_string(claims.error());
  EXPECT_EQ(claims->payload_json(), kPayload);
  EXPECT_EQ(claims->string("mrn"), "42");
  EXPECT_EQ(claims->kid(), "a");
}

TEST_F(Nested, OpensWhatOurProducerMakes) {
  const auto recipient = jose::JweRecipient::from_jwk(EncryptionKey::first().jwk(R"(,"kid":"r1","use":"enc")"));
  ASSERT_TRUE(recipient);
  const auto token = jose::jwe_encrypt(*recipient, {.cty = jose::kNestedTokenContent, .typ = {}}, inner());
  ASSERT_TRUE(token);
  EXPECT_EQ(verdict(*token), "ok");
  const auto other = jose::JweRecipient::from_jwk(EncryptionKey::second().jwk(R"(,"kid":"r1")"));
  EXPECT_EQ(verdict(*jose::jwe_encrypt(*other, {.cty = jose::kNestedTokenContent, .typ = {}}, inner())),
            "decrypt_failed");
}

TEST_F(Nested, NeitherCallTakesWhatIsForTheOther) {
  const std::string nested = sealed(kOuterHeader, inner());
  EXPECT_EQ(verifier_.verify(nested, keys_, at(1'700'000'000)).error(), VerifyError::kMalformed);
  EXPECT_EQ(verdict(inner()), "decrypt_failed");
}

TEST_F(Nested, HeadersThatMayBeThere) {
  for (const char* header : {
           R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"})",
           R"({"enc":"A256GCM","cty":"jwt","alg":"RSA-OAEP-256","typ":"JWT","kid":"r1"})",
           R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"application/jwt","iss":"i","sub":"s","aud":"a"})",
           R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT","aud":["a"]})",
       }) {
    EXPECT_EQ(verdict(sealed(header, inner())), "ok") << header;
  }
}

TEST_F(Nested, OtherHeadersAreOneRefusal) {
  const std::string base = R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT")";
  std::vector<std::string> headers = {
      R"({"enc":"A256GCM","cty":"JWT"})",
      R"({"alg":"RSA-OAEP-256","cty":"JWT"})",
      R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})",
      R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"json"})",
      R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":""})",
      R"({"alg":["RSA-OAEP-256"],"enc":"A256GCM","cty":"JWT"})",
      R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"}x)",
      R"(["alg","RSA-OAEP-256"])",
      "",
      "\xEF\xBB\xBF" + base + "}",
      R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT","pad":")" + std::string(2048, 'x') + "\"}"};
  for (const char* alg : {"RSA1_5", "RSA-OAEP", "RSA-OAEP-384", "rsa-oaep-256", "dir", "A256KW", "ECDH-ES",
                          "ECDH-ES+A256KW", "PBES2-HS256+A128KW", "none", ""}) {
    headers.push_back(R"({"alg":")" + std::string(alg) + R"(","enc":"A256GCM","cty":"JWT"})");
  }
  for (const char* enc : {"A128GCM", "A192GCM", "A128CBC-HS256", "A256CBC-HS512", "a256gcm", "none", ""}) {
    headers.push_back(R"({"alg":"RSA-OAEP-256","enc":")" + std::string(enc) + R"(","cty":"JWT"})");
  }
  for (
      const char* member :
      {R"("zip":"DEF")",     R"("zip":"")",          R"("crit":["exp"])", R"("crit":[])",     R"("alg":"RSA-OAEP-256")",
       R"("cty":"JWT")",     R"("jku":"https://x")", R"("jwk":{})",       R"("x5c":[])",      R"("epk":{})",
       R"("p2c":1)",         R"("apu":"x")",         R"("b64":false)",    R"("unknown":"x")", R"("typ":"at+jwt")",
       R"("typ":"")",        R"("typ":7)",           R"("kid":"")",       R"("kid":7)",       R"("kid":"two words")",
       R"("kid":"r2")",      R"("aud":7)",           R"("aud":[7])",      R"("iss":7)",       R"("iss":null)",
       R"("exp":1700000060)"}) {
    headers.push_back(base + "," + member + "}");
  }
  for (const std::string& header : headers) EXPECT_EQ(verdict(sealed(header, inner())), "decrypt_failed") << header;
}

// RFC 7519 §5.3.
TEST_F(Nested, WhatTheHeaderRepeatsMustBeWhatWasSigned) {
  const std::string base = R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT",)";
  for (const char* member :
       {R"("iss":"other")", R"("iss":"")", R"("sub":"other")", R"("sub":"")", R"("aud":"other")", R"("aud":["a","b"])",
        R"("aud":[])", R"("aud":["other"])", R"("iss":"i","sub":"s","aud":"b")"}) {
    EXPECT_EQ(verdict(sealed(base + member + "}", inner())), "decrypt_failed") << member;
  }
  const std::string no_subject = inner(R"({"iss":"i","aud":"a","iat":1700000000,"exp":1700000060})");
  EXPECT_EQ(verdict(sealed(base + R"("sub":"s"})", no_subject)), "decrypt_failed");
  EXPECT_EQ(verdict(sealed(kOuterHeader, no_subject)), "ok");
}

TEST_F(Nested, OtherWaysToWrapTheKeyAreOneRefusal) {
  const EncryptionKey& key = EncryptionKey::first();
  for (const Wrapping wrapping :
       {Wrapping::kOaepSha1, Wrapping::kOaepMgfSha1, Wrapping::kOaepLabelled, Wrapping::kPkcs1}) {
    EXPECT_EQ(verdict(key.seal(kOuterHeader, inner(), wrapping).compact()), "decrypt_failed");
  }
  for (const std::size_t size : {0U, 1U, 16U, 31U, 33U, 64U}) {
    EXPECT_EQ(verdict(key.seal(kOuterHeader, inner(), Wrapping::kOaepSha256, size).compact()), "decrypt_failed")
        << size;
  }
  EXPECT_EQ(verdict(EncryptionKey::second().seal(kOuterHeader, inner()).compact()), "decrypt_failed");
}

// If what stands in for a key that does not unwrap could be guessed, anybody could encrypt under it.
TEST_F(Nested, AKeyThatDoesNotUnwrapIsReplacedByNoneThatCanBeGuessed) {
  JweParts parts = EncryptionKey::first().seal(kOuterHeader, inner());
  for (const Bytes& guess : {Bytes(32, 0x00), Bytes(32, 0xff)}) {
    std::tie(parts.ciphertext, parts.tag) =
        test::gcm_seal(guess, parts.iv, jose::base64url_encode(kOuterHeader), inner());
    for (const Bytes& encrypted_key :
         {Bytes(256, 0x00), Bytes(256, 0x01), Bytes(256, 0xff), EncryptionKey::first().wrap({}),
          EncryptionKey::first().wrap(guess, Wrapping::kOaepSha1)}) {
      parts.encrypted_key = encrypted_key;
      EXPECT_EQ(verdict(parts.compact()), "decrypt_failed");
    }
    parts.encrypted_key = EncryptionKey::first().wrap(guess);
    EXPECT_EQ(verdict(parts.compact()), "ok") << "the counter-example: that is how the key is used";
  }
}

TEST_F(Nested, PartsOfOtherSizesAreOneRefusal) {
  const EncryptionKey& key = EncryptionKey::first();
  const JweParts good = key.seal(kOuterHeader, inner());
  ASSERT_EQ(verdict(good.compact()), "ok");
  for (const std::size_t size : {0U, 4U, 8U, 12U, 15U, 17U, 32U}) {
    JweParts parts = good;
    parts.tag.resize(size);
    EXPECT_EQ(verdict(parts.compact()), "decrypt_failed") << "tag of " << size;
  }
  for (const std::size_t size : {1U, 8U, 11U, 13U, 16U}) {
    EXPECT_EQ(verdict(key.seal(kOuterHeader, inner(), Wrapping::kOaepSha256, 32, size).compact()), "decrypt_failed")
        << "initialisation vector of " << size;
  }
  for (const std::size_t size : {0U, 1U, 255U, 257U, 512U}) {
    JweParts parts = good;
    parts.encrypted_key.resize(size);
    EXPECT_EQ(verdict(parts.compact()), "decrypt_failed") << "encrypted key of " << size;
  }
  JweParts leading_zero = good;
  leading_zero.encrypted_key.insert(leading_zero.encrypted_key.begin(), 0);
  EXPECT_EQ(verdict(leading_zero.compact()), "decrypt_failed");
  JweParts empty = good;
  empty.ciphertext.clear();
  EXPECT_EQ(verdict(empty.compact()), "decrypt_failed");
}

TEST_F(Nested, InnerTextsThatNobodySignedAreOneRefusal) {
  const SigningKey& key = SigningKey::first();
  const std::string none =
      jose::base64url_encode(R"({"alg":"none","typ":"at+jwt"})") + "." + jose::base64url_encode(kPayload) + ".";
  const std::string good = inner();
  for (const std::string& text :
       {none, std::string(kPayload), std::string(), std::string("a.b.c"), good + "x", good.substr(0, good.size() - 1),
        sealed(kOuterHeader, good), SigningKey::second().token(kInnerHeader, kPayload),
        key.token(R"({"alg":"RS256","kid":"b","typ":"at+jwt"})", kPayload),
        key.token(R"({"alg":"RS256","kid":"a","typ":"JWT"})", kPayload),
        key.token(R"({"alg":"RS384","kid":"a","typ":"at+jwt"})", kPayload, test::Scheme::kRs384),
        key.token(R"({"alg":"RS256","kid":"a","typ":"at+jwt","cty":"JWT"})", kPayload),
        test::hs256_token(R"({"alg":"HS256","kid":"a","typ":"at+jwt"})", kPayload, key.pem()),
        inner(R"({"iss":"i","pad":")" + std::string(16384, 'x') + "\"}")}) {
    EXPECT_EQ(verdict(sealed(kOuterHeader, text)), "decrypt_failed") << text.substr(0, 80);
  }
}

// The issuer wrote these: their reader may know what is wrong.
TEST_F(Nested, ClaimsThatTheIssuerSignedAreToldAsWithoutEncryption) {
  const std::string token = sealed(kOuterHeader, inner());
  EXPECT_EQ(verdict(token, 1'700'000'090), "expired");
  EXPECT_EQ(verdict(token, 1'699'999'969), "not_yet_valid");
  const std::map<std::string, std::string> cases = {
      {R"({"iss":"x","aud":"a","iat":1700000000,"exp":1700000060})", "wrong_issuer"},
      {R"({"iss":"i","aud":"x","iat":1700000000,"exp":1700000060})", "wrong_audience"},
      {R"({"iss":"i","aud":"a","exp":1700000060})", "claim_missing"},
      {R"({"iss":"i","aud":"a","iat":"x","exp":1700000060})", "claim_invalid"},
      {R"({"iss":"i","aud":"a","iat":1700000000,"exp":1800000060})", "lifetime_too_long"},
      {R"([1])", "payload_refused"},
  };
  for (const auto& [payload, why] : cases) EXPECT_EQ(verdict(sealed(kOuterHeader, inner(payload))), why);
}

TEST_F(Nested, EachCharacterChangedIsOneRefusal) {
  const std::string good = sealed(kOuterHeader, inner());
  ASSERT_EQ(verdict(good), "ok");
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::mt19937 random(test::seed());
  for (std::size_t place = 0; place < good.size(); ++place) {
    std::string changed = good;
    while (changed[place] == good[place]) changed[place] = kAlphabet[random() % kAlphabet.size()];
    ASSERT_EQ(verdict(changed), "decrypt_failed") << place << ", seed " << test::seed();
    for (const char other : {'.', '=', '\0', '+', ' '}) {
      if (other == good[place]) continue;
      changed[place] = other;
      ASSERT_EQ(verdict(changed), "decrypt_failed") << place << " " << other;
    }
  }
}

// The spare bits of the last characters, RFC 4648 §3.5, and a spelling with padding.
TEST_F(Nested, ATokenHasOneSpelling) {
  const JweParts parts = EncryptionKey::first().seal(kOuterHeader, inner());
  const std::string good = parts.compact();
  const std::size_t key_end = good.find('.', good.find('.') + 1);  // 256 bytes leave four spare bits
  for (const char other : {'B', 'C', 'D', 'R', 'h', 'x'}) {
    std::string spelled = good;
    if (spelled[key_end - 1] == other) continue;
    spelled[key_end - 1] = other;
    EXPECT_EQ(verdict(spelled), "decrypt_failed");
  }
  for (const std::string& text : {good + "=", good + "==", good + "\n", " " + good, good + ".", "." + good}) {
    EXPECT_EQ(verdict(text), "decrypt_failed");
  }
}

TEST_F(Nested, EachTruncationIsOneRefusal) {
  const std::string good = sealed(kOuterHeader, inner());
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_EQ(verdict(std::string_view(good).substr(0, size)), "decrypt_failed") << size;
    ASSERT_EQ(verdict(std::string_view(good).substr(good.size() - size)), "decrypt_failed") << size;
  }
}

TEST_F(Nested, HasRoomForTheLargestInnerTokenAndNoMore) {
  const std::size_t overhead = inner(R"({"iss":"i","aud":"a","iat":1700000000,"exp":1700000060,"pad":""})").size();
  const auto padded = [](std::size_t pad) {
    return inner(R"({"iss":"i","aud":"a","iat":1700000000,"exp":1700000060,"pad":")" + std::string(pad, 'x') + "\"}");
  };
  std::size_t pad = (16384 - overhead) * 3 / 4 - 4;
  while (padded(pad + 1).size() <= 16384) ++pad;
  EXPECT_EQ(verdict(sealed(kOuterHeader, padded(pad))), "ok");
  EXPECT_EQ(verdict(sealed(kOuterHeader, padded(pad + 1))), "decrypt_failed");
  EXPECT_EQ(verdict(std::string(1024UL * 1024, 'A')), "decrypt_failed");
  EXPECT_EQ(verdict(std::string(16384, '.')), "decrypt_failed");
}

TEST_F(Nested, RefusesIfOpensslFails) {
  const std::string good = sealed(kOuterHeader, inner());
  ASSERT_EQ(::EVP_set_default_properties(nullptr, "provider=none"), 1);
  const std::string failed = verdict(good);
  ASSERT_EQ(::EVP_set_default_properties(nullptr, ""), 1);
  EXPECT_EQ(failed, "decrypt_failed");
  EXPECT_EQ(verdict(good), "ok");
}

TEST_F(Nested, TheKidChoosesAmongSeveralKeys) {
  const auto second = DecryptionKeys::from_pem(EncryptionKey::second().private_pem(), "r2");
  ASSERT_TRUE(second);
  const DecryptionKeys both = *private_keys_.with(*second);
  const auto with_both = [&](const EncryptionKey& key, std::string_view header) {
    return verifier_.verify_nested(key.seal(header, inner()).compact(), both, keys_, at(1'700'000'000)).has_value();
  };
  EXPECT_TRUE(with_both(EncryptionKey::first(), kOuterHeader));
  const std::string to_second = R"({"alg":"RSA-OAEP-256","cty":"JWT","enc":"A256GCM","kid":"r2"})";
  EXPECT_TRUE(with_both(EncryptionKey::second(), to_second));
  EXPECT_FALSE(with_both(EncryptionKey::first(), to_second)) << "never by trial";
  EXPECT_FALSE(with_both(EncryptionKey::first(), R"({"alg":"RSA-OAEP-256","cty":"JWT","enc":"A256GCM"})"));
  EXPECT_FALSE(with_both(EncryptionKey::first(), R"({"alg":"RSA-OAEP-256","cty":"JWT","enc":"A256GCM","kid":"r"})"));
  // A key without a name serves any.
  private_keys_ = *DecryptionKeys::from_pem(EncryptionKey::first().private_pem());
  EXPECT_EQ(verdict(sealed(to_second, inner())), "ok");
  EXPECT_EQ(verdict(EncryptionKey::second().seal(to_second, inner()).compact()), "decrypt_failed");
}

TEST_F(Nested, OpensUnderKeysOfEachSizeAndKind) {
  for (const unsigned bits : {3072U, 4096U}) {
    const EncryptionKey key(bits);
    const auto keys = DecryptionKeys::from_jwk(key.private_jwk(R"(,"kid":"r1")"));
    ASSERT_TRUE(keys) << keys.error().text;
    const std::string token = key.seal(kOuterHeader, inner()).compact();
    EXPECT_TRUE(verifier_.verify_nested(token, *keys, keys_, at(1'700'000'000))) << bits;
    EXPECT_EQ(verdict(token), "decrypt_failed") << "an encrypted key of another size";
  }
}

TEST_F(Nested, LooksForNewerKeysOfTheIssuerOnce) {
  int fetches = 0;
  KeySourceOptions options;
  options.cooldown = std::chrono::seconds(0);
  KeySource source(
      [&fetches]() -> Result<std::string> {
        const bool first = fetches++ == 0;
        return R"({"keys":[)" +
               (first ? SigningKey::second().jwk(R"(,"alg":"RS256","kid":"old")")
                      : SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")")) +
               "]}";
      },
      options);
  ASSERT_TRUE(source.keys());
  ASSERT_EQ(fetches, 1);
  EXPECT_TRUE(verifier_.verify_nested(sealed(kOuterHeader, inner()), private_keys_, source, at(1'700'000'000)));
  EXPECT_EQ(fetches, 2);
  JweParts parts = EncryptionKey::first().seal(kOuterHeader, inner());
  parts.tag[0] ^= 1;
  EXPECT_EQ(verifier_.verify_nested(parts.compact(), private_keys_, source, at(1'700'000'000)).error(),
            VerifyError::kDecryptFailed);
  EXPECT_EQ(fetches, 2) << "what does not open causes no fetch";
}

}  // namespace
}  // namespace signer::jwt
