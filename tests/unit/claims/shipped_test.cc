// SPDX-License-Identifier: Apache-2.0
//
// The kinds of profile that ship.  Without these a token of one kind could be taken for one of another (RFC 8725
// §3.12), or a kind could let PHI through that its specification does not need.
#include "claims/shipped.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/support/seed.h"

namespace signer::claims {
namespace {

using jose::Json;

constexpr long long kNow = 1790000000;

// What a verifier would say: whether a finished token with this header `typ` and these claims is of this kind.  Issuer,
// audience and the times are the verifier's own to check; here they must be there.
bool conforms(const Kind& kind, std::string_view typ, const jose::Json& claims) {
  if (typ != kind.typ || !claims.is_object()) return false;
  if (!std::ranges::all_of(kJudgedElsewhere, [&claims](std::string_view name) {
        return name == "nbf" || claims.contains(std::string(name));
      }))
    return false;
  Findings ignored;
  return !judge(claims, kind.rules, PhiMode::kReport, ignored) && !judge_subject(claims, kind.subject);
}

// A token of each kind with nothing but what it must have, and one with all it may have.
struct Sample {
  Json least;
  Json most;
};

const std::map<std::string_view, Sample>& samples() {
  static const std::map<std::string_view, Sample> table = {
      {"rfc9068-access-token",
       {{{"sub", "8f2c"}, {"client_id", "portal"}},
        {{"sub", "8f2c"},
         {"client_id", "https://app.example/client"},
         {"scope", "patient/Observation.rs openid"},
         {"auth_time", kNow},
         {"acr", "urn:mace:incommon:iap:silver"},
         {"amr", {"pwd", "otp"}},
         {"azp", "portal"},
         {"sid", "s-1"},
         {"patient", "a1.b-2"},
         {"encounter", "e1"},
         {"fhirUser", "https://ehr.example/fhir/Practitioner/7f.1"},
         {"roles", {"nurse"}},
         {"groups", {"ward-7"}},
         {"entitlements", {"read"}},
         {"cnf", {{"jkt", std::string(43, 'A')}, {"x5t#S256", std::string(43, 'b')}}}}}},
      {"oidc-id-token",
       {{{"sub", "8f2c"}},
        {{"sub", "8f2c"},
         {"nonce", "n-0S6_WzA2Mj"},
         {"auth_time", kNow},
         {"acr", "https://refeds.org/profile/mfa"},
         {"amr", {"hwk"}},
         {"azp", "portal"},
         {"sid", "s-1"},
         {"at_hash", std::string(22, 'A')},
         {"c_hash", std::string(22, 'A')},
         {"s_hash", std::string(22, 'A')},
         {"fhirUser", "Practitioner/7f.1"}}}},
      {"smart-client-assertion", {{{"sub", "https://idp.example"}}, {{"sub", "https://idp.example"}}}},
      {"udap-client-assertion",
       {{{"sub", "https://idp.example"},
         {"extensions",
          {{"hl7-b2b",
            {{"version", "1"},
             {"organization_id", "https://fhir.example/Organization/1"},
             {"purpose_of_use", {"urn:oid:2.16.840.1.113883.5.8#TREAT"}}}}}}},
        {{"sub", "https://idp.example"},
         {"extensions",
          {{"hl7-b2b",
            {{"version", "1"},
             {"subject_id", "practitioner-7"},
             {"subject_role", "http://nucc.org/provider-taxonomy#207SG0207X"},
             {"organization_id", "https://fhir.example/Organization/1"},
             {"organization_name", "North Hospital"},
             {"purpose_of_use", {"urn:oid:2.16.840.1.113883.5.8#TREAT"}},
             {"consent_policy", {"urn:oid:1.3.6.1.4.1.41179.1"}},
             {"consent_reference", {"https://fhir.example/Consent/1"}}}}}}}}},
      {"kubernetes-service-account",
       {{{"sub", "system:serviceaccount:default:build"},
         {"kubernetes.io", {{"namespace", "default"}, {"serviceaccount", {{"name", "build"}}}}}},
        {{"sub", "system:serviceaccount:default:build"},
         {"kubernetes.io",
          {{"namespace", "default"},
           {"serviceaccount", {{"name", "build"}, {"uid", "3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a77"}}},
           {"pod", {{"name", "build-1"}, {"uid", "3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a78"}}},
           {"node", {{"name", "node.1"}}},
           {"secret", {{"name", "s"}}},
           {"warnafter", kNow}}}}}},
      {"internal-service",
       {{{"sub", "billing"}},
        {{"sub", "billing"},
         {"azp", "x"},
         {"client_id", "billing"},
         {"tenant", "north"},
         {"scope", "read write"},
         {"roles", {"clerk"}}}}}};
  return table;
}

Json finished(Json claims) {
  claims["iss"] = "https://idp.example";
  claims["aud"] = "https://api.example";
  claims["iat"] = kNow;
  claims["exp"] = kNow + 60;
  claims["jti"] = "id-1";
  return claims;
}

TEST(ShippedKinds, AreTheSixOfTheDocumentationAndTheirPatternsCompile) {
  ASSERT_EQ(shipped_kinds().size(), samples().size());
  const auto check = [](const auto& self, const std::vector<Rule>& rules) -> void {
    for (const Rule& rule : rules) {
      EXPECT_EQ(rule.pattern.has_value(), rule.type == Type::kPattern) << rule.name;
      EXPECT_TRUE(rule.type != Type::kArray || rule.parts.size() == 1) << rule.name;
      self(self, rule.parts);
    }
  };
  for (const Kind& kind : shipped_kinds()) {
    EXPECT_TRUE(samples().contains(kind.name)) << kind.name;
    EXPECT_EQ(find_kind(kind.name), &kind);
    EXPECT_TRUE(std::ranges::is_sorted(kind.rules, {}, &Rule::name)) << kind.name;
    check(check, kind.rules);
  }
  EXPECT_EQ(find_kind("access"), nullptr);
}

TEST(ShippedKinds, TakeTheirOwnTokensWithAllAndWithTheLeastClaims) {
  for (const Kind& kind : shipped_kinds()) {
    const Sample& sample = samples().at(kind.name);
    Findings findings;
    const auto breach = judge(sample.most, kind.rules, PhiMode::kEnforce, findings);
    EXPECT_FALSE(breach) << kind.name << ": " << describe(*breach);
    EXPECT_EQ(findings.exempted.size() + findings.reported.size(), 0U);
    EXPECT_TRUE(conforms(kind, kind.typ, finished(sample.least))) << kind.name;
    EXPECT_TRUE(conforms(kind, kind.typ, finished(sample.most))) << kind.name;
    EXPECT_EQ(sample.most.size() + 1, kind.rules.size()) << kind.name << ": the sample leaves something out but jti";
  }
}

// Every subset of the optional claims of every kind, each tried as every other kind under its own typ and the token's.
TEST(ShippedKinds, NoTokenSatisfiesTwo) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const Kind& made : shipped_kinds()) {
    const Sample& sample = samples().at(made.name);
    for (int i = 0; i < 400; ++i) {
      Json claims = sample.least;
      for (const auto& [name, value] : sample.most.items()) {
        if (random() % 2 == 0) claims[name] = value;
      }
      claims = finished(std::move(claims));
      ASSERT_TRUE(conforms(made, made.typ, claims)) << made.name << claims.dump();
      for (const Kind& other : shipped_kinds()) {
        if (&other == &made) continue;
        EXPECT_FALSE(conforms(other, made.typ, claims)) << made.name << " as " << other.name << ": " << claims.dump();
      }
    }
  }
}

// Two kinds of one typ must differ in more than what a token happens to hold.
TEST(ShippedKinds, ThoseOfOneTypAreKeptApartByWhatEveryTokenOfThemHas) {
  for (const Kind& one : shipped_kinds()) {
    for (const Kind& other : shipped_kinds()) {
      if (one.name >= other.name || one.typ != other.typ) continue;
      const bool subject = (one.subject == Subject::kIssuer) != (other.subject == Subject::kIssuer);
      const auto required_and_unknown = [](const Kind& here, const Kind& there) {
        return std::ranges::any_of(here.rules, [&there](const Rule& rule) {
          return rule.required && std::ranges::find(there.rules, rule.name, &Rule::name) == there.rules.end();
        });
      };
      EXPECT_TRUE(subject || required_and_unknown(one, other) || required_and_unknown(other, one))
          << one.name << " and " << other.name;
    }
  }
}

TEST(ShippedKinds, AssertionsLiveFiveMinutesAndNoKindLongerThanADay) {
  for (const Kind& kind : shipped_kinds()) {
    EXPECT_LE(kind.ttl_max, std::chrono::hours(24)) << kind.name;
    if (kind.subject == Subject::kIssuer) {
      EXPECT_EQ(kind.ttl_max, std::chrono::minutes(5)) << kind.name;
    }
  }
}

TEST(ShippedKinds, NameNoClaimThatNamesPhi) {
  const auto check = [](const auto& self, const std::vector<Rule>& rules) -> void {
    for (const Rule& rule : rules) {
      EXPECT_TRUE(!phi::names_phi(rule.name) || rule.exempt.contains(phi::Detector::kName)) << rule.name;
      self(self, rule.parts);
    }
  };
  for (const Kind& kind : shipped_kinds()) check(check, kind.rules);
}

TEST(ShippedKinds, ASubjectStandsToItsIssuerAsTheKindSays) {
  const Json same = {{"iss", "a"}, {"sub", "a"}};
  const Json other = {{"iss", "a"}, {"sub", "b"}};
  EXPECT_FALSE(judge_subject(same, Subject::kAny));
  EXPECT_FALSE(judge_subject(same, Subject::kIssuer));
  EXPECT_EQ(judge_subject(same, Subject::kNotIssuer)->pointer, "/sub");
  EXPECT_FALSE(judge_subject(other, Subject::kNotIssuer));
  EXPECT_EQ(judge_subject(other, Subject::kIssuer)->rule, "claim.subject");
  EXPECT_TRUE(judge_subject({{"iss", "a"}}, Subject::kIssuer));
}

TEST(ShippedKinds, ATokenWithoutIssuerAudienceOrTimesIsOfNoKind) {
  for (const Kind& kind : shipped_kinds()) {
    for (const char* name : {"iss", "aud", "exp", "iat"}) {
      Json claims = finished(samples().at(kind.name).least);
      claims.erase(name);
      EXPECT_FALSE(conforms(kind, kind.typ, claims)) << kind.name << " without " << name;
    }
    EXPECT_FALSE(conforms(kind, "", finished(samples().at(kind.name).least)));
    EXPECT_FALSE(conforms(kind, kind.typ, Json::array()));
  }
}

}  // namespace
}  // namespace signer::claims
