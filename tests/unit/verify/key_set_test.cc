// SPDX-License-Identifier: Apache-2.0

#include "signer/key_set.h"

#include <gtest/gtest.h>

#include "jose/json.h"
#include "signer/jws.h"
#include "tests/support/signing_key.h"
#include "tests/vectors/rfc_vectors.h"

namespace signer {
namespace {

using test::SigningKey;

std::string set_of(std::initializer_list<std::string> keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
  return R"({"keys":[)" + text + "]}";
}

std::string good(std::string_view kid = "a") {
  return SigningKey::first().jwk(R"(,"alg":"RS256","use":"sig","kid":")" + std::string(kid) + "\"");
}

TEST(KeySet, LoadsKeysByTheirKid) {
  const auto keys = KeySet::from_jwks(set_of({good("b"), good("a")}));
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->size(), 2U);
  EXPECT_EQ(keys->kids(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(KeySet::from_jwks(vectors::kRfc7520Jwks));
}

TEST(KeySet, LeavesOutKeysForOtherPurposes) {
  const std::string others[] = {
      R"({"kty":"EC","crv":"P-521","kid":"x","alg":"ES512","x":"","y":""})",
      R"({"kty":"OKP","crv":"Ed448","kid":"x","alg":"Ed448","x":""})",
      R"({"kty":"OKP","crv":"X25519","kid":"x","alg":"ECDH-ES","x":""})",
      R"({"kty":"future"})",
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RS256","use":"enc")"),
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RS256","use":1)"),
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RS256","key_ops":["encrypt"])"),
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RS256","key_ops":"verify")"),
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RS256","key_ops":[])"),
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RS256","key_ops":["verify","verify"])"),
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RS256","key_ops":["verify",1])"),
      SigningKey::second().jwk(R"(,"kid":"x","alg":"RSA-OAEP-256")"),
      R"({"kty":"OKP","crv":"X25519","x":""})",
      R"({"kty":"OKP","crv":"Ed448","kid":"x","x":""})",
      R"({"kty":"EC","crv":"P-521","kid":"x","use":"sig","x":"","y":""})",
      SigningKey::second().jwk(R"(,"kid":"x","alg":"rs256")"),
  };
  for (const std::string& other : others) {
    const auto keys = KeySet::from_jwks(set_of({good(), other}));
    ASSERT_TRUE(keys) << other << keys.error().text;
    EXPECT_EQ(keys->kids(), std::vector<std::string>{"a"}) << other;
    EXPECT_FALSE(KeySet::from_jwks(set_of({other}))) << "a set without a usable key: " << other;
  }
}

// Some issuers name no alg in their keys.  Saying which one they sign with keeps one key at one algorithm.
TEST(KeySet, AKeyWithoutAlgNeedsADefault) {
  const std::string without = SigningKey::second().jwk(R"(,"kid":"x")");
  const std::string on_curve = R"({"kty":"EC","crv":"P-256","kid":"y","x":"","y":""})";
  const std::string another_curve = R"({"kty":"EC","crv":"P-384","kid":"y","x":"","y":""})";
  EXPECT_EQ(KeySet::from_jwks(set_of({good(), another_curve}), {.default_algorithm = Algorithm::kEs256})->size(), 1U);
  EXPECT_FALSE(KeySet::from_jwks(set_of({good()}), {.default_algorithm = static_cast<Algorithm>(99)}));
  EXPECT_FALSE(KeySet::from_jwks(set_of({good(), without})));
  const auto keys = KeySet::from_jwks(set_of({good(), without, on_curve}), {.default_algorithm = Algorithm::kPs256});
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->kids(), (std::vector<std::string>{"a", "x"})) << "a key of another kty is left out";
  const jws::Policy policy({Algorithm::kRs256, Algorithm::kPs256}, jws::TypeRule::absent());
  const auto token = [](const char* alg, const char* kid, test::Scheme scheme) {
    const std::string header = R"({"alg":")" + std::string(alg) + R"(","kid":")" + kid + "\"}";
    return (*kid == 'x' ? SigningKey::second() : SigningKey::first()).token(header, "payload", scheme);
  };
  EXPECT_TRUE(jws::verify(token("PS256", "x", test::Scheme::kPs256), *keys, policy));
  EXPECT_EQ(jws::verify(token("RS256", "x", test::Scheme::kRs256), *keys, policy).error(),
            VerifyError::kWrongAlgorithm);
  EXPECT_TRUE(jws::verify(token("RS256", "a", test::Scheme::kRs256), *keys, policy))
      << "a key that has an alg keeps it";
  for (const char* alg : {"null", "1", R"("")"}) {
    const std::string odd = SigningKey::second().jwk(R"(,"kid":"x","alg":)" + std::string(alg));
    const auto loaded = KeySet::from_jwks(set_of({good(), odd}), {.default_algorithm = Algorithm::kPs256});
    EXPECT_TRUE(!loaded || loaded->size() == 1) << "an alg that is no algorithm is not a missing one: " << alg;
  }
}

TEST(KeySet, OneKeyForTwoAlgorithmsIsRefused) {
  const std::string as_pss = SigningKey::first().jwk(R"(,"kid":"b","alg":"PS256")");
  EXPECT_FALSE(KeySet::from_jwks(set_of({good("a"), as_pss})));
  EXPECT_TRUE(KeySet::from_jwks(set_of({good("a"), good("b")}))) << "under two names it is still one use";
}

TEST(KeySet, HonoursKeyOpsWithVerify) {
  EXPECT_TRUE(KeySet::from_jwks(set_of({SigningKey::first().jwk(R"(,"kid":"a","alg":"RS256","key_ops":["verify"])")})));
}

struct RefusedSet {
  const char* name;
  std::string jwks;
  const char* reason;  // part of the text
};

void PrintTo(const RefusedSet& row, std::ostream* out) {
  *out << row.name;
}

class KeySetRefuses : public testing::TestWithParam<RefusedSet> {};

TEST_P(KeySetRefuses, WithAReason) {
  const auto keys = KeySet::from_jwks(GetParam().jwks);
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, ErrorCode::kInvalidRequest);
  EXPECT_NE(keys.error().text.find(GetParam().reason), std::string::npos) << keys.error().text;
}

std::vector<RefusedSet> refused_sets() {
  const SigningKey& second = SigningKey::second();
  std::string many;
  for (int i = 0; i < 64; ++i) many += ",{}";
  std::vector<RefusedSet> rows = {
      {"EmptyText", "", "syntax"},
      {"NotAnObject", "[]", "not an object"},
      {"NoKeys", "{}", "keys"},
      {"KeysNotAnArray", R"({"keys":{}})", "keys"},
      {"EmptyKeys", set_of({}), "no key"},
      {"TooManyKeys", R"({"keys":[{})" + many + "]}", "more than 64 keys"},
      {"KeyNotAnObject", set_of({good(), "1"}), "key 1"},
      {"NoKty", set_of({good(), R"({"kid":"x"})"}), "kty"},
      {"DuplicateMember", R"({"keys":[],"keys":[]})", "twice"},
      {"ByteOrderMark", "\xEF\xBB\xBF" + set_of({good()}), "byte order mark"},
      {"TrailingText", set_of({good()}) + "x", "syntax"},
      {"TrailingNul", set_of({good()}) + std::string(1, '\0') + "x", "NUL"},
      {"DuplicateKid", set_of({good(), second.jwk(R"(,"alg":"RS256","kid":"a")")}), "same kid"},
      {"DuplicateKidOfAnotherType", set_of({good(), R"({"kty":"EC","kid":"a"})"}), "same kid"},
      {"SymmetricKey", set_of({good(), R"({"kty":"oct","kid":"x","k":"AA"})"}), "symmetric"},
      {"PrivateRsa", set_of({SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a","d":"AQ")")}), "private"},
      {"PrivateMemberInAKeyLeftOut", set_of({good(), R"({"kty":"OKP","kid":"x","d":"AA"})"}), "private"},
      {"NoAlg", set_of({SigningKey::first().jwk(R"(,"kid":"a")")}), "no alg"},
      {"AlgNotText", set_of({SigningKey::first().jwk(R"(,"kid":"a","alg":["RS256"])")}), "no alg"},
      {"NoKid", set_of({SigningKey::first().jwk(R"(,"alg":"RS256")")}), "no kid"},
      {"KidNumber", set_of({SigningKey::first().jwk(R"(,"alg":"RS256","kid":1)")}), "kid"},
      {"KidEmpty", set_of({good("")}), "kid"},
      {"KidWithSpace", set_of({good("a b")}), "kid"},
      {"KidTooLong", set_of({good(std::string(257, 'k'))}), "kid"},
      {"Rsa1024", set_of({SigningKey(1024).jwk(R"(,"alg":"RS256","kid":"a")")}), "2048"},
      {"ModulusNotText", set_of({R"({"kty":"RSA","alg":"RS256","kid":"a","n":1,"e":"AQAB"})"}), "n"},
      {"ModulusPadded", set_of({R"({"kty":"RSA","alg":"RS256","kid":"a","n":"AA==","e":"AQAB"})"}), "base64url"},
  };
  for (const char* exponent : {"AQ", "Aw", "AAEAAQ", "AQAA", "AQAAAAE"}) {  // 1, 3, leading zero, even, 2^32 + 1
    std::string jwk = good();
    jwk.replace(jwk.find("AQAB"), 4, exponent);
    rows.push_back({"Exponent", set_of({jwk}), "exponent"});
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Rows, KeySetRefuses, testing::ValuesIn(refused_sets()),
                         [](const auto& row) { return std::to_string(row.index) + row.param.name; });

TEST(KeySet, TakesAKidOf256BytesAndRsa4096) {
  EXPECT_TRUE(KeySet::from_jwks(set_of({good(std::string(256, 'k'))})));
  EXPECT_TRUE(KeySet::from_jwks(set_of({SigningKey(4096).jwk(R"(,"alg":"RS256","kid":"a")")})));
}

TEST(KeySet, CapsTheSizeOfTheText) {
  std::string text = set_of({good()});
  text.resize(KeySet::kJwksBytesMax, ' ');
  EXPECT_TRUE(KeySet::from_jwks(text));
  text += ' ';
  const auto keys = KeySet::from_jwks(text);
  ASSERT_FALSE(keys);
  EXPECT_NE(keys.error().text.find("too large"), std::string::npos);
}

TEST(KeySet, ErrorsNeverQuoteTheInput) {
  const auto keys = KeySet::from_jwks(set_of({SigningKey::first().jwk(R"(,"kid":"a","alg":"RS256","d":"c2VjcmV0")")}));
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().text.find("c2VjcmV0"), std::string::npos);
}

}  // namespace
}  // namespace signer
