// SPDX-License-Identifier: Apache-2.0
//
// Public keys as values.  Without these a key could be published under another's kid, or a private member with it.
#include "jose/public_key.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "tests/vectors/rfc_vectors.h"

namespace signer::jose {
namespace {

PublicKey rsa(std::size_t modulus_bytes = 256, Bytes exponent = {1, 0, 1}) {
  PublicKey key;
  key.modulus = Bytes(modulus_bytes, 0xa5);
  key.exponent = std::move(exponent);
  return key;
}

PublicKey p256() {
  return *from_jwk(*parse_json(vectors::kRfc7515A3Jwk));
}

TEST(Thumbprint, Invariant06_IsThatOfRfc7638Section31) {
  const auto key = from_jwk(*parse_json(vectors::kRfc7638Jwk));
  ASSERT_TRUE(key);
  EXPECT_EQ(thumbprint(*key), vectors::kRfc7638Thumbprint);
}

// RFC 8037 §A.3 prints the second; the first was computed with Python's hashlib from the JSON text of RFC 7638 §3.2.
TEST(Thumbprint, Invariant06_OfKeysOnCurvesHasTheMembersInOrder) {
  const auto p256_key = from_jwk(*parse_json(vectors::kRfc7515A3Jwk));
  ASSERT_TRUE(p256_key);
  EXPECT_EQ(thumbprint(*p256_key), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
  const auto set = parse_json(vectors::kRfc8037Jwks);
  const auto ed25519 = numbers_from_jwk((*set)["keys"][0]);
  ASSERT_TRUE(ed25519);
  EXPECT_EQ(thumbprint(*ed25519), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST(Thumbprint, DiffersWhenAnyNumberDiffers) {
  PublicKey other = rsa();
  other.modulus[100] ^= 1;
  EXPECT_NE(thumbprint(rsa()), thumbprint(other));
  EXPECT_NE(thumbprint(rsa()), thumbprint(rsa(256, {1, 0, 3})));
  PublicKey point = p256();
  std::swap(point.x, point.y);
  EXPECT_NE(thumbprint(p256()), thumbprint(point));
  EXPECT_EQ(thumbprint(rsa()).size(), 43U);
}

TEST(Jwk, ComesBackAsTheSameKeyWithItsKid) {
  for (const PublicKey& key : {rsa(256), rsa(384), rsa(512), p256()}) {
    const Json jwk = to_jwk(key);
    EXPECT_EQ(jwk["kid"], thumbprint(key));
    EXPECT_EQ(jwk["use"], "sig");
    const auto back = from_jwk(*parse_json(dump_json(jwk)));
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(*back, key);
  }
}

TEST(Jwk, HasThePublishedMembersAndNoOther) {
  const auto names_of = [](const Json& jwk) {
    std::vector<std::string> names;
    for (const auto& [name, value] : jwk.items()) names.push_back(name);
    return names;
  };
  EXPECT_EQ(names_of(to_jwk(rsa())), (std::vector<std::string>{"alg", "e", "kid", "kty", "n", "use"}));
  EXPECT_EQ(names_of(to_jwk(p256())), (std::vector<std::string>{"alg", "crv", "kid", "kty", "use", "x", "y"}));
}

TEST(Jwk, EveryPrivateMemberIsRefused) {
  for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    for (const PublicKey& key : {rsa(), p256()}) {
      Json jwk = to_jwk(key);
      jwk[secret] = "AQAB";
      const auto refused = from_jwk(jwk);
      ASSERT_FALSE(refused) << secret;
      EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
      EXPECT_EQ(refused.error().text.find("AQAB"), std::string::npos);
    }
  }
}

TEST(Jwk, EachMemberWrongOrMissingIsRefused) {
  for (const PublicKey& key : {rsa(), p256()}) {
    const Json good = to_jwk(key);
    for (const auto& [name, value] : good.items()) {
      for (const Json& wrong : {Json("x"), Json(1), Json(nullptr), Json(""), Json::array({value})}) {
        if (name == "use") continue;  // carries no number; its value is ours to write, not to trust
        Json jwk = good;
        jwk[name] = wrong;
        EXPECT_FALSE(from_jwk(jwk)) << name << "=" << wrong;
      }
      if (name == "use" || name == "kid") continue;
      Json jwk = good;
      jwk.erase(name);
      EXPECT_FALSE(from_jwk(jwk)) << name;
    }
  }
  for (const Json& other : {Json::array(), Json("x"), Json(nullptr), Json::object()}) EXPECT_FALSE(from_jwk(other));
}

TEST(Jwk, Invariant06_AKeyHasExactlyOneAlgorithm) {
  for (const char* algorithm : {"HS256", "none", "rs256", "ES256", "ES384", "Ed25519", "EdDSA", ""}) {
    Json jwk = to_jwk(rsa());
    jwk["alg"] = algorithm;
    EXPECT_FALSE(from_jwk(jwk)) << algorithm;
  }
  Json jwk = to_jwk(p256());
  jwk["alg"] = "RS256";
  EXPECT_FALSE(from_jwk(jwk));
  jwk = to_jwk(p256());
  jwk["crv"] = "P-384";
  EXPECT_FALSE(from_jwk(jwk));
  EXPECT_EQ(algorithm_of(KeyKind::kP256), Algorithm::kEs256);
  for (const KeyKind kind : {KeyKind::kRsa2048, KeyKind::kRsa3072, KeyKind::kRsa4096})
    EXPECT_EQ(algorithm_of(kind), Algorithm::kRs256);
}

TEST(KeyShape, TheModulusIsAnOddNumberOf2048To4096Bits) {
  for (const std::size_t size : {256UL, 257UL, 384UL, 511UL, 512UL}) EXPECT_TRUE(check_shape(rsa(size))) << size;
  for (const std::size_t size : {0UL, 1UL, 128UL, 255UL, 513UL}) EXPECT_FALSE(check_shape(rsa(size))) << size;
  for (const std::uint8_t first : Bytes{0x00, 0x01, 0x7f}) {
    PublicKey key = rsa();
    key.modulus.front() = first;
    EXPECT_FALSE(check_shape(key)) << int{first};
  }
  PublicKey one_bit_more = rsa(513);
  one_bit_more.modulus.front() = 0x01;
  EXPECT_FALSE(check_shape(one_bit_more)) << "4097 bits";
  PublicKey odd_size = rsa(257);
  odd_size.modulus.front() = 0x01;  // 2049 bits
  EXPECT_TRUE(check_shape(odd_size));
  odd_size.modulus.front() = 0x00;  // RFC 7518 §2: another spelling of 2048 bits
  EXPECT_FALSE(check_shape(odd_size));
  PublicKey even = rsa();
  even.modulus.back() = 0xa4;
  EXPECT_FALSE(check_shape(even));
}

TEST(KeyShape, TheExponentIsOddAndFrom65537To32Bits) {
  for (const Bytes& good : {Bytes{1, 0, 1}, Bytes{1, 0, 3}, Bytes{0xff, 0xff, 0xff, 0xff}})
    EXPECT_TRUE(check_shape(rsa(256, good)));
  for (const Bytes& bad : {Bytes{}, Bytes{3}, Bytes{0xff, 0xff}, Bytes{1, 0, 0}, Bytes{0, 1, 0, 1}, Bytes{0, 0, 0, 1},
                           Bytes{1, 0, 2}, Bytes{1, 0, 0, 0, 1}}) {
    EXPECT_FALSE(check_shape(rsa(256, bad))) << base64url_encode(bad);
  }
}

TEST(KeyShape, APointIsTwoNumbersOf32Bytes) {
  EXPECT_TRUE(check_shape(p256()));
  for (const std::size_t size : {0UL, 31UL, 33UL}) {
    PublicKey key = p256();
    key.x.resize(size);
    EXPECT_FALSE(check_shape(key));
    key = p256();
    key.y.resize(size);
    EXPECT_FALSE(check_shape(key));
  }
}

// A key with numbers of both kinds is nobody's: it would not equal itself after a round trip through its metadata file.
TEST(KeyShape, NumbersOfTheOtherKindAreRefused) {
  PublicKey both = rsa();
  both.x = p256().x;
  EXPECT_FALSE(check_shape(both));
  both = p256();
  both.modulus = rsa().modulus;
  EXPECT_FALSE(check_shape(both));
}

}  // namespace
}  // namespace signer::jose
