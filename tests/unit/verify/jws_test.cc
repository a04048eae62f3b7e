// SPDX-License-Identifier: Apache-2.0

#include "signer/jws.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "tests/support/signing_key.h"
#include "tests/vectors/rfc_vectors.h"

namespace signer::jws {
namespace {

using test::SigningKey;

constexpr std::string_view kHeader = R"({"alg":"RS256","kid":"a","typ":"at+jwt"})";
constexpr std::string_view kPayload = "not even JSON \x01\xff";

// Key "a" is the first key, key "b" the second.
const KeySet& keys() {
  static const KeySet set = *KeySet::from_jwks(R"({"keys":[)" + SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")") +
                                               "," + SigningKey::second().jwk(R"(,"alg":"RS256","kid":"b")") + "]}");
  return set;
}

Policy policy(TypeRule type = TypeRule::is("at+jwt")) {
  return {{Algorithm::kRs256}, std::move(type)};
}

// "ok" or the error's code.
std::string outcome(std::string_view token, const Policy& rules = policy()) {
  const auto verified = verify(token, keys(), rules);
  return verified ? "ok" : std::string(to_string(verified.error()));
}

std::string token() {
  static const std::string text = SigningKey::first().token(kHeader, kPayload);
  return text;
}

TEST(Jws, ReturnsThePayloadThatWasSigned) {
  const auto verified = verify(token(), keys(), policy());
  ASSERT_TRUE(verified);
  EXPECT_EQ(text_of(verified->payload()), kPayload);
  EXPECT_EQ(verified->kid(), "a");
  EXPECT_EQ(verified->algorithm(), Algorithm::kRs256);
}

TEST(Jws, AcceptsAnEmptyPayload) {
  EXPECT_EQ(outcome(SigningKey::first().token(kHeader, "")), "ok");
}

// RFC 7515 §A.2 names no key; this library never guesses one.
TEST(Jws, RefusesTheTokenOfRfc7515A2BecauseItHasNoKid) {
  const std::string text =
      std::string(vectors::kRfc7515A2SigningInput) + "." + std::string(vectors::kRfc7515A2Signature);
  EXPECT_EQ(outcome(text, policy(TypeRule::absent())), "header_refused");
}

TEST(Jws, TakesATokenWithoutKidOnlyIfAskedToAndOnlyUnderASingleKey) {
  const auto one =
      KeySet::from_jwks(R"({"keys":[)" + std::string(vectors::kRfc7515A2Jwk).replace(1, 0, R"("kid":"k",)") + "]}");
  ASSERT_TRUE(one) << one.error().text;
  const std::string token =
      std::string(vectors::kRfc7515A2SigningInput) + "." + std::string(vectors::kRfc7515A2Signature);
  Policy rules = policy(TypeRule::absent());
  EXPECT_EQ(verify(token, *one, rules).error(), VerifyError::kHeaderRefused);
  EXPECT_EQ(unverified_header(token, rules).error(), VerifyError::kHeaderRefused);
  rules.kid_may_be_absent = true;
  const auto verified = verify(token, *one, rules);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->kid(), "k");
  EXPECT_EQ(unverified_header(token, rules)->kid, "");
  EXPECT_EQ(verify(token, keys(), rules).error(), VerifyError::kUnknownKey) << "two keys: no guess";
  for (const char* kid : {R"("")", "null", R"("a b")", "1"}) {
    const std::string header = R"({"alg":"RS256","kid":)" + std::string(kid) + "}";
    EXPECT_EQ(verify(SigningKey::first().token(header, kPayload), keys(), rules).error(), VerifyError::kHeaderRefused);
  }
}

TEST(Jws, RefusesATokenWithAnyCharacterChanged) {
  const std::string good = token();
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char other : {'A', 'B', '.', '=', ' ', '+', '\0'}) {
      if (good[i] == other) continue;
      std::string text = good;
      text[i] = other;
      EXPECT_NE(outcome(text), "ok") << i << other;
    }
  }
}

TEST(Jws, RefusesAPayloadWithAnyBitFlipped) {
  const std::string header = jose::base64url_encode(kHeader);
  const std::string signature = token().substr(token().rfind('.') + 1);
  for (std::size_t bit = 0; bit < kPayload.size() * 8; ++bit) {
    std::string payload(kPayload);
    payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(outcome(header + "." + jose::base64url_encode(payload) + "." + signature), "bad_signature") << bit;
  }
}

std::string with(std::string_view members) {
  return R"({"alg":"RS256","kid":"a","typ":"at+jwt",)" + std::string(members) + "}";
}

// What the rows of tests/vectors leave out: 10 MB of dots (CVE-2025-30204).
TEST(Jws, RefusesOnSizeBeforeItLooks) {
  EXPECT_EQ(outcome(std::string(10'000'000, '.')), "too_large");
}

TEST(Jws, AnEmptyAlgorithmSetAllowsNothing) {
  EXPECT_EQ(outcome(token(), Policy({}, TypeRule::is("at+jwt"))), "wrong_algorithm");
}

TEST(Jws, IgnoresOnlyTheParametersThePolicyNames) {
  Policy rules = policy();
  rules.ignored_parameters = {"x5t", "crit", "jku", "b64"};
  EXPECT_EQ(outcome(SigningKey::first().token(with(R"("x5t":"abc")"), kPayload), rules), "ok");
  EXPECT_EQ(outcome(SigningKey::first().token(with(R"("x5t":"abc")"), kPayload)), "header_refused") << "cached header";
  EXPECT_EQ(outcome(SigningKey::first().token(with(R"("x5t":1)"), kPayload), rules), "header_refused");
  EXPECT_EQ(outcome(SigningKey::first().token(with(R"("jku":"x")"), kPayload), rules), "header_refused");
  EXPECT_EQ(outcome(SigningKey::first().token(with(R"("crit":"x")"), kPayload), rules), "header_refused");
}

// As text, which alone gets as far as the list of names.
TEST(Jws, NoPolicyCanIgnoreWhatDecidesAboutKeysOrPayload) {
  Policy rules = policy();
  rules.ignored_parameters = {"crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc", "epk", "p2c", "p2s", "x5t"};
  for (const std::string& name : rules.ignored_parameters) {
    const std::string token = SigningKey::first().token(with("\"" + name + R"(":"x")"), kPayload);
    EXPECT_EQ(outcome(token, rules), name == "x5t" ? "ok" : "header_refused") << name;
  }
}

TEST(Jws, AnEmptyTypeAllowsNoToken) {
  for (const char* typ : {"", "application/"}) {
    const std::string header = R"({"alg":"RS256","kid":"a","typ":")" + std::string(typ) + R"("})";
    EXPECT_EQ(outcome(SigningKey::first().token(header, kPayload), policy(TypeRule::is(typ))), "wrong_type");
  }
}

TEST(Jws, TypeRulesMeanWhatTheySay) {
  const std::string without = SigningKey::first().token(R"({"alg":"RS256","kid":"a"})", kPayload);
  EXPECT_EQ(outcome(without, policy(TypeRule::absent())), "ok");
  EXPECT_EQ(outcome(token(), policy(TypeRule::absent())), "wrong_type");
  EXPECT_EQ(outcome(without, policy(TypeRule::any())), "ok");
  EXPECT_EQ(outcome(token(), policy(TypeRule::any())), "ok");
  EXPECT_EQ(outcome(token(), policy(TypeRule::is("APPLICATION/AT+JWT"))), "ok");
  EXPECT_EQ(outcome(token(), policy(TypeRule::is("JWT"))), "wrong_type");
}

TEST(Jws, CapsTheTokenAtExactlyThePolicysSize) {
  Policy rules = policy();
  rules.token_bytes_max = token().size();
  EXPECT_EQ(outcome(token(), rules), "ok");
  rules.token_bytes_max = token().size() - 1;
  EXPECT_EQ(outcome(token(), rules), "too_large");
}

TEST(Jws, CapsTheHeaderAtExactlyThePolicysSizeEvenIfItIsCached) {
  for (const std::string_view blanks : {"", " ", "  "}) {  // every length modulo 3
    const std::string header = std::string(kHeader) + std::string(blanks);
    const std::string text = SigningKey::first().token(header, kPayload);
    Policy rules = policy();
    rules.header_bytes_max = header.size();
    EXPECT_EQ(outcome(text, rules), "ok");
    rules.header_bytes_max = header.size() - 1;
    EXPECT_EQ(outcome(text, rules), "too_large");
  }
}

// What one policy or key set accepted must not open another: the cache remembers texts, not verdicts.
TEST(Jws, TheHeaderCacheNeverCarriesAVerdictAcross) {
  const std::string by_b = SigningKey::second().token(R"({"alg":"RS256","kid":"b","typ":"at+jwt"})", kPayload);
  const auto only_b =
      KeySet::from_jwks(R"({"keys":[)" + SigningKey::second().jwk(R"(,"alg":"RS256","kid":"b")") + "]}");
  const auto other_a =
      KeySet::from_jwks(R"({"keys":[)" + SigningKey::second().jwk(R"(,"alg":"RS256","kid":"a")") + "]}");
  const std::string forged = token().substr(0, token().rfind('.')) + by_b.substr(by_b.rfind('.'));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(outcome(token()), "ok");
    EXPECT_EQ(outcome(by_b), "ok");
    EXPECT_EQ(outcome(forged), "bad_signature");
    EXPECT_EQ(outcome(token(), policy(TypeRule::is("JWT"))), "wrong_type");
    EXPECT_EQ(outcome(token(), Policy({}, TypeRule::any())), "wrong_algorithm");
    const auto unknown = verify(token(), *only_b, policy());
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error(), VerifyError::kUnknownKey);
    const auto another_key = verify(token(), *other_a, policy());
    ASSERT_FALSE(another_key);
    EXPECT_EQ(another_key.error(), VerifyError::kBadSignature);
  }
}

TEST(Jws, MoreIssuersThanTheHeaderCacheHolds) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string header = std::string(static_cast<std::size_t>(i), ' ') + std::string(kHeader);
      EXPECT_EQ(outcome(SigningKey::first().token(header, kPayload)), "ok");
    }
  }
}

TEST(Jws, UnverifiedHeaderSaysWhatTheHeaderSays) {
  const std::string unsigned_text = token().substr(0, token().rfind('.') + 1);
  const auto header = unverified_header(unsigned_text, policy());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->alg, "RS256");
  EXPECT_EQ(header->kid, "a");
  EXPECT_EQ(header->typ, "at+jwt");
  EXPECT_EQ(unverified_header("a.b", policy()).error(), VerifyError::kMalformed);
  EXPECT_EQ(unverified_header("e30..", policy()).error(), VerifyError::kHeaderRefused);
  EXPECT_EQ(unverified_header(std::string(20'000, '.'), policy()).error(), VerifyError::kTooLarge);
}

TEST(VerifyErrorText, HidesWhichKeysThereAre) {
  EXPECT_EQ(public_face(VerifyError::kBadSignature), "invalid_token_signature");
  EXPECT_EQ(public_face(VerifyError::kUnknownKey), "invalid_token_signature");
  EXPECT_EQ(public_face(VerifyError::kWrongAlgorithm), "invalid_token_signature");
  EXPECT_EQ(public_face(VerifyError::kExpired), "expired");
}

}  // namespace
}  // namespace signer::jws
