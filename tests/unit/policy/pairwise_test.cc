// SPDX-License-Identifier: Apache-2.0
//
// Pseudonyms that a token makes.  Without these the value would depend on where the secret lies, or claims could be
// signed with the internal id in them.
#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "jose/base64url.h"
#include "policy/claims.h"
#include "tests/unit/policy/example.h"

namespace signer::policy {
namespace {

using jose::Json;

constexpr WallTime kTime{std::chrono::seconds(1'790'000'000)};
const std::string kSecret(32, 'k');

// A request under one profile that wants pseudonyms for sector "api.example".
AuthorizedRequest request_for(config::Pairwise pairwise, Json claims, claims::PhiMode phi = claims::PhiMode::kEnforce) {
  config::Profile profile = test::profile("open");
  profile.pairwise = std::move(pairwise);
  profile.phi = phi;
  config::Config config = test::configuration({test::grant("g", test::uid(1), {"issuer"}, {"open"})});
  config.profiles = {std::move(profile)};
  const Files files{test::no_files().key_set, test::no_files().certificates,
                    [](const std::string& source) -> Result<Secret> {
                      if (source != "/s") return fail(ErrorCode::kDenied, "no such secret");
                      return Secret(std::string(kSecret));
                    }};
  const auto policy = Policy::build(config, test::accounts(), files).value();
  Limiter limiter;
  return policy->authorize(test::peer(1), test::request("issuer", {}, std::move(claims)), limiter, SteadyTime{})
      .value();
}

AuthorizedRequest with_key(Json claims, claims::PhiMode phi = claims::PhiMode::kEnforce) {
  return request_for({"api.example", "", "pairwise"}, std::move(claims), phi);
}

Json payload_of(const AuthorizedRequest& request, ShapedClaims shaped) {
  const auto input = make_signing_input(request, std::move(shaped), "kid", kTime).value();
  const std::string_view text = input.text();
  return jose::parse_json(text_of(jose::base64url_decode(text.substr(text.find('.') + 1)).value())).value();
}

TEST(PairwiseClaims, HaveOneValueWhereverTheSecretLies) {
  const AuthorizedRequest with_file = request_for({"api.example", "/s"}, {{"sub", "id-1"}});
  auto complete = shape_claims(with_file, kTime).value();
  ASSERT_TRUE(std::holds_alternative<ShapedClaims>(complete));
  const Json by_file = payload_of(with_file, std::get<ShapedClaims>(std::move(complete)));

  const AuthorizedRequest request = with_key({{"sub", "id-1"}});
  auto shaped = shape_claims(request, kTime).value();
  ASSERT_TRUE(std::holds_alternative<PairwiseClaims>(shaped));
  auto claims = std::get<PairwiseClaims>(std::move(shaped));
  EXPECT_EQ(claims.message(), std::string("api.example\0id-1", 16));
  PairwiseMac mac{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()), bytes_of(claims.message()).data(),
         claims.message().size(), mac.data(), &size);
  const Json by_key = payload_of(request, std::move(claims).with(mac));

  EXPECT_EQ(by_key["sub"], by_file["sub"]);
  EXPECT_EQ(by_key["sub"], "L0Y9QA6vkEkZ3PV6-H284H");
}

TEST(PairwiseClaims, AreCompleteWhereNoSubjectIsSent) {
  const auto shaped = shape_claims(with_key(Json::object()), kTime);
  ASSERT_TRUE(shaped);
  EXPECT_TRUE(std::holds_alternative<ShapedClaims>(*shaped));
}

TEST(PairwiseClaims, AreNotMadeFromWhatIsRefused) {
  for (const auto phi : {claims::PhiMode::kEnforce, claims::PhiMode::kReport}) {
    const auto refused = shape_claims(with_key({{"sub", "123-45-6789"}}, phi), kTime);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().rule, "phi.ssn");
    EXPECT_EQ(refused.error().pointer, "/sub");
  }
  EXPECT_EQ(shape_claims(with_key({{"sub", 7}}), kTime).error().rule, "claim.type");
  EXPECT_EQ(shape_claims(with_key({{"sub", "x"}, {"y", 1}}), kTime).error().rule, "claim.not_allowed");
}

TEST(PairwiseClaims, KeepTheOtherClaimsAndNothingOfTheId) {
  const AuthorizedRequest request = with_key({{"sub", "internal-id-4711"}, {"jti", "j-1"}});
  auto shaped = shape_claims(request, kTime).value();
  const Json payload = payload_of(request, std::get<PairwiseClaims>(std::move(shaped)).with({}));
  EXPECT_EQ(payload["jti"], "j-1");
  EXPECT_EQ(payload["sub"], std::string(22, 'A'));
  EXPECT_EQ(payload.dump().find("4711"), std::string::npos);
}

// The message has a zero byte in it, so it is never the one whose MAC tells keys apart (docs/channel.md).
TEST(PairwiseClaims, TheLongestMessageFitsIntoAFrame) {
  const AuthorizedRequest request =
      request_for({std::string(config::kSectorBytesMax, 's'), "", "pairwise"}, {{"sub", std::string(128, 'i')}});
  auto shaped = shape_claims(request, kTime).value();
  const std::string& message = std::get<PairwiseClaims>(shaped).message();
  EXPECT_EQ(message.size(), config::kSectorBytesMax + 1 + 128);
  EXPECT_NE(message.find('\0'), std::string::npos);
}

TEST(PairwiseProfile, WithAKeyReadsNoFileAndFitsNoExactPayload) {
  config::Config config =
      test::configuration({test::grant("g", test::uid(1), {"issuer"}, {"access"}, {Verb::kIssue, Verb::kSignPayload})});
  config.profiles[0].pairwise = config::Pairwise{"s", "", "pairwise"};
  const auto refused = Policy::build(config, test::accounts(), test::no_files());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("'sign-payload' does not fit profile 'access'"), std::string::npos);
  config.grants[0].verbs = {Verb::kIssue};
  const auto policy = Policy::build(config, test::accounts(), test::no_files());
  ASSERT_TRUE(policy) << policy.error().text;
  EXPECT_EQ(*(*policy)->profiles().at("access")->pairwise_key(), "pairwise");
  EXPECT_EQ((*policy)->profiles().at("id")->pairwise_key(), nullptr);
}

}  // namespace
}  // namespace signer::policy
