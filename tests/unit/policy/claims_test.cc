// SPDX-License-Identifier: Apache-2.0
//
// What the daemon does to claims (docs/protocol.md §2.1).  Without these a caller could mint a token that lives too
// long, for another issuer, or with a header of its own.
#include "policy/claims.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "jose/base64url.h"
#include "tests/support/seed.h"
#include "tests/unit/policy/example.h"

namespace signer::policy {
namespace {

using jose::Json;

constexpr long long kNow = 1790000000;
constexpr long long kTtl = 900;

static_assert(!std::is_default_constructible_v<SigningInput>);

AuthorizedRequest authorized(config::Config config, IssueRequest request, const Files& files = test::no_files()) {
  const auto policy = Policy::build(config, test::accounts(), files).value();
  Limiter limiter;
  return policy->authorize(test::peer(1), std::move(request), limiter, SteadyTime{}).value();
}

config::Config examples() {
  return test::configuration(
      {test::grant("g", test::uid(1), {"issuer"}, {"access", "id", "many"}, {Verb::kIssue, Verb::kSignPayload})});
}

Judged<SigningInput> shape(const AuthorizedRequest& request, const std::string& kid = "the-kid") {
  const WallTime now(std::chrono::milliseconds(kNow * 1000 + 999));
  auto shaped = shape_claims(request, now);
  if (!shaped) return fail(std::move(shaped).error());
  return make_signing_input(request, std::get<ShapedClaims>(*std::move(shaped)), kid, now);
}

Judged<SigningInput> shape(Json claims, const std::string& profile = "access") {
  return shape(authorized(examples(), test::request("issuer", profile, std::move(claims))));
}

// Under one profile that is not among the examples.
config::Config only(config::Profile profile, std::vector<Verb> verbs = {Verb::kIssue}) {
  config::Config config =
      test::configuration({test::grant("g", test::uid(1), {"issuer"}, {profile.name}, std::move(verbs))});
  config.profiles = {std::move(profile)};
  return config;
}

Judged<SigningInput> shape_as(config::Profile profile, Json claims) {
  return shape(authorized(only(std::move(profile)), test::request("issuer", {}, std::move(claims))));
}

config::Profile open_profile(std::vector<claims::Rule> rules) {
  return test::with_claims(test::profile("open"), std::move(rules));
}

Json part_of(const SigningInput& input, bool header) {
  const std::size_t dot = input.text().find('.');
  const std::string part = header ? input.text().substr(0, dot) : input.text().substr(dot + 1);
  return Json::parse(text_of(jose::base64url_decode(part).value()));
}

Json payload(const Judged<SigningInput>& input) {
  EXPECT_TRUE(input) << input.error().detail;
  return input ? part_of(*input, false) : Json();
}

void expect_breaks(Json claims, std::string_view claim, const std::string& profile = "access") {
  const std::string sent = claims.dump();
  const auto refused = shape(std::move(claims), profile);
  ASSERT_FALSE(refused) << sent;
  EXPECT_EQ(refused.error().code, ErrorCode::kClaimPolicy) << sent;
  EXPECT_TRUE(refused.error().detail.starts_with("claim '" + std::string(claim) + "' "))
      << sent << ": " << refused.error().detail;
}

Json number(const char* text) {
  return jose::parse_json(text, {.interoperable_numbers = false}).value();
}

TEST(ClaimShaping, Invariant03_TheHeaderIsAlgKidTypAndNothingOfTheCallers) {
  using claims::Type;
  const auto input = shape_as(open_profile({test::claim("alg", Type::kText), test::claim("kid", Type::kText),
                                            test::claim("typ", Type::kText), test::claim("crit", Type::kText)}),
                              {{"alg", "none"}, {"kid", "mine"}, {"typ", "x"}, {"crit", "b64"}});
  ASSERT_TRUE(input);
  const std::size_t dot = input->text().find('.');
  EXPECT_EQ(text_of(jose::base64url_decode(input->text().substr(0, dot)).value()),
            R"({"alg":"RS256","kid":"the-kid","typ":"at+jwt"})");
  EXPECT_EQ(input->text().find('.', dot + 1), std::string::npos);
  EXPECT_EQ(part_of(*input, false)["alg"], "none") << "as a claim it means nothing and passes";
}

// Else a caller pays for a token that every verifier with our default limits refuses.
TEST(ClaimShaping, ATokenHolds256NamesAndElementsWithOursCounted) {
  claims::Rule list = test::claim("list", claims::Type::kArray);
  list.items_max = 256;
  list.parts = {test::claim("", claims::Type::kNumber)};
  Json claims = {{"list", Json::array()}};
  for (int i = 0; i < 250; ++i) claims["list"].push_back(i);
  EXPECT_EQ(jose::count_members(payload(shape_as(open_profile({list}), claims))), 256U);
  claims["list"].push_back(251);
  const auto refused = shape_as(open_profile({list}), claims);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kClaimPolicy);
  EXPECT_EQ(refused.error().rule, "claims.members");
  EXPECT_EQ(refused.error().detail, "the token would hold more than 256 names and elements");
}

TEST(ClaimShaping, SetsWhatWasNotSent) {
  const auto input = shape({{"sub", "client-1"}});
  const Json claims = payload(input);
  EXPECT_EQ(claims["iss"], "https://idp.example");
  EXPECT_EQ(claims["aud"], "https://api.example");
  EXPECT_EQ(claims["iat"], kNow);
  EXPECT_EQ(claims["exp"], kNow + kTtl);
  EXPECT_FALSE(claims.contains("nbf"));
  EXPECT_EQ(claims["sub"], "client-1");
  EXPECT_EQ(claims.size(), 6U);
  EXPECT_EQ(claims["jti"], input->jti());
  EXPECT_EQ(jose::base64url_decode(input->jti())->size(), 16U);
  EXPECT_EQ(input->exp(), kNow + kTtl);
  EXPECT_EQ(input->audiences(), std::vector<std::string>{"https://api.example"});
}

TEST(ClaimShaping, NoTwoTokensShareAJtiOfOurs) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(shape({})->jti()).second);
}

TEST(ClaimShaping, PassesAllowedClaimsOnAsParsed) {
  using claims::Type;
  claims::Rule cnf = test::claim("cnf", Type::kObject);
  cnf.parts = {test::claim("jkt", Type::kText)};
  const Json sent = {{"sub", "a.b"}, {"scope", "patient/*.rs"}, {"cnf", {{"jkt", "x"}}},
                     {"n", 7},       {"text", "a\"\xc3\xa9"},   {"yes", true}};
  const Json claims =
      payload(shape_as(open_profile({test::claim("scope", Type::kScope), cnf, test::claim("n", Type::kNumber),
                                     test::claim("text", Type::kText), test::claim("yes", Type::kBoolean)}),
                       sent));
  for (const auto& [name, value] : sent.items()) EXPECT_EQ(claims[name], value) << name;
}

TEST(ClaimShaping, AClaimThatTheProfileDoesNotNameIsRefusedWithoutItsName) {
  const auto refused = shape({{"sub", "a"}, {"john-doe-1970", 1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kClaimPolicy);
  EXPECT_EQ(refused.error().rule, "claim.not_allowed");
  EXPECT_EQ(refused.error().pointer, "/0");
  EXPECT_EQ(refused.error().detail.find("john"), std::string::npos);
}

TEST(ClaimShaping, WhatAProfileRequiresMustBeSent) {
  config::Profile profile = open_profile({});
  profile.required = {"aud", "exp", "iat", "nbf"};
  const Json good = {{"aud", "https://api.example"}, {"exp", kNow + 10}, {"iat", kNow}, {"nbf", kNow}};
  EXPECT_TRUE(shape_as(profile, good));
  for (const std::string& name : profile.required) {
    Json claims = good;
    claims.erase(name);
    const auto refused = shape_as(profile, claims);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().rule, "claim.missing");
    EXPECT_EQ(refused.error().pointer, "/" + name);
  }
}

TEST(ClaimShaping, AConstantAndANotBeforeAreSetWhereTheProfileSaysSo) {
  claims::Rule constant = test::claim("tenant", claims::Type::kConst);
  constant.values = {"north"};
  constant.required = true;
  config::Profile profile = open_profile({constant});
  profile.set_nbf = true;
  const Json claims = payload(shape_as(profile, Json::object()));
  EXPECT_EQ(claims["tenant"], "north");
  EXPECT_EQ(claims["nbf"], kNow);
  const auto refused = shape_as(profile, {{"tenant", "south"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().rule, "claim.value");
}

TEST(ClaimShaping, ThePayloadIsNoLargerThanTheProfileSays) {
  config::Profile profile = open_profile({test::claim("text", claims::Type::kText)});
  const std::size_t others = jose::dump_json(payload(shape_as(profile, {{"jti", "j"}, {"text", ""}}))).size();
  profile.bytes_max = 1000;
  EXPECT_TRUE(shape_as(profile, {{"jti", "j"}, {"text", std::string(1000 - others, 'x')}}));
  const auto refused = shape_as(profile, {{"jti", "j"}, {"text", std::string(1001 - others, 'x')}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().rule, "claims.size");
}

// A jti is in every record, so a profile that only reports would write PHI into the audit log.
TEST(ClaimShaping, Invariant11_AJtiThatLooksLikePhiIsRefusedEvenWhereOthersAreReported) {
  config::Profile profile = open_profile({});
  profile.phi = claims::PhiMode::kReport;
  EXPECT_TRUE(shape_as(profile, {{"sub", "123-45-6789"}}));
  const auto refused = shape_as(profile, {{"jti", "123-45-6789"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().rule, "phi.ssn");
  EXPECT_EQ(refused.error().pointer, "/jti");
}

// No configuration that a test or a mistake builds may end the daemon.
TEST(ClaimShaping, ASubjectOrJtiOfAnotherTypeIsRefusedWhateverTheRulesSay) {
  const Files files{test::no_files().key_set, test::no_files().certificates,
                    [](const std::string&) -> Result<Secret> { return Secret(std::string(32, 'k')); }};
  config::Profile profile = open_profile({});
  profile.pairwise = config::Pairwise{"s", "/a"};
  for (claims::Rule& rule : profile.rules) rule.type = claims::Type::kNumber;
  for (const char* name : {"jti", "sub"}) {
    const auto refused = shape(authorized(only(profile), test::request("issuer", {}, {{name, 5}}), files));
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().rule, "claim.type");
  }
}

// Judging what is too large anyway would let one caller hold up all others.
TEST(ClaimShaping, WhatIsTooLargeIsRefusedBeforeItIsLookedInto) {
  config::Profile profile = open_profile({test::claim("text", claims::Type::kText)});
  profile.bytes_max = 1000;
  const auto refused = shape_as(profile, {{"text", std::string(1001, '1')}, {"unknown", 1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().rule, "claims.size") << "and not claim.not_allowed, which comes from looking";
}

TEST(ClaimShaping, AnExactPayloadIsSignedByteForByteOrRefused) {
  const auto sign = [](const std::string& text) {
    IssueRequest request = test::request("issuer", "access");
    request.claims = jose::parse_json_object(text).value();
    request.payload = text;
    return shape(authorized(examples(), std::move(request)));
  };
  const std::string times = R"("iat":1790000000, "exp" : 1790000100)";
  const std::string good =
      "{ " + times + R"(,"aud":"https://api.example","iss":"https://idp.example","sub":"s","jti":"\u006a"})";
  const auto input = sign(good);
  ASSERT_TRUE(input) << input.error().detail;
  const std::string_view payload = std::string_view(input->text()).substr(input->text().find('.') + 1);
  EXPECT_EQ(text_of(jose::base64url_decode(payload).value()), good);
  EXPECT_EQ(input->jti(), "j");

  for (const char* name : {"aud", "exp", "iat", "iss", "jti"}) {
    Json claims = Json::parse(good);
    claims.erase(name);
    const auto refused = sign(claims.dump());
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().rule, "claim.missing") << name;
  }
  Json late = Json::parse(good);
  late["exp"] = kNow + kTtl + 1;
  EXPECT_FALSE(sign(late.dump()));
  Json foreign = Json::parse(good);
  foreign["x"] = 1;
  EXPECT_EQ(sign(foreign.dump()).error().rule, "claim.not_allowed");
}

TEST(ClaimShaping, APairwiseSubjectIsMadeFromTheInternalIdAndTheSector) {
  const Files files{test::no_files().key_set, test::no_files().certificates,
                    [](const std::string& source) -> Result<Secret> {
                      return Secret(source == "/a" ? std::string(32, 'k') : std::string(32, 'l'));
                    }};
  const auto subject = [&files](const std::string& id, const std::string& sector, const std::string& secret) {
    config::Profile profile = open_profile({});
    profile.pairwise = config::Pairwise{sector, secret};
    const auto shaped = shape(authorized(only(profile), test::request("issuer", {}, {{"sub", id}}), files));
    return shaped ? part_of(*shaped, false)["sub"].get<std::string>() : shaped.error().rule;
  };
  // printf 'api.example\0id-1' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk -binary | basenc
  // --base64url
  EXPECT_EQ(subject("id-1", "api.example", "/a"), "L0Y9QA6vkEkZ3PV6-H284H");
  EXPECT_NE(subject("id-2", "api.example", "/a"), subject("id-1", "api.example", "/a"));
  EXPECT_NE(subject("id-1", "other.example", "/a"), subject("id-1", "api.example", "/a"));
  EXPECT_NE(subject("id-1", "api.example", "/b"), subject("id-1", "api.example", "/a"));
  EXPECT_EQ(subject("123-45-6789", "api.example", "/a"), "phi.ssn") << "no pseudonym is made from PHI";
  config::Profile lenient = open_profile({});
  lenient.pairwise = config::Pairwise{"s", "/a"};
  lenient.phi = claims::PhiMode::kReport;
  const auto refused = shape(authorized(only(lenient), test::request("issuer", {}, {{"sub", "123-45-6789"}}), files));
  ASSERT_FALSE(refused) << "even where others are only reported";
  EXPECT_EQ(refused.error().rule, "phi.ssn");
}

TEST(ClaimShaping, AnExpiryIsAfterNowAndWithinTheLifetime) {
  for (const long long good : {kNow + 1, kNow + 2, kNow + kTtl - 1, kNow + kTtl}) {
    const auto input = shape({{"exp", good}});
    EXPECT_EQ(payload(input)["exp"], good);
    EXPECT_EQ(input->exp(), good);
  }
  for (const long long bad : {kNow + kTtl + 1, kNow, kNow - 1, 0LL, -1LL, kNow * 1000, 9007199254740991LL,
                              std::numeric_limits<long long>::max(), std::numeric_limits<long long>::min()}) {
    expect_breaks({{"exp", bad}}, "exp");
  }
}

TEST(ClaimShaping, AnIssueTimeIsWithin60SecondsOfNow) {
  for (const long long good : {kNow - 60, kNow, kNow + 60}) EXPECT_EQ(payload(shape({{"iat", good}}))["iat"], good);
  for (const long long bad : {kNow - 61, kNow + 61, 0LL, -kNow}) expect_breaks({{"iat", bad}}, "iat");
}

TEST(ClaimShaping, ANotBeforeIsFrom60SecondsAgoToBeforeTheExpiry) {
  for (const long long good : {kNow - 60, kNow, kNow + 60, kNow + kTtl - 1})
    EXPECT_EQ(payload(shape({{"nbf", good}}))["nbf"], good);
  for (const long long bad : {kNow - 61, kNow + kTtl, kNow + kTtl + 1, 0LL}) expect_breaks({{"nbf", bad}}, "nbf");
  EXPECT_EQ(payload(shape({{"nbf", kNow + 9}, {"exp", kNow + 10}}))["nbf"], kNow + 9);
  expect_breaks({{"nbf", kNow + 10}, {"exp", kNow + 10}}, "nbf");
}

TEST(ClaimShaping, TimesAreWholeNumbersHoweverWrittenAndLeaveAsIntegers) {
  EXPECT_EQ(payload(shape({{"exp", number("1790000010.0")}}))["exp"].dump(), "1790000010");
  EXPECT_EQ(payload(shape({{"exp", number("1.79000001e9")}}))["exp"].dump(), "1790000010");
  for (const char* name : {"exp", "iat", "nbf"}) {
    for (const char* text : {"1790000010.5", "1e300", "-1e300", "1e18", "18446744073709551615", "17", "17.0", "17.5",
                             "null", "true", "\"1790000010\"", "[1790000010]", "{}"}) {
      expect_breaks({{name, number(text)}}, name);
    }
  }
}

TEST(ClaimShaping, AJtiIs1To128PlainCharacters) {
  for (const std::string& good :
       {std::string("a"), std::string(128, 'Z'), std::string("AZaz09._~:-"), std::string("urn:uuid:0-1")}) {
    const auto input = shape({{"jti", good}});
    EXPECT_EQ(payload(input)["jti"], good);
    EXPECT_EQ(input->jti(), good);
  }
  for (const std::string& bad :
       {std::string(), std::string(129, 'Z'), std::string("a b"), std::string("a\n"), std::string("a\0b", 3),
        std::string("a/b"), std::string("a+b"), std::string("a=\"b"), std::string("\xc3\xa9"), std::string("{}")}) {
    expect_breaks({{"jti", bad}}, "jti");
  }
  for (const Json& bad : {Json(7), Json(nullptr), Json::array({"a"}), Json::object(), Json(true)})
    expect_breaks({{"jti", bad}}, "jti");
}

TEST(ClaimShaping, AnAudienceIsOneOrSeveralOfTheProfiles) {
  const auto text = shape({{"aud", "https://b.example"}}, "many");
  EXPECT_EQ(payload(text)["aud"], "https://b.example");
  EXPECT_EQ(text->audiences(), std::vector<std::string>{"https://b.example"});
  const auto list = shape({{"aud", {"https://b.example", "https://a.example"}}}, "many");
  EXPECT_EQ(payload(list)["aud"], Json({"https://b.example", "https://a.example"}));
  EXPECT_EQ(list->audiences(), (std::vector<std::string>{"https://b.example", "https://a.example"}));
  EXPECT_EQ(payload(shape({{"aud", Json::array({"https://api.example"})}}))["aud"],
            Json::array({"https://api.example"}));

  expect_breaks(Json::object(), "aud", "many");
  for (const Json& bad :
       {Json("https://c.example"), Json(""), Json("https://a.example/"), Json("HTTPS://A.EXAMPLE"), Json(nullptr),
        Json(1), Json::array(), Json::array({"https://a.example", "https://c.example"}),
        Json::array({"https://a.example", 1}), Json::array({Json::array({"https://a.example"})}), Json::object(),
        Json{{"https://a.example", "https://a.example"}, {"x", "y"}}}) {
    Json claims;
    claims["aud"] = bad;
    expect_breaks(claims, "aud", "many");
  }
}

TEST(ClaimShaping, AnIssuerIsTheProfilesOrLeftOut) {
  EXPECT_EQ(payload(shape({{"iss", "https://idp.example"}}))["iss"], "https://idp.example");
  for (const Json& bad : {Json("https://idp.example/"), Json("https://other.example"), Json(""), Json(nullptr), Json(1),
                          Json::array({"https://idp.example"})}) {
    Json claims;
    claims["iss"] = bad;
    expect_breaks(claims, "iss");
  }
}

TEST(ClaimShaping, ASubjectIsAText) {
  EXPECT_EQ(payload(shape({{"sub", "system:a.b"}}))["sub"], "system:a.b");
  for (const Json& bad : {Json(""), Json("a b"), Json(std::string(257, 'a')), Json(7), Json(nullptr),
                          Json::array({"a"}), Json{{"id", "a"}}, Json(true)}) {
    Json claims;
    claims["sub"] = bad;
    expect_breaks(claims, "sub");
  }
}

TEST(ClaimShaping, TheLargestPayloadAProfileCanAllowMakesATokenOf16KibibytesWithTheLargestKey) {
  constexpr std::size_t kSignature = 1 + 683;  // "." and 512 bytes in base64url
  claims::Rule list = test::claim("list", claims::Type::kArray);
  list.parts = {test::claim("", claims::Type::kText)};
  Json claims = {{"list", {std::string(4096, 'x'), std::string(4096, 'y')}}};
  const std::size_t size = jose::dump_json(payload(shape_as(open_profile({list}), claims))).size();
  claims["list"].push_back(std::string(11UL * 1024 - size - 3, 'z'));
  const auto largest = shape_as(open_profile({list}), claims);
  ASSERT_TRUE(largest);
  EXPECT_LE(largest->text().size() + 36 + kSignature, kTokenBytesMax) << "36: a kid of 43 characters instead of 7";
}

// Random values of every kind in every judged claim: what is refused says which claim and never what was in it.
TEST(ClaimShaping, Invariant11_NoClaimValueAppearsInARefusal) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  int refusals = 0;
  for (int i = 0; i < 5000; ++i) {
    const long long secret_number = 10'000'000'000 + static_cast<long long>(random() % 1'000'000'000'000);
    const std::string secret = "MRN" + std::to_string(secret_number);
    const Json values[] = {secret,
                           secret_number,
                           static_cast<double>(secret_number) + 0.5,
                           Json::array({secret}),
                           Json{{secret, secret}},
                           Json::array({secret_number, secret}),
                           secret + " " + secret,
                           std::string(200, 'x') + secret};
    for (const char* claim : {"iss", "aud", "exp", "iat", "nbf", "jti", "sub"}) {
      Json claims = {{"patient", secret}, {"other", secret_number}};
      claims[claim] = values[random() % std::size(values)];
      const auto refused = shape(claims, random() % 2 == 0 ? "access" : "many");
      if (refused) continue;
      ++refusals;
      const std::string told = refused.error().detail + '\n' + refused.error().reason;
      ASSERT_EQ(told.find(secret.substr(3)), std::string::npos) << told;
      ASSERT_EQ(told.find("MRN"), std::string::npos) << told;
    }
    if (i >= 300 && refusals > 1000) break;
  }
  EXPECT_GT(refusals, 1000);
  const auto too_large = shape({{"sub", "MRN" + std::string(20000, '7')}});
  ASSERT_FALSE(too_large);
  EXPECT_EQ((too_large.error().detail + too_large.error().reason).find("MRN"), std::string::npos);
}

}  // namespace
}  // namespace signer::policy
