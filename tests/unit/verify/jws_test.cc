// SPDX-License-Identifier: Apache-2.0

#include "signer/jws.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "tests/support/signing_key.h"
#include "tests/vectors/rfc_vectors.h"

namespace signer::jws {
namespace {

using test::Scheme;
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

TEST(Jws, AcceptsTheTokenOfRfc7520Section41) {
  const auto set = KeySet::from_jwks(vectors::kRfc7520Jwks);
  const auto verified = verify(vectors::kRfc7520RsaToken, *set, policy(TypeRule::absent()));
  ASSERT_TRUE(verified) << to_string(verified.error());
  EXPECT_EQ(text_of(verified->payload()), vectors::kRfc7520RsaPayload);
}

// RFC 7515 §A.2 names no key; this library never guesses one.
TEST(Jws, RefusesTheTokenOfRfc7515A2BecauseItHasNoKid) {
  const std::string text =
      std::string(vectors::kRfc7515A2SigningInput) + "." + std::string(vectors::kRfc7515A2Signature);
  EXPECT_EQ(outcome(text, policy(TypeRule::absent())), "header_refused");
}

// A 2048-bit signature ends in a character with four spare bits: 15 more spellings decode alike in a lax decoder.
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

TEST(Jws, RefusesEveryOtherSpellingOfTheLastSignatureCharacter) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text = token();
  const std::size_t value = alphabet.find(text.back());
  ASSERT_EQ(value % 16, 0U);
  for (std::size_t spare = 1; spare < 16; ++spare) {
    text.back() = alphabet[value + spare];
    EXPECT_EQ(outcome(text), "malformed") << spare;
  }
  text.back() = alphabet[value];
  EXPECT_EQ(outcome(text), "ok");
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

struct ShapeRow {
  const char* name;
  std::string token;
  const char* expected;
};

void PrintTo(const ShapeRow& row, std::ostream* out) {
  *out << row.name;
}

class JwsShape : public testing::TestWithParam<ShapeRow> {};

TEST_P(JwsShape, IsRefused) {
  EXPECT_EQ(outcome(GetParam().token), GetParam().expected);
}

std::vector<ShapeRow> shape_rows() {
  const std::string good = token();
  const std::size_t first = good.find('.');
  const std::size_t last = good.rfind('.');
  const std::string header = good.substr(0, first);
  const std::string payload = good.substr(first + 1, last - first - 1);
  const std::string signature = good.substr(last + 1);
  const std::string padded_payload_input = header + "." + payload + "==";
  std::string plus = signature;
  plus[plus.find_first_not_of("+")] = '+';
  return {
      {"Empty", "", "malformed"},
      {"NoDot", header, "malformed"},
      {"OneDot", header + "." + payload, "malformed"},
      {"TwoDotsAlone", "..", "malformed"},
      {"FourParts", good + ".", "malformed"},
      {"FiveEmptyParts", "....", "malformed"},
      {"JweFiveParts", good + ".AA.AA", "malformed"},  // CVE-2023-51774, CVE-2026-29000
      {"EmptyHeader", "." + payload + "." + signature, "malformed"},
      {"EmptySignature", header + "." + payload + ".", "bad_signature"},
      {"PaddedSignature", good + "==", "malformed"},
      {"PaddedPayloadSignedAsSuch", padded_payload_input + "." + SigningKey::first().signature(padded_payload_input),
       "malformed"},
      {"TrailingNewline", good + "\n", "malformed"},
      {"TrailingSpace", good + " ", "malformed"},
      {"TrailingNul", good + std::string(1, '\0'), "malformed"},
      {"LeadingSpace", " " + good, "malformed"},
      {"LeadingNewline", "\n" + good, "malformed"},
      {"SpaceInPayload", header + ". " + payload + "." + signature, "malformed"},
      {"StandardAlphabet", header + "." + payload + "." + plus, "malformed"},
      {"OneByteMore", good + "A", "bad_signature"},     // 343 characters are 257 bytes
      {"OneCharacterMore", good + "AAA", "malformed"},  // 345: 1 modulo 4
      {"JsonGeneral",
       R"({"payload":")" + payload + R"(","signatures":[{"protected":")" + header + R"(","signature":")" + signature +
           R"("}]})",
       "malformed"},  // CVE-2022-39227
      {"JsonFlattened",
       R"({"protected":")" + header + R"(","payload":")" + payload + R"(","signature":")" + signature + R"("})",
       "malformed"},
      {"TenThousandDots", std::string(10000, '.'), "malformed"},
      {"TenMegabytesOfDots", std::string(10'000'000, '.'), "too_large"},  // CVE-2025-30204
  };
}

INSTANTIATE_TEST_SUITE_P(Rows, JwsShape, testing::ValuesIn(shape_rows()),
                         [](const auto& row) { return row.param.name; });

struct HeaderRow {
  const char* name;
  std::string header;
  const char* expected;
};

void PrintTo(const HeaderRow& row, std::ostream* out) {
  *out << row.name;
}

class JwsHeader : public testing::TestWithParam<HeaderRow> {};

// Every header is properly signed by the right key: only the header can be the reason.  Twice, for the header cache.
TEST_P(JwsHeader, HasItsOutcome) {
  const std::string text = SigningKey::first().token(GetParam().header, kPayload);
  EXPECT_EQ(outcome(text), GetParam().expected);
  EXPECT_EQ(outcome(text), GetParam().expected);
}

std::string with(std::string_view members) {
  return R"({"alg":"RS256","kid":"a","typ":"at+jwt",)" + std::string(members) + "}";
}

std::vector<HeaderRow> header_rows() {
  const auto alg = [](std::string_view value) {
    return R"({"alg":)" + std::string(value) + R"(,"kid":"a","typ":"at+jwt"})";
  };
  const auto kid = [](std::string_view value) {
    return R"({"alg":"RS256","kid":)" + std::string(value) + R"(,"typ":"at+jwt"})";
  };
  const auto typ = [](std::string_view value) {
    return R"({"alg":"RS256","kid":"a","typ":)" + std::string(value) + "}";
  };
  const std::string header(kHeader);
  return {
      {"Good", header, "ok"},
      {"GoodWithWhitespace", "\r\n { \"kid\" : \"a\", \"typ\":\"at+jwt\" ,\"alg\":\"RS256\" } ", "ok"},
      {"GoodEscaped", R"({"\u0061lg":"\u0052S256","kid":"a","typ":"at+jwt"})", "ok"},
      {"AlgNone", alg(R"("none")"), "wrong_algorithm"},
      {"AlgNoneCapital", alg(R"("None")"), "wrong_algorithm"},
      {"AlgNoneUpper", alg(R"("NONE")"), "wrong_algorithm"},
      {"AlgNoneMixed", alg(R"("noNE")"), "wrong_algorithm"},
      {"AlgNoneSpaced", alg(R"(" none")"), "wrong_algorithm"},
      {"AlgLowerCase", alg(R"("rs256")"), "wrong_algorithm"},
      {"AlgPrefix", alg(R"("RS2")"), "wrong_algorithm"},
      {"AlgLonger", alg(R"("RS256 ")"), "wrong_algorithm"},
      {"AlgNul", alg(R"("RS256\u0000")"), "wrong_algorithm"},
      {"AlgUnknown", alg(R"("RS999")"), "wrong_algorithm"},  // CVE-2026-23993
      {"AlgHs256", alg(R"("HS256")"), "wrong_algorithm"},
      {"AlgEs256", alg(R"("ES256")"), "wrong_algorithm"},
      {"AlgRsa15", alg(R"("RSA1_5")"), "wrong_algorithm"},  // CVE-2016-6298, CVE-2026-28490
      {"AlgEmpty", alg(R"("")"), "header_refused"},
      {"AlgNumber", alg("1"), "header_refused"},
      {"AlgNull", alg("null"), "header_refused"},
      {"AlgArray", alg(R"(["RS256"])"), "header_refused"},
      {"AlgObject", alg(R"({"RS256":1})"), "header_refused"},
      {"AlgMissing", R"({"kid":"a","typ":"at+jwt"})", "header_refused"},
      {"AlgTwice", R"({"alg":"none","alg":"RS256","kid":"a","typ":"at+jwt"})", "header_refused"},
      {"AlgTwiceAlike", R"({"alg":"RS256","alg":"RS256","kid":"a","typ":"at+jwt"})", "header_refused"},
      {"AlgTwiceEscaped", R"({"alg":"RS256","\u0061lg":"RS256","kid":"a","typ":"at+jwt"})", "header_refused"},
      {"KidUnknown", kid(R"("c")"), "unknown_key"},
      {"KidOfAnotherKey", kid(R"("b")"), "bad_signature"},
      {"KidOtherCase", kid(R"("A")"), "unknown_key"},
      {"KidLonger", kid(R"("aa")"), "unknown_key"},
      {"KidNumber", kid("1"), "header_refused"},
      {"KidNull", kid("null"), "header_refused"},
      {"KidArray", kid(R"(["a"])"), "header_refused"},
      {"KidEmpty", kid(R"("")"), "header_refused"},
      {"KidMissing", R"({"alg":"RS256","typ":"at+jwt"})", "header_refused"},
      {"KidNul", kid(R"("a\u0000")"), "header_refused"},
      {"KidPath", kid(R"("../../dev/null")"), "unknown_key"},
      {"KidSql", kid(R"("'OR'1'='1")"), "unknown_key"},
      {"KidUrl", kid(R"("http://127.0.0.1/jwks")"), "unknown_key"},
      {"KidNonAscii", kid(R"("\u00e4")"), "header_refused"},
      {"Kid256", kid("\"" + std::string(256, 'a') + "\""), "unknown_key"},
      {"Kid257", kid("\"" + std::string(257, 'a') + "\""), "header_refused"},
      {"KidHuge", kid("\"" + std::string(10'000, 'a') + "\""), "too_large"},
      {"TypMissing", R"({"alg":"RS256","kid":"a"})", "wrong_type"},
      {"TypOther", typ(R"("JWT")"), "wrong_type"},
      {"TypUpper", typ(R"("AT+JWT")"), "ok"},
      {"TypPrefixed", typ(R"("application/at+jwt")"), "ok"},
      {"TypPrefixedMixed", typ(R"("Application/At+Jwt")"), "ok"},
      {"TypOtherTree", typ(R"("text/at+jwt")"), "wrong_type"},
      {"TypEmpty", typ(R"("")"), "wrong_type"},
      {"TypLonger", typ(R"("at+jwt ")"), "wrong_type"},
      {"TypKelvin", typ(R"("at+jwt\u212a")"), "wrong_type"},
      {"TypNumber", typ("1"), "header_refused"},
      {"TypNull", typ("null"), "header_refused"},
      {"TypArray", typ(R"(["at+jwt"])"), "header_refused"},
      {"CritUnknown", with(R"("crit":["x"],"x":"1")"), "header_refused"},  // CVE-2025-59420, CVE-2026-32597
      {"CritEmpty", with(R"("crit":[])"), "header_refused"},
      {"CritText", with(R"("crit":"x")"), "header_refused"},
      {"CritAlg", with(R"("crit":["alg"])"), "header_refused"},
      {"CritB64", with(R"("crit":["b64"],"b64":false)"), "header_refused"},
      {"B64False", with(R"("b64":false)"), "header_refused"},
      {"B64True", with(R"("b64":true)"), "header_refused"},
      {"B64Text", with(R"("b64":"false")"), "header_refused"},
      {"EmbeddedJwk", with(R"("jwk":)" + SigningKey::first().jwk("")), "header_refused"},  // CVE-2018-0114
      {"JkuLoopback", with(R"("jku":"http://127.0.0.1/")"), "header_refused"},             // CVE-2024-21643
      {"X5u", with(R"("x5u":"https://attacker.example/")"), "header_refused"},
      {"X5c", with(R"("x5c":["MIIB"])"), "header_refused"},
      {"X5cText", with(R"("x5c":"MIIB")"), "header_refused"},
      {"Zip", with(R"("zip":"DEF")"), "header_refused"},       // CVE-2024-28176 and its kin
      {"P2c", with(R"("p2c":2147483647)"), "header_refused"},  // CVE-2022-36083
      {"P2cText", with(R"("p2c":"1")"), "header_refused"},
      {"Enc", with(R"("enc":"A256GCM")"), "header_refused"},
      {"Cty", with(R"("cty":"JWT")"), "header_refused"},
      {"Unknown", with(R"("x":"1")"), "header_refused"},
      {"ByteOrderMark", "\xEF\xBB\xBF" + header, "header_refused"},
      {"TwoObjects", header + header, "header_refused"},
      {"TrailingGarbage", header + "x", "header_refused"},
      {"TrailingNul", header + std::string(1, '\0'), "header_refused"},
      {"BadUtf8", with("\"x\":\"\xff\""), "header_refused"},
      {"OverlongUtf8", with("\"x\":\"\xc0\xaf\""), "header_refused"},
      {"LoneSurrogate", with(R"("x":"\ud800")"), "header_refused"},
      {"Utf16", std::string("{\0\"\0", 4), "header_refused"},
      {"Array", R"(["RS256"])", "header_refused"},
      {"Text", R"("RS256")", "header_refused"},
      {"Null", "null", "header_refused"},
      {"EmptyObject", "{}", "header_refused"},
      {"Comment", R"({"alg":"RS256",/**/"kid":"a","typ":"at+jwt"})", "header_refused"},
      {"TrailingComma", R"({"alg":"RS256","kid":"a","typ":"at+jwt",})", "header_refused"},
      {"SingleQuotes", R"({'alg':'RS256','kid':'a','typ':'at+jwt'})", "header_refused"},
      {"Deep", with(R"("x":)" + std::string(500, '[') + std::string(500, ']')), "header_refused"},
  };
}

INSTANTIATE_TEST_SUITE_P(Rows, JwsHeader, testing::ValuesIn(header_rows()),
                         [](const auto& row) { return row.param.name; });

// Family-granular pins (libjwt c948840): the same key, a sister algorithm, honest and dishonest headers.
TEST(Jws, RefusesSisterAlgorithmsOfTheSameKey) {
  const auto header = [](std::string_view alg) {
    return R"({"alg":")" + std::string(alg) + R"(","kid":"a","typ":"at+jwt"})";
  };
  const struct {
    Scheme scheme;
    const char* name;
  } rows[] = {{Scheme::kRs384, "RS384"}, {Scheme::kRs512, "RS512"}, {Scheme::kPs256, "PS256"}};
  for (const auto& [scheme, name] : rows) {
    EXPECT_EQ(outcome(SigningKey::first().token(header(name), kPayload, scheme)), "wrong_algorithm") << name;
    EXPECT_EQ(outcome(SigningKey::first().token(header("RS256"), kPayload, scheme)), "bad_signature") << name;
  }
}

// CVE-2015-9235, CVE-2016-10555, CVE-2022-29217, CVE-2023-48223, CVE-2026-34950, CVE-2026-44699.
TEST(Jws, RefusesHmacKeyedWithAnyPublicText) {
  const std::string jwk = SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")");
  const Bytes modulus = SigningKey::first().public_key().modulus;
  const std::string pem = SigningKey::first().pem();
  const std::string secrets[] = {"",
                                 pem,
                                 pem.substr(0, pem.size() - 1),
                                 "\n" + pem,
                                 " " + pem,
                                 jwk,
                                 jwk + "\n",
                                 " " + jwk,
                                 std::string(text_of(modulus)),
                                 jose::base64url_encode(modulus)};
  for (const std::string& secret : secrets) {
    EXPECT_EQ(outcome(test::hs256_token(R"({"alg":"HS256","kid":"a","typ":"at+jwt"})", kPayload, secret)),
              "wrong_algorithm");
    EXPECT_EQ(outcome(test::hs256_token(kHeader, kPayload, secret)), "bad_signature");
  }
}

// CVE-2015-2951, CVE-2018-1000531, CVE-2022-23540.
TEST(Jws, RefusesAlgNoneWithoutASignature) {
  for (const char* name : {"none", "None", "NONE", "noNE", " none"}) {
    const std::string header = R"({"alg":")" + std::string(name) + R"(","kid":"a","typ":"at+jwt"})";
    EXPECT_EQ(outcome(jose::base64url_encode(header) + "." + jose::base64url_encode(kPayload) + "."),
              "wrong_algorithm");
  }
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
