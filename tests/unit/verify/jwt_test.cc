// SPDX-License-Identifier: Apache-2.0

#include "signer/jwt.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <thread>
#include <utility>

#include "tests/support/claims_text.h"
#include "tests/support/signing_key.h"

namespace signer::jwt {
namespace {

using std::chrono::seconds;
using test::SigningKey;
using TimePoint = std::chrono::system_clock::time_point;

constexpr std::string_view kHeader = R"({"alg":"RS256","kid":"a","typ":"at+jwt"})";
const TimePoint kNow{seconds(1'700'000'000)};

const KeySet& keys() {
  static const KeySet set =
      *KeySet::from_jwks(R"({"keys":[)" + SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")") + "]}");
  return set;
}

TokenProfile profile() {
  return {{Algorithm::kRs256},
          Issuers{"https://idp.example"},
          Audiences{"https://api.example", "api"},
          jws::TypeRule::is("at+jwt")};
}

std::string sign(std::string_view payload) {
  return SigningKey::first().token(kHeader, payload);
}

// "ok" or the error's code.
std::string outcome(std::string_view payload, const TokenProfile& rules = profile(), TimePoint now = kNow) {
  const auto verifier = Verifier::make(rules);
  if (!verifier) return verifier.error().text;
  const auto claims = verifier->verify(sign(payload), keys(), now);
  return claims ? "ok" : std::string(to_string(claims.error()));
}

std::string claims_with(std::string_view name = "", std::string_view value = "") {
  return test::claims_text(1'700'000'000, name, value);
}

TEST(Jwt, ReturnsTheClaimsAsSigned) {
  const auto verifier = Verifier::make(profile());
  ASSERT_TRUE(verifier);
  const std::string payload = claims_with("scope", R"("a\u0020b")");

  auto claims = verifier->verify(sign(payload), keys(), kNow);
  ASSERT_TRUE(claims) << to_string(claims.error());
  const Claims copy = *claims;
  claims = fail(VerifyError::kInternal);  // The copy keeps everything alive.

  EXPECT_EQ(copy.issuer(), "https://idp.example");
  EXPECT_EQ(copy.subject(), "user-1");
  EXPECT_EQ(copy.audiences(), std::vector<std::string>{"https://api.example"});
  EXPECT_EQ(copy.expires_at().time_since_epoch().count(), 1'700'000'600);
  ASSERT_TRUE(copy.issued_at());
  EXPECT_EQ(copy.issued_at()->time_since_epoch().count(), 1'700'000'000);
  EXPECT_EQ(copy.jwt_id(), "id-1");
  EXPECT_EQ(copy.string("scope"), "a b");
  EXPECT_EQ(copy.string("absent"), std::nullopt);
  EXPECT_EQ(copy.string("exp"), std::nullopt);
  EXPECT_EQ(copy.payload_json(), payload);
  EXPECT_EQ(copy.kid(), "a");
}

TEST(Jwt, ExpiresAtExactlyExpPlusLeeway) {
  TokenProfile rules = profile();
  const TimePoint exp{seconds(1'700'000'600)};
  EXPECT_EQ(outcome(claims_with(), rules, exp + seconds(30) - std::chrono::microseconds(1)), "ok");
  EXPECT_EQ(outcome(claims_with(), rules, exp + seconds(30)), "expired");
  rules.leeway = seconds(0);
  EXPECT_EQ(outcome(claims_with(), rules, exp - seconds(1)), "ok");
  EXPECT_EQ(outcome(claims_with(), rules, exp), "expired");
  EXPECT_EQ(outcome(claims_with("exp", "1700000600.5"), rules, exp), "ok");
  EXPECT_EQ(outcome(claims_with("exp", "1700000600.5"), rules, exp + std::chrono::milliseconds(500)), "expired");
}

TEST(Jwt, BeginsAtExactlyNbfAndIatMinusLeeway) {
  for (const char* claim : {"nbf", "iat"}) {
    TokenProfile rules = profile();
    EXPECT_EQ(outcome(claims_with(claim, "1700000030"), rules), "ok");
    EXPECT_EQ(outcome(claims_with(claim, "1700000031"), rules), "not_yet_valid");
    EXPECT_EQ(outcome(claims_with(claim, "1700000030.5"), rules), "not_yet_valid");
    rules.leeway = seconds(0);
    EXPECT_EQ(outcome(claims_with(claim, "1700000000"), rules), "ok");
    EXPECT_EQ(outcome(claims_with(claim, "1700000001"), rules), "not_yet_valid");
  }
}

TEST(Jwt, CapsTheLifetime) {
  TokenProfile rules = profile();
  rules.lifetime_max = seconds(600);
  EXPECT_EQ(outcome(claims_with(), rules), "ok");
  rules.lifetime_max = seconds(599);
  EXPECT_EQ(outcome(claims_with(), rules), "lifetime_too_long");
  EXPECT_EQ(outcome(claims_with("exp", "1700000599"), rules), "ok");
}

TEST(Jwt, WithoutIatTheLifetimeCountsFromNow) {
  TokenProfile rules = profile();
  rules.required_claims = {};
  rules.lifetime_max = seconds(600);
  EXPECT_EQ(outcome(claims_with("iat"), rules), "ok");
  EXPECT_EQ(outcome(claims_with("iat"), rules, kNow - seconds(1)), "lifetime_too_long");
}

TEST(Jwt, AClockBeforeTheEpochOrFarAwayIsHarmless) {
  EXPECT_EQ(outcome(claims_with(), profile(), TimePoint::min()), "not_yet_valid");
  EXPECT_EQ(outcome(claims_with(), profile(), TimePoint::max()), "expired");
}

TEST(Jwt, WantsTheClaimsTheProfileNames) {
  TokenProfile rules = profile();
  rules.required_claims = {"iat", "jti", "client_id"};
  EXPECT_EQ(outcome(claims_with(), rules), "claim_missing");
  EXPECT_EQ(outcome(claims_with("client_id", "null"), rules), "claim_invalid");
  EXPECT_EQ(outcome(claims_with("client_id", R"("")"), rules), "claim_missing");
  EXPECT_EQ(outcome(claims_with("client_id", R"("c")"), rules), "ok");
}

TEST(Jwt, NullAndEmptyTextAreNoClaim) {
  TokenProfile rules = profile();
  rules.required_claims = {"scope"};
  for (const char* value : {"null", R"("")"}) {
    EXPECT_EQ(outcome(claims_with("scope", value), rules), "claim_missing") << value;
  }
  for (const char* value : {R"("a")", "[]", "0", "false"}) {
    EXPECT_EQ(outcome(claims_with("scope", value), rules), "ok") << value;
  }
}

TEST(Jwt, AnAccessTokenHasAllThatRfc9068Asks) {
  const TokenProfile rules =
      access_token_profile({Algorithm::kRs256}, Issuers{"https://idp.example"}, Audiences{"api"});
  const auto claims_without = [](const std::string& missing) {
    std::string json;
    for (const auto& [name, value] :
         std::initializer_list<std::pair<std::string, std::string>>{{"iss", R"("https://idp.example")"},
                                                                    {"aud", R"("api")"},
                                                                    {"exp", "1700000600"},
                                                                    {"sub", R"("u")"},
                                                                    {"client_id", R"("c")"},
                                                                    {"iat", "1700000000"},
                                                                    {"jti", R"("j")"}}) {
      if (name != missing) json += (json.empty() ? "{\"" : ",\"") + name + "\":" + value;
    }
    return json + "}";
  };
  EXPECT_EQ(outcome(claims_without(""), rules), "ok");
  for (const char* name : {"iss", "aud", "exp", "sub", "client_id", "iat", "jti"}) {
    EXPECT_EQ(outcome(claims_without(name), rules), "claim_missing") << name;
  }
  const auto verifier = Verifier::make(rules);
  const auto token_of_type = [&](const std::string& typ) {
    return SigningKey::first().token(R"({"alg":"RS256","kid":"a","typ":")" + typ + R"("})", claims_without(""));
  };
  EXPECT_TRUE(verifier->verify(token_of_type("application/at+jwt"), keys(), kNow));
  EXPECT_EQ(verifier->verify(token_of_type("JWT"), keys(), kNow).error(), VerifyError::kWrongType);
}

TEST(Jwt, CapsTheDepth) {
  const auto nested = [](std::size_t depth) {
    return claims_with("x", std::string(depth - 1, '[') + std::string(depth - 1, ']'));
  };
  EXPECT_EQ(outcome(nested(16)), "ok");
  EXPECT_EQ(outcome(nested(17)), "payload_refused");
  TokenProfile rules = profile();
  rules.signature.token_bytes_max = 1024UL * 1024;
  EXPECT_EQ(outcome(claims_with("x", std::string(300'000, '[')), rules), "payload_refused");  // CVE-2025-53864
  rules.depth_max = 1;
  EXPECT_EQ(outcome(claims_with(), rules), "ok");
  EXPECT_EQ(outcome(claims_with("x", "{}"), rules), "payload_refused");
}

TEST(Jwt, CapsTheMembers) {
  const auto with_elements = [](std::size_t count) {
    std::string array;
    for (std::size_t i = 0; i < count; ++i) array += i == 0 ? "1" : ",1";
    return claims_with("x", "[" + array + "]");  // 8 names and the elements
  };
  EXPECT_EQ(outcome(with_elements(248)), "ok");
  EXPECT_EQ(outcome(with_elements(249)), "payload_refused");
  TokenProfile rules = profile();
  rules.members_max = 7;
  EXPECT_EQ(outcome(claims_with(), rules), "ok");
  rules.members_max = 6;
  EXPECT_EQ(outcome(claims_with(), rules), "payload_refused");
}

TEST(Jwt, CapsTheSizeOfTheToken) {
  const auto verifier = Verifier::make(profile());
  const std::size_t used = sign(claims_with("x", R"("")")).size();
  // Three payload bytes are four characters.
  const std::string largest = sign(claims_with("x", "\"" + std::string((16384 - used) / 4 * 3, 'x') + "\""));
  ASSERT_LE(largest.size(), 16384U);
  EXPECT_TRUE(verifier->verify(largest, keys(), kNow));
  const std::string larger = sign(claims_with("x", "\"" + std::string((16384 - used) / 4 * 3 + 3, 'x') + "\""));
  ASSERT_GT(larger.size(), 16384U);
  EXPECT_EQ(verifier->verify(larger, keys(), kNow).error(), VerifyError::kTooLarge);
}

TEST(Jwt, ReadsNoClaimBeforeTheSignatureIsGood) {
  const auto verifier = Verifier::make(profile());
  for (const std::string& payload : {claims_with("exp", "1"), std::string("{"), claims_with("iss", "1")}) {
    const std::string other_key = SigningKey::second().token(kHeader, payload);
    EXPECT_EQ(verifier->verify(other_key, keys(), kNow).error(), VerifyError::kBadSignature);
  }
}

TEST(JwtProfile, RefusesWhatIsNoProfile) {
  const auto refused = [](const TokenProfile& rules) { return !Verifier::make(rules).has_value(); };
  const auto rs256 = std::vector{Algorithm::kRs256};
  const auto type = jws::TypeRule::is("JWT");
  EXPECT_FALSE(refused({rs256, Issuers{"i"}, Audiences{"a"}, type}));
  EXPECT_FALSE(refused({rs256, Issuers{"i"}, Audiences{"a"}, jws::TypeRule::absent()}));
  EXPECT_TRUE(refused({{}, Issuers{"i"}, Audiences{"a"}, type}));
  EXPECT_TRUE(refused({rs256, Issuers(std::vector<std::string>{}), Audiences{"a"}, type}));
  EXPECT_TRUE(refused({rs256, Issuers{"i"}, Audiences(std::vector<std::string>{}), type}));
  EXPECT_TRUE(refused({rs256, Issuers{""}, Audiences{"a"}, type}));
  EXPECT_TRUE(refused({rs256, Issuers{"i"}, Audiences{"a", ""}, type}));
  EXPECT_TRUE(refused({rs256, Issuers{"i"}, Audiences{"a"}, jws::TypeRule::any()}));
  for (const char* empty : {"", "application/", "text/"}) {
    EXPECT_TRUE(refused({rs256, Issuers{"i"}, Audiences{"a"}, jws::TypeRule::is(empty)})) << empty;
  }
  const auto with_times = [&](seconds leeway, seconds lifetime) {
    TokenProfile rules = profile();
    rules.leeway = leeway;
    rules.lifetime_max = lifetime;
    return rules;
  };
  EXPECT_FALSE(refused(with_times(seconds(0), seconds(1))));
  EXPECT_FALSE(refused(with_times(seconds(300), seconds(1))));
  EXPECT_TRUE(refused(with_times(seconds(301), seconds(1))));
  EXPECT_TRUE(refused(with_times(seconds(-1), seconds(1))));
  EXPECT_TRUE(refused(with_times(seconds(0), seconds(0))));
  EXPECT_TRUE(refused(with_times(seconds(0), seconds::max())));
}

TEST(Jwt, OneVerifierServesManyThreads) {
  const auto verifier = Verifier::make(profile());
  const std::string good = sign(claims_with());
  const std::string expired = sign(claims_with("exp", "1"));
  const std::string forged = SigningKey::second().token(kHeader, claims_with());
  std::array<int, 4> wrong{};
  {
    std::vector<std::jthread> threads;
    for (int& count : wrong) {
      threads.emplace_back([&] {
        for (int i = 0; i < 300; ++i) {
          const auto claims = verifier->verify(good, keys(), kNow);
          if (!claims || claims->subject() != "user-1") ++count;
          const auto late = verifier->verify(expired, keys(), kNow);
          if (late || late.error() != VerifyError::kExpired) ++count;
          const auto bad = verifier->verify(forged, keys(), kNow);
          if (bad || bad.error() != VerifyError::kBadSignature) ++count;
        }
      });
    }
  }
  for (const int count : wrong) EXPECT_EQ(count, 0);
}

}  // namespace
}  // namespace signer::jwt
