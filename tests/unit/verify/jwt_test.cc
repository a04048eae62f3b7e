// SPDX-License-Identifier: Apache-2.0

#include "signer/jwt.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <utility>

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

// The good claims with one of them replaced, added or (value "") removed.
std::string claims_with(std::string_view name = "", std::string_view value = "") {
  std::vector<std::pair<std::string, std::string>> members = {{"iss", R"("https://idp.example")"},
                                                              {"aud", R"("https://api.example")"},
                                                              {"sub", R"("user-1")"},
                                                              {"exp", "1700000600"},
                                                              {"nbf", "1700000000"},
                                                              {"iat", "1700000000"},
                                                              {"jti", R"("id-1")"}};
  bool found = name.empty();
  for (auto& [known, text] : members) {
    if (known != name) continue;
    text = value;
    found = true;
  }
  if (!found) members.emplace_back(name, value);
  std::string json;
  for (const auto& [known, text] : members) {
    if (!text.empty()) json += (json.empty() ? "" : ",") + ("\"" + known + "\":" + text);
  }
  return "{" + json + "}";
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

struct ClaimRow {
  const char* name;
  std::string payload;
  const char* expected;
};

void PrintTo(const ClaimRow& row, std::ostream* out) {
  *out << row.name;
}

class JwtClaims : public testing::TestWithParam<ClaimRow> {};

TEST_P(JwtClaims, HaveTheirOutcome) {
  EXPECT_EQ(outcome(GetParam().payload), GetParam().expected);
}

std::vector<ClaimRow> claim_rows() {
  const std::string good = claims_with();
  const auto plus = [&good](std::string_view members) {
    return good.substr(0, good.size() - 1) + std::string(members) + "}";
  };
  return {
      {"Good", good, "ok"},
      {"GoodAudienceArray", claims_with("aud", R"(["x","api"])"), "ok"},
      {"GoodWithoutOptionalClaims", R"({"iss":"https://idp.example","aud":"api","exp":1700000600,"iat":1700000000})",
       "ok"},
      {"GoodFractions", claims_with("exp", "1700000599.5"), "ok"},
      {"GoodExponent", claims_with("exp", "17000006e2"), "ok"},
      {"GoodEscapedName", R"({"i\u0073s":"https://idp.example","aud":"api","exp":1700000600,"iat":1700000000})", "ok"},
      {"GoodPrivateClaims", plus(R"(,"x":null,"y":[1,{"z":true}],"":"")"), "ok"},
      {"GoodWhitespace", " \t\r\n" + good + "\n", "ok"},

      {"IssMissing", claims_with("iss"), "claim_missing"},
      {"AudMissing", claims_with("aud"), "claim_missing"},
      {"ExpMissing", claims_with("exp"), "claim_missing"},
      {"IatMissing", claims_with("iat"), "claim_missing"},
      {"IssOther", claims_with("iss", R"("https://other.example")"), "wrong_issuer"},
      {"IssPrefix", claims_with("iss", R"("https://idp.exampl")"), "wrong_issuer"},  // PyJWT GHSA-75c5
      {"IssLonger", claims_with("iss", R"("https://idp.example/")"), "wrong_issuer"},
      {"IssOtherCase", claims_with("iss", R"("https://IDP.example")"), "wrong_issuer"},
      {"IssNul", claims_with("iss", R"("https://idp.example\u0000")"), "wrong_issuer"},
      {"IssEmpty", claims_with("iss", R"("")"), "wrong_issuer"},
      {"IssArrayWithTheRightOne", claims_with("iss", R"(["https://idp.example"])"), "claim_invalid"},  // CVE-2025-30144
      {"AudOther", claims_with("aud", R"("https://other.example")"), "wrong_audience"},
      {"AudPrefix", claims_with("aud", R"("ap")"), "wrong_audience"},
      {"AudEmptyText", claims_with("aud", R"("")"), "wrong_audience"},
      {"AudEmptyArray", claims_with("aud", "[]"), "claim_invalid"},  // CVE-2020-26160
      {"AudArrayOfOthers", claims_with("aud", R"(["x","y"])"), "wrong_audience"},
      {"AudArrayWithNumber", claims_with("aud", R"([1,"api"])"), "claim_invalid"},
      {"AudArrayWithNull", claims_with("aud", R"(["api",null])"), "claim_invalid"},
      {"AudNestedArray", claims_with("aud", R"([["api"]])"), "claim_invalid"},

      {"ExpPast", claims_with("exp", "1699999000"), "expired"},
      {"NbfFuture", claims_with("nbf", "1700000100"), "not_yet_valid"},
      {"IatFuture", claims_with("iat", "1700000100"), "not_yet_valid"},
      {"ExpBeforeIat", R"({"iss":"https://idp.example","aud":"api","exp":1699999990,"iat":1700000000})",
       "lifetime_too_long"},
      {"LifetimeTooLong", claims_with("exp", "1700003601"), "lifetime_too_long"},
      {"NeverExpires", claims_with("exp", "9007199254740991"), "lifetime_too_long"},

      {"DuplicateExp", plus(R"(,"exp":1700000600)"), "payload_refused"},
      {"DuplicateSub", plus(R"(,"sub":"admin")"), "payload_refused"},
      {"DuplicateIssEscaped", plus(R"(,"is\u0073":"https://idp.example")"), "payload_refused"},
      {"DuplicateNested", plus(R"(,"x":{"a":1,"a":1})"), "payload_refused"},
      {"ByteOrderMark", "\xEF\xBB\xBF" + good, "payload_refused"},
      {"TwoObjects", good + good, "payload_refused"},
      {"TrailingGarbage", good + "x", "payload_refused"},
      {"TrailingNul", good + std::string(1, '\0'), "payload_refused"},
      {"Empty", "", "payload_refused"},
      {"Array", "[" + good + "]", "payload_refused"},
      {"Text", R"("text")", "payload_refused"},
      {"Null", "null", "payload_refused"},
      {"BadUtf8", claims_with("sub", "\"\xff\""), "payload_refused"},
      {"OverlongUtf8", claims_with("sub", "\"\xc0\xaf\""), "payload_refused"},
      {"Utf8Surrogate", claims_with("sub", "\"\xed\xa0\x80\""), "payload_refused"},
      {"Utf8BeyondUnicode", claims_with("sub", "\"\xf4\x90\x80\x80\""), "payload_refused"},
      {"Utf8CutShort", claims_with("sub", "\"\xe2\x80\""), "payload_refused"},
      {"LoneSurrogate", claims_with("sub", R"("\ud800")"), "payload_refused"},
      {"LoneLowSurrogate", claims_with("sub", R"("\udc00")"), "payload_refused"},
      {"GoodSurrogatePair", claims_with("sub", R"("\ud83d\ude00")"), "ok"},
      {"ControlCharacter", claims_with("sub", "\"a\nb\""), "payload_refused"},
      {"BadEscape", claims_with("sub", R"("\x41")"), "payload_refused"},
      {"LeadingZero", claims_with("exp", "01700000600"), "payload_refused"},
      {"LeadingPlus", claims_with("exp", "+1700000600"), "payload_refused"},
      {"Hex", claims_with("exp", "0x6553f358"), "payload_refused"},
      {"NotANumber", claims_with("exp", "NaN"), "payload_refused"},
      {"Infinity", claims_with("exp", "Infinity"), "payload_refused"},
      {"PointAlone", claims_with("exp", "1700000600."), "payload_refused"},
      {"TrailingComma", plus(","), "payload_refused"},
      {"NameWithoutQuotes", plus(",x:1"), "payload_refused"},
      {"Unterminated", good.substr(0, good.size() - 1), "payload_refused"},
      {"BadLiteral", plus(R"(,"x":tru)"), "payload_refused"},
      {"BigPrivateNumber", plus(R"(,"x":9007199254740992)"), "payload_refused"},
      {"HugePrivateNumber", plus(R"(,"x":1e400)"), "payload_refused"},
  };
}

INSTANTIATE_TEST_SUITE_P(Rows, JwtClaims, testing::ValuesIn(claim_rows()),
                         [](const auto& row) { return row.param.name; });

// CVE-2026-25537 and its kin: a claim of the wrong type must never count as absent, or as a number it is not.
TEST(Jwt, RefusesEveryRegisteredClaimOfAWrongType) {
  const char* const texts[] = {"iss", "sub", "aud", "jti"};
  const char* const times[] = {"exp", "nbf", "iat"};
  const char* const never[] = {"null", "true",        "false",          "[]", "[1]", "{}", R"({"a":1})", "-1",
                               "-0.5", "-1700000600", R"([1700000600])"};
  const char* const out_of_range[] = {"1e300",
                                      "-1e300",
                                      "1e400",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "-9223372036854775808",
                                      "9007199254740992"};
  for (const char* claim : {"iss", "sub", "aud", "jti", "exp", "nbf", "iat"}) {
    for (const char* value : never) EXPECT_EQ(outcome(claims_with(claim, value)), "claim_invalid") << claim << value;
    for (const char* value : out_of_range) {
      EXPECT_EQ(outcome(claims_with(claim, value)), "payload_refused") << claim << value;
    }
  }
  for (const char* claim : texts) {
    for (const char* value : {"0", "1", "1.5", "1700000600"}) {
      EXPECT_EQ(outcome(claims_with(claim, value)), "claim_invalid") << claim << value;
    }
  }
  for (const char* claim : times) {
    for (const char* value : {R"("1700000600")", R"("")", R"("2023-11-14T22:23:20Z")"}) {
      EXPECT_EQ(outcome(claims_with(claim, value)), "claim_invalid") << claim << value;
    }
  }
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
  EXPECT_EQ(outcome(claims_with("client_id", "null"), rules), "claim_missing");
  EXPECT_EQ(outcome(claims_with("client_id", R"("c")"), rules), "ok");
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

// An inner token that nobody signed (CVE-2026-29000): to the outer verifier it is no JSON object.
TEST(Jwt, DoesNotOpenNestedTokens) {
  EXPECT_EQ(outcome(sign(claims_with())), "payload_refused");
  EXPECT_EQ(outcome(jose::base64url_encode(R"({"alg":"none"})") + "." + jose::base64url_encode(claims_with()) + "."),
            "payload_refused");
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
