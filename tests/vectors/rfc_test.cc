// SPDX-License-Identifier: Apache-2.0
//
// The signatures that RFCs print: those we know verify, the others are refused and for the right reason.

#include <gtest/gtest.h>

#include <string>

#include "jose/algorithms.h"
#include "jose/json.h"
#include "signer/jws.h"
#include "tests/vectors/rfc_vectors.h"

namespace signer::vectors {
namespace {

// A key set of the one key, whose alg is `alg` from now on.
Result<KeySet> set_of(std::string_view jwks, std::string_view alg) {
  jose::Json set = jose::Json::parse(jwks);
  set["keys"][0]["alg"] = alg;
  return KeySet::from_jwks(set.dump());
}

// Everything is allowed but what is never allowed.
jws::Policy all_algorithms() {
  jws::Policy policy({}, jws::TypeRule::any());
  for (const jose::AlgorithmRow& row : jose::kAlgorithms) policy.algorithms.push_back(row.algorithm);
  policy.kid_may_be_absent = true;
  policy.eddsa_means_ed25519 = true;
  return policy;
}

std::string outcome(std::string_view token, const Result<KeySet>& keys) {
  if (!keys) return keys.error().text;
  const auto verified = jws::verify(token, *keys, all_algorithms());
  return verified ? std::string(text_of(verified->payload())) : std::string(to_string(verified.error()));
}

std::string flipped(std::string_view token) {
  std::string text(token);
  const std::size_t place = text.rfind('.') + 9;
  text[place] = text[place] == 'A' ? 'B' : 'A';
  return text;
}

TEST(Rfc7515, AppendixA2AndA3Verify) {
  const auto check = [](std::string_view jwk, std::string_view input, std::string_view signature) {
    const auto keys = KeySet::from_jwks(R"({"keys":[)" + std::string(jwk).replace(1, 0, R"("kid":"k",)") + "]}");
    const std::string token = std::string(input) + "." + std::string(signature);
    EXPECT_TRUE(outcome(token, keys).starts_with(R"({"iss":"joe",)")) << outcome(token, keys);
    EXPECT_EQ(outcome(flipped(token), keys), "bad_signature");
  };
  check(kRfc7515A2Jwk, kRfc7515A2SigningInput, kRfc7515A2Signature);
  check(kRfc7515A3Jwk, kRfc7515A3SigningInput, kRfc7515A3Signature);
}

TEST(Rfc7515, AppendixA4AndA5AreNotOurAlgorithms) {
  const auto keys = KeySet::from_jwks(kRfc7520Jwks);
  EXPECT_EQ(outcome(kRfc7515A4Token, keys), "wrong_algorithm");
  EXPECT_EQ(outcome(kRfc7515A5Token, keys), "wrong_algorithm");
}

TEST(Rfc7520, Section41And42Verify) {
  EXPECT_EQ(outcome(kRfc7520RsaToken, set_of(kRfc7520Jwks, "RS256")), kRfc7520RsaPayload);
  EXPECT_EQ(outcome(kRfc7520PssToken, set_of(kRfc7520Jwks, "PS384")), kRfc7520RsaPayload);
  EXPECT_EQ(outcome(flipped(kRfc7520PssToken), set_of(kRfc7520Jwks, "PS384")), "bad_signature");
  // One key, one algorithm: the right signature under a key that is for the other.
  EXPECT_EQ(outcome(kRfc7520PssToken, set_of(kRfc7520Jwks, "RS256")), "wrong_algorithm");
  EXPECT_EQ(outcome(kRfc7520RsaToken, set_of(kRfc7520Jwks, "PS384")), "wrong_algorithm");
}

TEST(Rfc7520, Section43To45AreNotOurAlgorithms) {
  EXPECT_EQ(outcome(kRfc7520Es512Token, set_of(kRfc7520Jwks, "RS256")), "wrong_algorithm");
  EXPECT_EQ(outcome(kRfc7520Es512Token, KeySet::from_jwks(kRfc7520P521Jwks)), "key set: no key to verify with");
  EXPECT_EQ(outcome(kRfc7520HmacToken, KeySet::from_jwks(kRfc7520Jwks)), "wrong_algorithm");
  EXPECT_EQ(outcome(kRfc7520DetachedToken, KeySet::from_jwks(kRfc7520Jwks)), "wrong_algorithm");
}

// §4.6 to §4.8 are JSON serialisations, which a verifier of compact tokens must not take for one.
TEST(Rfc7520, Section48VerifiesAsACompactTokenAlone) {
  const auto keys = KeySet::from_jwks(kRfc7520Jwks);
  EXPECT_EQ(outcome(kRfc7520FirstOfThree, keys), kRfc7520RsaPayload);
  const std::string token(kRfc7520FirstOfThree);
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  const std::string members = R"("protected":")" + token.substr(0, first) +
                              R"(","header":{"kid":"bilbo.baggins@hobbiton.example"},"signature":")" +
                              token.substr(last + 1) + "\"";
  const std::string payload = R"({"payload":")" + token.substr(first + 1, last - first - 1) + "\",";
  EXPECT_EQ(outcome(payload + members + "}", keys), "malformed");
  EXPECT_EQ(outcome(payload + R"("signatures":[{)" + members + "}]}", keys), "malformed");
}

TEST(Rfc8037, AppendixA4Verifies) {
  EXPECT_EQ(outcome(kRfc8037Token, KeySet::from_jwks(kRfc8037Jwks)), "Example of Ed25519 signing");
  EXPECT_EQ(outcome(flipped(kRfc8037Token), KeySet::from_jwks(kRfc8037Jwks)), "bad_signature");
}

}  // namespace
}  // namespace signer::vectors
