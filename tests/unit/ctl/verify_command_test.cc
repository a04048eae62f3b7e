// SPDX-License-Identifier: Apache-2.0
//
// Lose these and `signerctl verify` calls a bad token good, or an auditor cannot tell why it is bad.  The program
// itself runs.

#include <gtest/gtest.h>

#include "tests/support/algorithm_key.h"
#include "tests/support/encryption_key.h"
#include "tests/support/signing_key.h"
#include "tests/unit/ctl/program.h"

namespace signer {
namespace {

using jose::Json;
using test::EncryptionKey;
using test::SigningKey;

constexpr const char* kHeader = R"({"alg":"RS256","kid":"k1","typ":"at+jwt"})";
constexpr const char* kPayload =
    R"({"iss":"https://idp","aud":"https://api","iat":1000,"exp":1900,"sub":"me","n":"\u009b"})";

class VerifyCommand : public testing::Test {
 protected:
  void SetUp() override {
    test::write_text(jwks_,
                     R"({"keys":[)" + SigningKey::first().jwk(R"(,"kid":"k1","alg":"RS256","use":"sig")") + "]}");
  }

  test::Finished verify(const std::string& token, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"verify",      "--jwks", jwks_,    "--issuer", "https://idp", "--audience",
                                          "https://api", "--typ",  "at+jwt", "--now",    "1500"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::signerctl(arguments, token);
  }

  static std::string good() { return SigningKey::first().token(kHeader, kPayload); }

  test::TemporaryDirectory directory_;
  std::string jwks_ = directory_ / "jwks.json";
};

TEST_F(VerifyCommand, PrintsTheClaimsOfAGoodToken) {
  const auto ran = verify(good() + "\n");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(Json::parse(ran.out), Json::parse(kPayload));
  for (const char c : ran.out) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c <= 0x7e));
}

TEST_F(VerifyCommand, TakesTheAlgorithmsItIsTold) {
  const test::AlgorithmKey key(Algorithm::kEs384);
  test::write_text(jwks_, jose::dump_json({{"keys", Json::array({key.jwk("k1")})}}));
  const std::string token = key.token(R"({"alg":"ES384","kid":"k1","typ":"at+jwt"})", kPayload);
  EXPECT_EQ(verify(token).err, "wrong_algorithm\n");
  EXPECT_EQ(verify(token, {"--alg", "ES384"}).status, 0);
  EXPECT_EQ(verify(token, {"--alg", "RS256", "--alg", "ES384"}).status, 0);
  EXPECT_EQ(verify(token, {"--alg", "PS384"}).err, "wrong_algorithm\n");
  for (const char* unknown : {"none", "HS256", "es384", ""}) {
    EXPECT_EQ(verify(token, {"--alg", unknown}).status, 2) << unknown;
  }
}

TEST_F(VerifyCommand, WantsTheClaimsItIsTold) {
  EXPECT_EQ(verify(good(), {"--require", "client_id"}).err, "claim_missing\n");
  const std::string payload = kPayload;
  const std::string with = payload.substr(0, payload.size() - 1) + R"(,"client_id":"c"})";
  EXPECT_EQ(verify(SigningKey::first().token(kHeader, with), {"--require", "client_id", "iat"}).status, 0);
}

class VerifyEncrypted : public VerifyCommand {
 protected:
  static std::string nested(std::string_view inner) {
    return key().seal(R"({"alg":"RSA-OAEP-256","cty":"JWT","enc":"A256GCM","kid":"r1"})", inner).compact();
  }

  // The claims of good(), one of them encrypted.
  static std::string selective() {
    const std::string jwe =
        key().seal(R"({"alg":"RSA-OAEP-256","cty":"json","enc":"A256GCM"})", R"({"mrn":"42"})").compact();
    const std::string payload = kPayload;
    return SigningKey::first().token(kHeader,
                                     payload.substr(0, payload.size() - 1) + R"(,"encrypted_claims":")" + jwe + "\"}");
  }

  static Json all_claims() {
    Json claims = Json::parse(kPayload);
    claims["mrn"] = "42";
    return claims;
  }

  static const EncryptionKey& key() { return EncryptionKey::first(); }

  std::string pem_ = directory_.file("key.pem", key().private_pem());
  std::string jwk_ = directory_.file("key.jwk", key().private_jwk(R"(,"kid":"r1")"));
};

TEST_F(VerifyEncrypted, OpensNestedTokensAndEncryptedClaims) {
  for (const std::string& file : {pem_, jwk_}) {
    const auto plain = verify(good(), {"--decryption-key", file});
    EXPECT_EQ(plain.status, 0) << plain.err;
    EXPECT_EQ(Json::parse(verify(nested(good()) + "\n", {"--decryption-key", file}).out), Json::parse(kPayload));
    EXPECT_EQ(Json::parse(verify(selective(), {"--decryption-key", file}).out), all_claims());
    EXPECT_EQ(Json::parse(verify(nested(selective()), {"--decryption-key", file}).out), all_claims());
  }
  const auto in_json = verify(nested(good()), {"--decryption-key", pem_, "--json"});
  EXPECT_EQ(Json::parse(in_json.out), Json({{"valid", true}, {"kid", "k1"}, {"claims", Json::parse(kPayload)}}));
}

TEST_F(VerifyEncrypted, StaysClosedWithoutTheKey) {
  EXPECT_EQ(verify(nested(good())).err, "malformed\n");
  const auto readable = verify(selective());
  EXPECT_EQ(readable.status, 0);
  EXPECT_FALSE(Json::parse(readable.out).contains("mrn"));
  EXPECT_TRUE(Json::parse(readable.out).contains("encrypted_claims"));
  const std::string other = directory_.file("other.pem", EncryptionKey::second().private_pem());
  for (const std::string& token : {nested(good()), selective()}) {
    const auto refused = verify(token, {"--decryption-key", other});
    EXPECT_EQ(refused.status, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_EQ(refused.err, "decrypt_failed\n");
  }
}

TEST_F(VerifyEncrypted, SaysWhatTheIssuerGotWrongAndNothingBefore) {
  const std::vector<std::string> with_key = {"--decryption-key", pem_};
  EXPECT_EQ(verify(nested(SigningKey::second().token(kHeader, kPayload)), with_key).err, "decrypt_failed\n");
  EXPECT_EQ(verify(nested(nested(good())), with_key).err, "decrypt_failed\n");
  EXPECT_EQ(verify(nested(SigningKey::first().token(
                       kHeader, R"({"iss":"https://idp","aud":"https://api","iat":1000,"exp":1400})")),
                   with_key)
                .err,
            "expired\n");
}

TEST_F(VerifyEncrypted, TheKeyFileMustBePrivateAndAKey) {
  const auto with = [this](const std::string& file) { return verify(nested(good()), {"--decryption-key", file}); };
  const auto open_to_all = with(directory_.file("open.pem", key().private_pem(), 0644));
  EXPECT_EQ(open_to_all.status, 2);
  EXPECT_NE(open_to_all.err.find("chmod 600"), std::string::npos) << open_to_all.err;
  const auto encrypted = with(directory_.file("encrypted.pem", key().private_pem("pass")));
  EXPECT_EQ(encrypted.status, 2);
  EXPECT_NE(encrypted.err.find("openssl pkey"), std::string::npos) << encrypted.err;
  EXPECT_EQ(with(directory_ / "absent").status, 2);
  EXPECT_EQ(with(directory_.file("public.jwk", key().jwk(""))).status, 2);
  EXPECT_EQ(with(directory_.file("empty", "")).status, 2);
}

TEST_F(VerifyCommand, AnswersInJson) {
  const auto yes = verify(good(), {"--json"});
  EXPECT_EQ(Json::parse(yes.out), Json({{"valid", true}, {"kid", "k1"}, {"claims", Json::parse(kPayload)}}));
  const auto no = verify("x", {"--json"});
  EXPECT_EQ(no.status, 1);
  EXPECT_EQ(Json::parse(no.out), Json({{"valid", false}, {"error", "malformed"}}));
}

TEST_F(VerifyCommand, PrintsOneCodeForABadToken) {
  const SigningKey& key = SigningKey::first();
  const auto with = [&key](const char* payload) { return key.token(kHeader, payload); };
  std::string broken = good();
  broken[broken.size() - 10] = broken[broken.size() - 10] == 'A' ? 'B' : 'A';
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "malformed"},
      {"a.b", "malformed"},
      {good() + " " + good(), "malformed"},
      {std::string(16UL * 1024 + 1, 'a'), "too_large"},
      {std::string(1024UL * 1024, 'a'), "too_large"},
      {broken, "bad_signature"},
      {SigningKey::second().token(kHeader, kPayload), "bad_signature"},
      {key.token(R"({"alg":"RS256","kid":"k2","typ":"at+jwt"})", kPayload), "unknown_key"},
      {key.token(R"({"alg":"none","kid":"k1","typ":"at+jwt"})", kPayload), "wrong_algorithm"},
      {key.token(R"({"alg":"RS256","kid":"k1","typ":"JWT"})", kPayload), "wrong_type"},
      {with(R"({"iss":"https://other","aud":"https://api","iat":1000,"exp":1900})"), "wrong_issuer"},
      {with(R"({"iss":"https://idp","aud":"https://other","iat":1000,"exp":1900})"), "wrong_audience"},
      {with(R"({"iss":"https://idp","aud":"https://api","iat":1000,"exp":1400})"), "expired"},
      {with(R"({"iss":"https://idp","aud":"https://api","iat":1000,"exp":1900,"nbf":1600})"), "not_yet_valid"},
      {with(R"({"iss":"https://idp","aud":"https://api","iat":1000,"exp":9000})"), "lifetime_too_long"},
      {with(R"({"iss":"https://idp","aud":"https://api","iat":1000})"), "claim_missing"}};
  for (const auto& [token, code] : cases) {
    const auto ran = verify(token);
    EXPECT_EQ(ran.status, 1) << code;
    EXPECT_EQ(ran.out, "") << code;
    EXPECT_EQ(ran.err, code + "\n");
  }
}

TEST_F(VerifyCommand, ObeysItsOptions) {
  const std::string expired =
      SigningKey::first().token(kHeader, R"({"iss":"https://idp","aud":"https://api","iat":1000,"exp":1450})");
  EXPECT_EQ(verify(expired).err, "expired\n");
  EXPECT_EQ(verify(expired, {"--leeway", "120"}).status, 0);
  const std::string longer =
      SigningKey::first().token(kHeader, R"({"iss":"https://idp","aud":"https://api","iat":1000,"exp":9000})");
  EXPECT_EQ(verify(longer, {"--lifetime-max", "8000"}).status, 0);
  EXPECT_EQ(verify(good(), {"--issuer", "https://second"}).status, 0) << "several issuers allow any of them";
}

TEST_F(VerifyCommand, JudgesByTheClockUnlessToldOtherwise) {
  const auto ran = test::signerctl(
      {"verify", "--jwks", jwks_, "--issuer", "https://idp", "--audience", "https://api", "--typ", "at+jwt"}, good());
  EXPECT_EQ(ran.err, "expired\n");
}

TEST_F(VerifyCommand, SaysThatItCannotJudge) {
  test::write_text(directory_ / "bad.json", R"({"keys":[]})");
  const std::vector<std::vector<std::string>> cases = {
      {"verify"},
      {"verify", "--jwks", jwks_, "--issuer", "i"},
      {"verify", "--jwks", directory_ / "none", "--issuer", "i", "--audience", "a"},
      {"verify", "--jwks", directory_ / "bad.json", "--issuer", "i", "--audience", "a"},
      {"verify", "--jwks", jwks_, "--issuer", "", "--audience", "a"},
      {"verify", "--jwks", jwks_, "--issuer", "i", "--audience", "a", "--leeway", "301"},
      {"verify", "--jwks", jwks_, "--issuer", "i", "--audience", "a", "--now", "-1"},
      {"verify", "--jwks", jwks_, "--issuer", "i", "--audience", "a", "--now", "soon"}};
  for (const auto& arguments : cases) {
    const auto ran = test::signerctl(arguments, good());
    EXPECT_EQ(ran.status, 2) << testing::PrintToString(arguments);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err, "");
  }
}

}  // namespace
}  // namespace signer
