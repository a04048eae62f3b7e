// SPDX-License-Identifier: Apache-2.0
//
// Each algorithm of the table, judged with keys and signatures that OpenSSL made.  Without these a row could be
// accepted under another's name, or a signature in another form than its RFC allows.
#include <gtest/gtest.h>

#include <map>

#include "signer/jws.h"
#include "tests/support/algorithm_key.h"
#include "tests/vectors/rfc_vectors.h"
#include "verify/verification_key.h"

namespace signer::verify {
namespace {

using test::AlgorithmKey;

const AlgorithmKey& key_of(Algorithm algorithm) {
  static std::map<Algorithm, AlgorithmKey> keys;
  return keys.try_emplace(algorithm, algorithm).first->second;
}

std::string header_of(std::string_view alg) {
  return R"({"alg":")" + std::string(alg) + R"(","kid":"a"})";
}

KeySet set_of(const AlgorithmKey& key) {
  auto set = KeySet::from_jwks(jose::dump_json({{"keys", jose::Json::array({key.jwk("a")})}}));
  EXPECT_TRUE(set) << (set ? "" : set.error().text);
  return *std::move(set);
}

std::string outcome(std::string_view token, const KeySet& keys, std::vector<Algorithm> algorithms,
                    bool eddsa_means_ed25519 = false) {
  jws::Policy policy(std::move(algorithms), jws::TypeRule::absent());
  policy.eddsa_means_ed25519 = eddsa_means_ed25519;
  const auto verified = jws::verify(token, keys, policy);
  return verified ? "ok" : std::string(to_string(verified.error()));
}

class EachAlgorithm : public testing::TestWithParam<jose::AlgorithmRow> {
 protected:
  const AlgorithmKey& key_ = key_of(GetParam().algorithm);
  VerificationKey verifier_ = *VerificationKey::make(key_.public_key());
};

TEST_P(EachAlgorithm, IsAcceptedUnderItsOwnNameAlone) {
  const KeySet keys = set_of(key_);
  const std::string name(GetParam().name);
  EXPECT_EQ(outcome(key_.token(header_of(name), "payload"), keys, {GetParam().algorithm}), "ok");
  for (const jose::AlgorithmRow& other : jose::kAlgorithms) {
    if (other.algorithm == GetParam().algorithm) continue;
    // Not in the policy; in the policy but not the key's; and the key's signature under another name.
    EXPECT_EQ(outcome(key_.token(header_of(name), "payload"), keys, {other.algorithm}), "wrong_algorithm");
    EXPECT_EQ(outcome(key_.token(header_of(other.name), "payload"), keys, {GetParam().algorithm, other.algorithm}),
              "wrong_algorithm")
        << other.name;
  }
}

TEST_P(EachAlgorithm, RefusesAnotherMessageAndEveryFlippedBit) {
  Bytes signature = key_.signature("message");
  EXPECT_TRUE(verifier_.verify(bytes_of("message"), signature));
  EXPECT_FALSE(verifier_.verify(bytes_of("massage"), signature));
  EXPECT_FALSE(verifier_.verify({}, signature));
  for (std::size_t bit = 0; bit < signature.size() * 8; bit += 3) {
    const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
    signature[bit / 8] ^= mask;
    EXPECT_FALSE(verifier_.verify(bytes_of("message"), signature)) << bit;
    signature[bit / 8] ^= mask;
  }
}

TEST_P(EachAlgorithm, RefusesEveryOtherLength) {
  const Bytes good = key_.signature("message");
  Bytes longer = good;
  longer.push_back(0);
  Bytes padded = good;
  padded.insert(padded.begin(), 0);
  Bytes inside = good;
  inside.insert(inside.begin() + static_cast<std::ptrdiff_t>(good.size() / 2), 0);
  for (const Bytes& bad :
       {longer, padded, inside, Bytes(good.begin(), good.end() - 1), Bytes(good.begin() + 1, good.end()), Bytes{},
        Bytes(good.size(), 0), Bytes(good.size(), 0xff)}) {
    EXPECT_FALSE(verifier_.verify(bytes_of("message"), bad)) << bad.size();
  }
}

TEST_P(EachAlgorithm, RefusesAnotherKeysSignature) {
  const AlgorithmKey other(GetParam().algorithm);
  EXPECT_FALSE(verifier_.verify(bytes_of("message"), other.signature("message")));
}

TEST_P(EachAlgorithm, LoadsFromPemAsFromJwk) {
  const auto from_pem = KeySet::from_pem(std::array{PemKey{key_.pem(), GetParam().algorithm, "a"}});
  ASSERT_TRUE(from_pem) << from_pem.error().text;
  EXPECT_EQ(outcome(key_.token(header_of(GetParam().name), "payload"), *from_pem, {GetParam().algorithm}), "ok");
  const auto named_by_itself = KeySet::from_pem(std::array{PemKey{key_.pem(), GetParam().algorithm, ""}});
  ASSERT_TRUE(named_by_itself);
  EXPECT_EQ(named_by_itself->kids(), std::vector<std::string>{jose::thumbprint(key_.public_key())});
}

TEST_P(EachAlgorithm, PemOfAnotherKindIsRefused) {
  for (const jose::AlgorithmRow& other : jose::kAlgorithms) {
    if (other.kty == GetParam().kty && other.crv == GetParam().crv) continue;
    EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{key_.pem(), other.algorithm, "a"}})) << other.name;
  }
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{key_.private_pem(), GetParam().algorithm, "a"}}));
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{key_.pem() + key_.pem(), GetParam().algorithm, "a"}}));
  const std::string behind = key_.pem() + "garbage\n-----END PUBLIC KEY-----\n";
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{behind, GetParam().algorithm, "a"}}));
  std::string encrypted = key_.pem();
  encrypted.insert(encrypted.find('\n') + 1,
                   "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{encrypted, GetParam().algorithm, "a"}})) << "and asks no terminal";
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{"x" + key_.pem(), GetParam().algorithm, "a"}}));
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{key_.pem() + key_.private_pem(), GetParam().algorithm, "a"}}));
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{key_.pem().substr(0, 60), GetParam().algorithm, "a"}}));
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{std::string(64'000, '\n') + key_.pem(), GetParam().algorithm, "a"}}));
}

INSTANTIATE_TEST_SUITE_P(Rows, EachAlgorithm, testing::ValuesIn(jose::kAlgorithms),
                         [](const auto& row) { return std::string(row.param.name); });

// RFC 7518 §3.5: the salt is as long as the hash.
TEST(Pss, RefusesEveryOtherSaltLength) {
  for (const Algorithm algorithm : {Algorithm::kPs256, Algorithm::kPs384, Algorithm::kPs512}) {
    const AlgorithmKey& key = key_of(algorithm);
    const auto verifier = *VerificationKey::make(key.public_key());
    const int right = algorithm == Algorithm::kPs256 ? 32 : algorithm == Algorithm::kPs384 ? 48 : 64;
    for (const int salt : {0, 1, 20, 31, 32, 33, 47, 48, 49, 63, 64, 65}) {
      EXPECT_EQ(verifier.verify(bytes_of("m"), key.native_signature("m", salt)), salt == right) << salt;
    }
  }
}

TEST(Ecdsa, RefusesDerAndNumbersOutOfRange) {
  for (const Algorithm algorithm : {Algorithm::kEs256, Algorithm::kEs384}) {
    const AlgorithmKey& key = key_of(algorithm);
    const auto verifier = *VerificationKey::make(key.public_key());
    EXPECT_FALSE(verifier.verify(bytes_of("m"), key.native_signature("m")));
    const Bytes good = key.signature("m");
    const auto half = static_cast<std::ptrdiff_t>(good.size() / 2);
    Bytes no_r = good;
    std::fill(no_r.begin(), no_r.begin() + half, 0);
    Bytes no_s = good;
    std::fill(no_s.begin() + half, no_s.end(), 0);
    EXPECT_FALSE(verifier.verify(bytes_of("m"), no_r));
    EXPECT_FALSE(verifier.verify(bytes_of("m"), no_s));
  }
}

TEST(Ecdsa, APointOffItsCurveIsNoKey) {
  for (const Algorithm algorithm : {Algorithm::kEs256, Algorithm::kEs384}) {
    jose::PublicKey key = key_of(algorithm).public_key();
    ASSERT_TRUE(VerificationKey::make(key));
    key.y.back() ^= 1U;
    EXPECT_FALSE(VerificationKey::make(key));
    key.x.assign(key.x.size(), 0);
    key.y.assign(key.y.size(), 0);
    EXPECT_FALSE(VerificationKey::make(key));
    key.x.assign(key.x.size(), 0xff);
    EXPECT_FALSE(VerificationKey::make(key));
  }
}

jose::PublicKey ed25519(const Bytes& point) {
  jose::PublicKey key;
  key.algorithm = Algorithm::kEd25519;
  key.x = point;
  return key;
}

Bytes little_endian(std::uint8_t low, std::uint8_t fill, std::uint8_t high) {
  Bytes point(32, fill);
  point.front() = low;
  point.back() = high;
  return point;
}

TEST(Ed25519, KeysOfSmallOrderAndOddEncodingsAreRefused) {
  for (const unsigned sign : {0U, 0x80U}) {
    const auto high = [sign](unsigned byte) { return static_cast<std::uint8_t>(byte | sign); };
    const Bytes points[] = {
        little_endian(0x00, 0x00, high(0x00)),  // y = 0, order 4
        little_endian(0x01, 0x00, high(0x00)),  // y = 1, order 1
        little_endian(0xec, 0xff, high(0x7f)),  // y = -1, order 2
        little_endian(0xed, 0xff, high(0x7f)),  // y = p, not canonical
        little_endian(0xee, 0xff, high(0x7f)),  // y = p + 1
        little_endian(0xff, 0xff, high(0x7f)),  // y = 2^255 - 1
        little_endian(0x02, 0x00, high(0x00)),  // y = 2, not on the curve
    };
    for (const Bytes& point : points)
      EXPECT_FALSE(VerificationKey::make(ed25519(point))) << jose::base64url_encode(point);
  }
  EXPECT_TRUE(VerificationKey::make(ed25519(little_endian(0x03, 0x00, 0x00))));  // y = 3 is on the curve
  for (const char* order8 :
       {"xxdqcD1N2E-6PAsNcA1nDyogU_osOczGTsf9d5KsA3o", "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU"}) {
    Bytes point = *jose::base64url_decode(std::string_view(order8));
    EXPECT_FALSE(VerificationKey::make(ed25519(point)));
    point.back() |= 0x80U;
    EXPECT_FALSE(VerificationKey::make(ed25519(point)));
  }
  EXPECT_FALSE(VerificationKey::make(ed25519(Bytes(31, 3))));
  EXPECT_FALSE(VerificationKey::make(ed25519(Bytes(33, 3))));
}

TEST(Ed25519, ManyHonestKeysAreAccepted) {
  for (int i = 0; i < 50; ++i) {
    const AlgorithmKey key(Algorithm::kEd25519);
    ASSERT_TRUE(VerificationKey::make(key.public_key())) << jose::dump_json(key.jwk("a"));
  }
}

// RFC 8032 §5.1.7: S must be below the group order, or each signature has a second spelling.
TEST(Ed25519, RefusesASignatureWithTheOrderAdded) {
  constexpr std::array<std::uint8_t, 32> kOrder = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                                   0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                                   0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  const AlgorithmKey& key = key_of(Algorithm::kEd25519);
  const auto verifier = *VerificationKey::make(key.public_key());
  Bytes signature = key.signature("m");
  ASSERT_TRUE(verifier.verify(bytes_of("m"), signature));
  unsigned carry = 0;
  for (std::size_t i = 0; i < kOrder.size(); ++i) {
    carry += static_cast<unsigned>(signature[32 + i]) + kOrder[i];
    signature[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8U;
  }
  EXPECT_FALSE(verifier.verify(bytes_of("m"), signature));
}

// RFC 9864: the deprecated name only if the policy says so, and never for another key.
TEST(Ed25519, TheNameEddsaNeedsThePolicysConsent) {
  const AlgorithmKey& key = key_of(Algorithm::kEd25519);
  jose::Json jwk = key.jwk("a");
  jwk["alg"] = "EdDSA";
  const auto keys = KeySet::from_jwks(jose::dump_json({{"keys", jose::Json::array({jwk})}}));
  ASSERT_TRUE(keys) << keys.error().text;
  const std::string token = key.token(header_of("EdDSA"), "payload");
  EXPECT_EQ(outcome(token, *keys, {Algorithm::kEd25519}), "wrong_algorithm");
  EXPECT_EQ(outcome(token, *keys, {Algorithm::kEd25519}, true), "ok");
  EXPECT_EQ(outcome(token, *keys, {Algorithm::kRs256}, true), "wrong_algorithm");
  EXPECT_EQ(outcome(key.token(header_of("Ed25519"), "payload"), *keys, {Algorithm::kEd25519}), "ok");
  jwk["crv"] = "Ed448";
  EXPECT_FALSE(KeySet::from_jwks(jose::dump_json({{"keys", jose::Json::array({jwk})}})));
}

TEST(Rsa, Keys8192BitsLongOnlyOnRequest) {
  const AlgorithmKey key(Algorithm::kRs256, 4104);
  const std::string jwks = jose::dump_json({{"keys", jose::Json::array({key.jwk("a")})}});
  EXPECT_FALSE(KeySet::from_jwks(jwks));
  EXPECT_FALSE(KeySet::from_pem(std::array{PemKey{key.pem(), Algorithm::kRs256, "a"}}));
  const auto allowed = KeySet::from_jwks(jwks, {.rsa_8192 = true});
  ASSERT_TRUE(allowed) << allowed.error().text;
  EXPECT_EQ(outcome(key.token(header_of("RS256"), "payload"), *allowed, {Algorithm::kRs256}), "ok");
  EXPECT_TRUE(KeySet::from_pem(std::array{PemKey{key.pem(), Algorithm::kRs256, "a"}}, {.rsa_8192 = true}));
}

}  // namespace
}  // namespace signer::verify
