// SPDX-License-Identifier: Apache-2.0
//
// The verdict over a whole bundle.  An auditor has nothing but the file and the nonce: whatever was changed, left out,
// replayed or signed by somebody else must fail, and must say why.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "base/hex.h"
#include "evidence/verify.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/support/algorithm_key.h"
#include "tests/support/seed.h"
#include "tests/support/signing_key.h"
#include "tests/unit/evidence/model_bundle.h"
#include "tests/unit/evidence/model_pkcs11.h"

namespace signer::evidence {
namespace {

using namespace signer::test;

Expectation asked() {
  return {.nonce = std::string(kNonce), .jwks = std::nullopt, .key = std::nullopt};
}

Json good_statement() {
  return model_statement(good_pkcs11(model_key()));
}

Verdict verdict_of(const Json& statement, const Expectation& expectation = asked()) {
  return verify_bundle(model_file(statement), expectation, {});
}

TEST(EvidenceVerdict, Invariant04_AGoodBundleIsProbedAndSaysOfWhat) {
  const Verdict verdict = verdict_of(good_statement());
  EXPECT_EQ(verdict.grade, Grade::kProbed) << verdict.reason;
  EXPECT_EQ(verdict.key, "issuer");
  EXPECT_EQ(verdict.kid, jose::thumbprint(model_key()));
  EXPECT_EQ(verdict.fmt, "pkcs11");
  EXPECT_EQ(verdict.made, 1'767'225'600);
  for (const char* name : {"form", "key.kid", "signature.header", "signature.payload", "signature", "nonce"}) {
    EXPECT_EQ(finding_of(verdict, name), Finding::kGood) << name;
  }
  for (const char* name : {"key.published", "vendor"}) EXPECT_EQ(finding_of(verdict, name), Finding::kNotReported);
  const auto checkpoint = std::ranges::find(verdict.checks, "audit.checkpoint", &Check::name);
  ASSERT_NE(checkpoint, verdict.checks.end());
  EXPECT_TRUE(checkpoint->found.starts_with("4711 records")) << checkpoint->found;
}

TEST(EvidenceVerdict, Invariant04_TheSameOnSoftHsmIsSoftware) {
  Json statement = good_statement();
  statement["pkcs11"]["token"]["manufacturer"] = "SoftHSM project";
  const Verdict verdict = verdict_of(statement);
  EXPECT_EQ(verdict.grade, Grade::kSoftware);
  EXPECT_NE(verdict.reason.find("SoftHSM project"), std::string::npos) << verdict.reason;
}

TEST(EvidenceVerdict, ABadKeyFailsTheBundleForItsReason) {
  Json statement = good_statement();
  set_flag(statement["pkcs11"]["private_key"], "CKA_EXTRACTABLE", true);
  const Verdict verdict = verdict_of(statement);
  EXPECT_EQ(verdict.grade, Grade::kFailed);
  EXPECT_EQ(bad_checks(verdict), "attribute.CKA_EXTRACTABLE");
  EXPECT_TRUE(verdict.reason.starts_with("attribute.CKA_EXTRACTABLE: ")) << verdict.reason;
}

TEST(EvidenceVerdict, ANonceOfAnotherQuestionFailsAndNoneIsAClaimAtBest) {
  const std::string file = model_file(good_statement());
  Expectation expectation = asked();
  expectation.nonce = "AAECAwQFBgcICQoLDA0ODx";
  EXPECT_EQ(bad_checks(verify_bundle(file, expectation, {})), "nonce") << "a replayed bundle";
  expectation.nonce = std::string(kNonce) + "==";
  EXPECT_EQ(bad_checks(verify_bundle(file, expectation, {})), "nonce") << "one spelling alone";
  expectation.nonce.clear();
  const Verdict verdict = verify_bundle(file, expectation, {});
  EXPECT_EQ(finding_of(verdict, "nonce"), Finding::kNotReported);
  EXPECT_EQ(verdict.grade, Grade::kClaimed);
  EXPECT_NE(verdict.reason.find("nonce"), std::string::npos) << verdict.reason;
  Json software = good_statement();
  software["pkcs11"]["token"]["manufacturer"] = "SoftHSM project";
  EXPECT_EQ(verdict_of(software, expectation).grade, Grade::kSoftware) << "a cap lifts nothing";
}

TEST(EvidenceVerdict, TheKeyMustBeInTheKeySetAndBearTheNameThatWasAskedFor) {
  const std::string file = model_file(good_statement());
  const Json jwk = jose::to_jwk(model_key());
  Json other = jwk;
  other["n"] = jose::to_jwk(SigningKey::second().public_key())["n"];
  const auto judged = [&file](const std::string& jwks) {
    Expectation expectation = asked();
    expectation.jwks = jwks;
    return verify_bundle(file, expectation, {});
  };
  Json stranger = other;
  stranger["kid"] = "another";
  const Verdict good = judged(Json{{"keys", {stranger, jwk}}}.dump());
  EXPECT_EQ(finding_of(good, "key.published"), Finding::kGood);
  EXPECT_EQ(good.grade, Grade::kProbed);
  for (const std::string& jwks :
       {Json{{"keys", Json::array()}}.dump(), Json{{"keys", {stranger}}}.dump(), Json{{"keys", {other}}}.dump(),
        Json{{"keys", {jwk, jwk}}}.dump(), Json{{"keys", {other, jwk}}}.dump(), std::string("{}"), std::string("["),
        std::string(R"({"keys":1})"), std::string(R"({"keys":[1,{"kid":2}]})"), std::string()}) {
    EXPECT_EQ(bad_checks(judged(jwks)), "key.published") << jwks;
  }
  Expectation named = asked();
  named.key = "issuer";
  EXPECT_EQ(verify_bundle(file, named, {}).grade, Grade::kProbed);
  named.key = "issuer2";
  EXPECT_EQ(bad_checks(verify_bundle(file, named, {})), "key.name");
}

TEST(EvidenceVerdict, EachMemberOfTheStatementIsRequiredAndOfItsTypeAndNoOtherIsTaken) {
  const Json good = model_statement(small_pkcs11(model_key()));
  const auto expect_malformed = [](const Json& statement, const std::string& why) {
    EXPECT_EQ(bad_checks(verdict_of(statement)), "statement.form") << why;
  };
  for (const char* place : {"", "/daemon", "/audit"}) {
    const Json::json_pointer at(place);
    for (const auto& [name, value] : good.at(at).items()) {
      Json statement = good;
      statement[at].erase(name);
      if (*place != '\0' || name != "audit") expect_malformed(statement, std::string(place) + "/" + name);
      if (name == "pkcs11" || name == "jwk") continue;
      statement = good;
      statement[at][name] = Json::array({1});
      expect_malformed(statement, std::string(place) + "/" + name);
    }
    Json statement = good;
    statement[at]["more"] = 1;
    expect_malformed(statement, std::string(place) + "/more");
  }
  const std::vector<std::pair<const char*, Json>> wrong{{"/format", "signer-evidence/2"},
                                                        {"/fmt", "tpm"},
                                                        {"/fmt", "yubihsm"},
                                                        {"/tpm", Json::object()},
                                                        {"/made", -1},
                                                        {"/made", 1.5},
                                                        {"/made", 253'402'300'800},
                                                        {"/nonce", "AAECAwQFBgcICQoLDA0O"},
                                                        {"/nonce", jose::base64url_encode(Bytes(33))},
                                                        {"/nonce", "AAECAwQFBgcICQoLDA0ODx"},
                                                        {"/key", std::string(1025, 'k')},
                                                        {"/daemon/build_id", "0A"},
                                                        {"/daemon/config_sha256", "AAAA"},
                                                        {"/audit/checkpoint", std::string(65'537, 'n')},
                                                        {"/vendor", {{"data", "AA"}, {"sha256", ""}}},
                                                        {"/vendor", Json::object()}};
  for (const auto& [place, value] : wrong) {
    Json statement = good;
    statement[Json::json_pointer(place)] = value;
    expect_malformed(statement, place);
  }
  Json statement = good;
  statement.erase("audit");
  EXPECT_EQ(finding_of(verdict_of(statement), "audit.checkpoint"), Finding::kNotReported);
}

TEST(EvidenceVerdict, AKeyThatIsNotAsSignerdPublishesItFails) {
  const Json good = model_statement(small_pkcs11(model_key()));
  const auto judged = [&good](const std::function<void(Json&)>& spoil) {
    Json statement = good;
    spoil(statement);
    return bad_checks(verdict_of(statement));
  };
  EXPECT_EQ(judged([](Json& statement) { statement["jwk"]["d"] = "AQAB"; }), "key.jwk");
  EXPECT_EQ(judged([](Json& statement) { statement["jwk"]["x5c"] = Json::array(); }), "key.jwk");
  EXPECT_EQ(judged([](Json& statement) { statement["jwk"]["alg"] = "RS384"; }), "key.jwk");
  EXPECT_EQ(judged([](Json& statement) { statement["jwk"]["n"] = jose::base64url_encode(Bytes(128, 0xa5)); }),
            "key.jwk")
      << "1024 bits";
  EXPECT_EQ(judged([](Json& statement) { statement["jwk"] = 1; }), "key.jwk");
  EXPECT_EQ(judged([](Json& statement) {
              statement["kid"] = "another";
              statement["jwk"].erase("kid");
            }),
            "key.jwk");
  EXPECT_EQ(judged([](Json& statement) { statement["kid"] = "another"; }), "key.kid");
  const AlgorithmKey ed25519(Algorithm::kEd25519);
  EXPECT_EQ(judged([&ed25519](Json& statement) { statement["jwk"] = jose::to_jwk(ed25519.public_key()); }), "key.jwk");
}

TEST(EvidenceVerdict, ASignatureThatIsNotThisKeysOverThisStatementAsEvidenceFails) {
  const Json statement = model_statement(small_pkcs11(model_key()));
  const auto judged = [&statement](const std::function<void(SignedParts&)>& spoil) {
    SignedParts parts = parts_for(statement);
    spoil(parts);
    return bad_checks(verify_bundle(model_file(parts, statement), asked(), {}));
  };
  EXPECT_EQ(judged([](SignedParts&) {}), "");
  for (const auto& [name, value] :
       {std::pair{"typ", "JWT"}, std::pair{"typ", "Signer-Evidence"}, std::pair{"typ", "application/signer-evidence"},
        std::pair{"alg", "RS512"}, std::pair{"alg", "none"}, std::pair{"kid", "another"}, std::pair{"crit", "x"}}) {
    EXPECT_EQ(judged([name = name, value = value](SignedParts& parts) { parts.header[name] = value; }),
              "signature.header")
        << name << value;
  }
  EXPECT_EQ(judged([](SignedParts& parts) { parts.header.erase("typ"); }), "signature.header") << "a token's";
  EXPECT_EQ(judged([](SignedParts& parts) { parts.payload["nonce"] = "AAECAwQFBgcICQoLDA0ODx"; }), "signature.payload");
  EXPECT_EQ(judged([](SignedParts& parts) { parts.payload["statement_sha256"] = ""; }), "signature.payload");
  EXPECT_EQ(judged([](SignedParts& parts) { parts.payload["iss"] = "x"; }), "signature.payload");
  EXPECT_EQ(judged([](SignedParts& parts) { parts.payload.erase("nonce"); }), "signature.payload");
  EXPECT_EQ(judged([](SignedParts& parts) { parts.payload = Json::array(); }), "signature.form");
}

TEST(EvidenceVerdict, WhatAnotherKeyHasSignedFails) {
  Json statement = model_statement(small_pkcs11(SigningKey::second().public_key()));
  statement["jwk"] = jose::to_jwk(SigningKey::second().public_key());
  statement["kid"] = jose::thumbprint(SigningKey::second().public_key());
  EXPECT_EQ(bad_checks(verdict_of(statement)), "signature") << "somebody else's public key";
  const std::string file = model_file(model_statement(small_pkcs11(model_key())));
  const std::size_t statement_at = file.find("\",\"statement\"");
  const std::size_t signature_at = file.rfind('.', statement_at) + 1;
  for (const std::string& signature : {std::string(), std::string("AAAA"), std::string(342, 'A'), std::string("A")}) {
    const Verdict verdict =
        verify_bundle(file.substr(0, signature_at) + signature + file.substr(statement_at), asked(), {});
    EXPECT_EQ(bad_checks(verdict), signature == "A" ? "signature.form" : "signature") << signature;
  }
}

// The same about an ECDSA key, which is made and verified in no time.
class EcdsaModel {
 public:
  [[nodiscard]] Json statement() const {
    const jose::PublicKey numbers = key_.public_key();
    Json part = small_pkcs11(made_up_key());
    for (const char* side : {"private_key", "public_key"}) {
      attribute(part[side], "CKA_KEY_TYPE")["value"] = "0300000000000000";
      remove_attribute(part[side], "CKA_MODULUS");
      remove_attribute(part[side], "CKA_PUBLIC_EXPONENT");
      part[side].push_back(bytes_of_attribute("CKA_EC_PARAMS", 0x180, "06082a8648ce3d030107"));
    }
    attribute(part["private_key"], "CKA_KEY_GEN_MECHANISM")["value"] = "4010000000000000";
    part["public_key"].push_back(bytes_of_attribute("CKA_EC_POINT", 0x181, point()));
    return model_statement(part, numbers);
  }

  // In a DER OCTET STRING.
  [[nodiscard]] std::string point() const {
    return "044104" + to_hex(key_.public_key().x) + to_hex(key_.public_key().y);
  }

  [[nodiscard]] std::string file(const Json& statement) const {
    SignedParts parts = parts_for(statement);
    parts.header["alg"] = "ES256";
    const std::string jws = key_.token(parts.header.dump(), parts.payload.dump());
    return R"({"signature":")" + jws + R"(","statement":)" + statement.dump() + "}\n";
  }

 private:
  AlgorithmKey key_{Algorithm::kEs256};
};

TEST(EvidenceVerdict, AnEcdsaKeyIsJudgedByItsPoint) {
  const EcdsaModel model;
  const auto judged = [&model](const Json& statement) { return verify_bundle(model.file(statement), asked(), {}); };
  const Json good = model.statement();
  EXPECT_EQ(judged(good).grade, Grade::kClaimed) << judged(good).reason;
  Json other = good;
  attribute(other["pkcs11"]["public_key"], "CKA_EC_POINT")["value"] = model.point().substr(6);
  EXPECT_EQ(bad_checks(judged(other)), "public.CKA_EC_POINT") << "half of it";
  attribute(other["pkcs11"]["public_key"], "CKA_EC_POINT")["value"] = model.point().substr(4);
  EXPECT_EQ(bad_checks(judged(other)), "") << "bare, as some tokens have it";
  other = good;
  const std::string last = model.point().ends_with("00") ? "01" : "00";
  attribute(other["pkcs11"]["public_key"], "CKA_EC_POINT")["value"] =
      model.point().substr(0, model.point().size() - 2) + last;
  EXPECT_EQ(bad_checks(judged(other)), "public.CKA_EC_POINT");
  other = good;
  attribute(other["pkcs11"]["private_key"], "CKA_EC_PARAMS")["value"] = "06052b81040022";
  EXPECT_EQ(bad_checks(judged(other)), "attribute.CKA_EC_PARAMS") << "another curve";
  other = good;
  other["pkcs11"].erase("public_key");
  EXPECT_EQ(bad_checks(judged(other)), "key.numbers");
}

TEST(EvidenceVerdict, AManufacturersChainLiftsWhatIsClaimedAndNothingElse) {
  const auto judgement = [](Grade grade, Finding finding) {
    Judgement made;
    made.grade = grade;
    made.reason = std::string(to_string(grade));
    made.add("check", finding, "-", "-");
    return made;
  };
  const Judgement chain = judgement(Grade::kAttested, Finding::kGood);
  EXPECT_EQ(with_vendor(judgement(Grade::kProbed, Finding::kGood), chain, true).grade, Grade::kAttested);
  EXPECT_EQ(with_vendor(judgement(Grade::kProbed, Finding::kGood), chain, true).reason, "attested");
  const Judgement less = with_vendor(judgement(Grade::kClaimed, Finding::kGood), chain, true);
  EXPECT_EQ(less.grade, Grade::kClaimed) << "not everything was tried";
  EXPECT_NE(less.reason.find("probed"), std::string::npos) << less.reason;
  EXPECT_EQ(with_vendor(judgement(Grade::kSoftware, Finding::kGood), chain, true).grade, Grade::kSoftware);
  EXPECT_EQ(with_vendor(judgement(Grade::kFailed, Finding::kGood), chain, true).grade, Grade::kFailed);
  EXPECT_EQ(with_vendor(judgement(Grade::kProbed, Finding::kBad), chain, true).grade, Grade::kFailed);
  EXPECT_EQ(with_vendor(judgement(Grade::kClaimed, Finding::kGood), chain, false).grade, Grade::kClaimed);
  const Judgement none = judgement(Grade::kClaimed, Finding::kInformation);
  EXPECT_EQ(with_vendor(judgement(Grade::kProbed, Finding::kGood), none, true).grade, Grade::kProbed);
  const Judgement other = judgement(Grade::kFailed, Finding::kBad);
  EXPECT_EQ(with_vendor(judgement(Grade::kProbed, Finding::kGood), other, true).grade, Grade::kFailed)
      << "a certificate of another key";
}

void expect_detected(const std::string& good, std::size_t at, unsigned flip) {
  std::string changed = good;
  changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ flip);
  const Verdict verdict = verify_bundle(changed, asked(), {});
  ASSERT_EQ(verdict.grade, Grade::kFailed) << "byte " << at << " by " << flip;
  ASSERT_TRUE(verdict.has_bad()) << "byte " << at << " by " << flip;
}

TEST(EvidenceVerdict, EveryChangedByteIsDetected) {
  const EcdsaModel model;
  const std::string good = model.file(model.statement());
  ASSERT_EQ(verify_bundle(good, asked(), {}).grade, Grade::kClaimed);
  const unsigned seed = signer::test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned flip : {1U, 0x20U, 1U + static_cast<unsigned>(random() % 255)}) {
      ASSERT_NO_FATAL_FAILURE(expect_detected(good, at, flip));
    }
  }
}

TEST(EvidenceVerdict, AChangedByteOfAnRsaSignatureIsDetected) {
  const std::string good = model_file(model_statement(small_pkcs11(model_key())));
  ASSERT_EQ(verify_bundle(good, asked(), {}).grade, Grade::kClaimed);
  const std::size_t end = good.find("\",\"statement\"");
  for (std::size_t at = good.rfind('.', end) + 1; at < end; at += 11) {
    ASSERT_NO_FATAL_FAILURE(expect_detected(good, at, 1));
  }
  ASSERT_NO_FATAL_FAILURE(expect_detected(good, end - 1, 0x10));
}

TEST(EvidenceVerdict, WhatWasCutOrIsNoBundleFails) {
  const std::string good = model_file(model_statement(small_pkcs11(model_key())));
  for (std::size_t size = 0; size < good.size(); size += 1 + size / 8) {
    EXPECT_EQ(bad_checks(verify_bundle(good.substr(0, size), asked(), {})), "form") << size;
  }
  EXPECT_EQ(bad_checks(verify_bundle(good + good, asked(), {})), "form");
  EXPECT_EQ(bad_checks(verify_bundle(std::string(1U << 20U, '{'), asked(), {})), "form");
}

TEST(EvidenceVerdict, TimesAreShownInUtc) {
  EXPECT_EQ(utc_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(1'767'225'600), "2026-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(253'402'300'799), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace signer::evidence
