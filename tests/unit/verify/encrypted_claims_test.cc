// SPDX-License-Identifier: Apache-2.0
//
// Claims that are encrypted inside a token.  Lose these and a claim may have two values, or a stranger may read or
// replace the claims that are not for everybody.
#include "signer/encrypted_claims.h"

#include <string>
#include <vector>

#include "jose/jwe.h"
#include "tests/unit/verify/nested.h"

namespace signer::jwt {
namespace {

using test::EncryptionKey;

class Selective : public Nested {
 protected:
  static std::string payload_with(std::string_view claim) {
    return R"({"iss":"i","aud":"a","sub":"s","iat":1700000000,"exp":1700000060,"n":1.5,"encrypted_claims":)" +
           std::string(claim) + "}";
  }

  [[nodiscard]] Result<Claims, VerifyError> open(std::string_view claim) const {
    const auto claims = verifier_.verify(inner(payload_with(claim)), keys_, at(1'700'000'000));
    test::require(claims.has_value());
    return open_encrypted_claims(*claims, private_keys_);
  }

  [[nodiscard]] Result<Claims, VerifyError> open_text(std::string_view header, std::string_view text) const {
    return open("\"" + sealed(header, text) + "\"");
  }
};

TEST_F(Selective, GivesAllClaimsTogether) {
  const auto claims = open_text(kClaimsHeader, R"({"mrn":"42","birth":{"year":1970},"n2":[1,2.25],"é":"ü"})");
  ASSERT_TRUE(claims) << to_string(claims.error());
  EXPECT_EQ(claims->string("mrn"), "42");
  EXPECT_EQ(claims->subject(), "s");
  EXPECT_EQ(claims->issuer(), "i");
  EXPECT_EQ(claims->audiences(), std::vector<std::string>{"a"});
  EXPECT_EQ(claims->expires_at().time_since_epoch().count(), 1'700'000'060);
  EXPECT_EQ(claims->issued_at()->time_since_epoch().count(), 1'700'000'000);
  EXPECT_EQ(claims->kid(), "a");
  EXPECT_EQ(claims->payload_json(),
            R"({"aud":"a","birth":{"year":1970},"exp":1700000060,"iat":1700000000,"iss":"i","mrn":"42","n":1.5,)"
            R"("n2":[1,2.25],"sub":"s","é":"ü"})");
  EXPECT_TRUE(open_text(kClaimsHeader, "{}"));
}

TEST_F(Selective, OpensWhatOurProducerMakes) {
  const auto recipient = jose::JweRecipient::from_jwk(EncryptionKey::first().jwk(R"(,"kid":"r1")"));
  const auto jwe = jose::jwe_encrypt(*recipient, {.cty = jose::kClaimsContent, .typ = {}}, R"({"mrn":"42"})");
  ASSERT_TRUE(jwe);
  const auto claims = open("\"" + *jwe + "\"");
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->string("mrn"), "42");
}

TEST_F(Selective, StaysClosedToWhoHasNoKey) {
  const auto claims = verifier_.verify(inner(payload_with("\"" + sealed(kClaimsHeader, R"({"mrn":"42"})") + "\"")),
                                       keys_, at(1'700'000'000));
  ASSERT_TRUE(claims) << "the rest stays readable";
  EXPECT_EQ(claims->string("mrn"), std::nullopt);
  const auto others = DecryptionKeys::from_pem(EncryptionKey::second().private_pem());
  EXPECT_EQ(open_encrypted_claims(*claims, *others).error(), VerifyError::kDecryptFailed);
}

TEST_F(Selective, WorksInsideANestedTokenToo) {
  const auto outer =
      verify(sealed(kOuterHeader, inner(payload_with("\"" + sealed(kClaimsHeader, R"({"x":"y"})") + "\""))));
  ASSERT_TRUE(outer);
  EXPECT_EQ(open_encrypted_claims(*outer, private_keys_)->string("x"), "y");
}

TEST_F(Selective, SaysIfThereIsNothingToOpen) {
  const auto claims = verifier_.verify(inner(), keys_, at(1'700'000'000));
  ASSERT_TRUE(claims);
  EXPECT_EQ(open_encrypted_claims(*claims, private_keys_).error(), VerifyError::kClaimMissing);
}

// A claim that stands twice would let two readers see two patients.
TEST_F(Selective, AClaimInsideMustNotDecideWhatWasJudgedOutside) {
  for (const char* text : {R"({"iss":"i"})",
                           R"({"aud":"a"})",
                           R"({"exp":1700000060})",
                           R"({"nbf":1})",
                           R"({"iat":1})",
                           R"({"sub":"s"})",
                           R"({"sub":"t"})",
                           R"({"n":1.5})",
                           R"({"encrypted_claims":"x"})",
                           R"({"jti":7})",
                           R"({"client_id":null})",
                           R"({"a":1,"a":2})",
                           R"(["a"])",
                           R"("a")",
                           "",
                           "{",
                           R"({"a":1} x)",
                           R"({"a":9007199254740993})",
                           "{\"a\":\"\xff\"}",
                           R"({"a":"\ud800"})"}) {
    const auto refused = open_text(kClaimsHeader, text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error(), VerifyError::kDecryptFailed) << text;
  }
  EXPECT_TRUE(open_text(kClaimsHeader, R"({"jti":"j","client_id":"c"})"));
}

TEST_F(Selective, ValuesThatAreNoJweOfClaimsAreOneRefusal) {
  const std::string good = sealed(kClaimsHeader, R"({"mrn":"42"})");
  for (const std::string& claim :
       {std::string("7"), std::string("null"), std::string("{}"), std::string("\"\""), "[\"" + good + "\"]",
        "\"" + good + "A\"", "\"" + good.substr(1) + "\"", "\"" + inner() + "\"",
        "\"" + sealed(kOuterHeader, R"({"mrn":"42"})") + "\"", "\"" + sealed(kOuterHeader, inner()) + "\""}) {
    const auto refused = open(claim);
    ASSERT_FALSE(refused) << claim;
    EXPECT_EQ(refused.error(), VerifyError::kDecryptFailed) << claim;
  }
  for (const char* member : {R"("zip":"DEF")", R"("crit":["x"])", R"("typ":"JWT")", R"("iss":"i")", R"("sub":"s")",
                             R"("aud":"a")", R"("kid":"r2")"}) {
    const std::string header = R"({"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"json",)" + std::string(member) + "}";
    EXPECT_FALSE(open_text(header, R"({"mrn":"42"})")) << member;
  }
  EXPECT_EQ(verdict(sealed(kClaimsHeader, inner())), "decrypt_failed") << "claims are no nested token";
}

}  // namespace
}  // namespace signer::jwt
