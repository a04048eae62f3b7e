// SPDX-License-Identifier: Apache-2.0
//
// Payloads, each properly signed: only what it says can be the reason.
#include <string>

#include "tests/vectors/laxity_maker.h"

namespace signer::vectors {

namespace {

// CVE-2026-25537 and its kin: a claim of the wrong type must never count as absent, or as a number it is not.
void add_wrong_types(LaxityRows& rows) {
  std::vector<LaxityRows::Part> parts;
  const auto add = [&](const char* claim, const std::string& value, const char* expected) {
    const bool private_claim = std::string_view(claim) == "client_id";  // in a plain JWT
    parts.push_back({claim, test::claims_text(rows.now(), claim, value), expected, private_claim});
  };
  const std::string later = std::to_string(rows.now() + 600);
  for (const char* claim : {"iss", "sub", "aud", "jti", "client_id", "exp", "nbf", "iat"}) {
    for (const char* value : {"null", "true", "false", "[]", "[1]", "{}", R"({"a":1})", "-1", "-0.5"}) {
      add(claim, value, "claim_invalid");
    }
    add(claim, "-" + later, "claim_invalid");
    add(claim, "[" + later + "]", "claim_invalid");
    for (const char* value : {"1e300", "-1e300", "1e400", "9223372036854775808", "18446744073709551615",
                              "18446744073709551616", "-9223372036854775808", "9007199254740992"}) {
      add(claim, value, "payload_refused");
    }
  }
  for (const char* claim : {"iss", "sub", "aud", "jti", "client_id"}) {
    for (const char* value : {"0", "1", "1.5"}) add(claim, value, "claim_invalid");
    add(claim, later, "claim_invalid");
  }
  for (const char* claim : {"exp", "nbf", "iat"}) {
    add(claim, '"' + later + '"', "claim_invalid");
    for (const char* value : {R"("")", R"("2099-11-14T22:23:20Z")"}) add(claim, value, "claim_invalid");
  }
  rows.payloads("claim types", parts);
}

void add_caps(LaxityRows& rows) {
  const auto with_x = [&](const std::string& value) { return test::claims_text(rows.now(), "x", value); };
  const auto nested = [&](std::size_t depth) { return with_x(std::string(depth, '[') + std::string(depth, ']')); };
  rows.payloads("depth", {{"Depth16", nested(15), "ok"},
                          {"Depth17", nested(16), "payload_refused", LaxityRows::kPolicy},  // CVE-2025-53864
                          {"Depth5000", nested(5000), "payload_refused", LaxityRows::kPolicy}});
  const auto elements = [&](std::size_t count) {
    std::string array = "1";
    for (std::size_t i = 1; i < count; ++i) array += ",1";
    return with_x("[" + array + "]");  // 8 names and the elements
  };
  rows.payloads("members", {{"Members256", elements(248), "ok"},
                            {"Members257", elements(249), "payload_refused", LaxityRows::kPolicy}});
  // Three payload bytes are four characters.
  const std::size_t room = (16384 - rows.sign(rows.kHeader, with_x(R"("")")).size()) / 4 * 3;
  const auto filled = [&](std::size_t count) { return with_x('"' + std::string(count, 'x') + '"'); };
  rows.payloads(
      "size", {{"Size16KiB", filled(room), "ok"}, {"SizeLarger", filled(room + 3), "too_large", LaxityRows::kPolicy}});
}

// Tokens inside tokens, CVE-2026-29000: to the outer verifier they are no JSON object.
void add_nested(LaxityRows& rows) {
  rows.payloads("nested tokens",
                {{"NestedSigned", rows.good(), "payload_refused"},
                 {"NestedUnsigned",
                  jose::base64url_encode(R"({"alg":"none"})") + "." + jose::base64url_encode(rows.claims()) + ".",
                  "payload_refused"}});
}

}  // namespace

void add_claim_rows(LaxityRows& rows) {
  const std::string& good = rows.claims();
  const auto at = [&rows](long long seconds) { return std::to_string(rows.now() + seconds); };
  const auto with = [&rows](std::string_view name, const std::string& value = "") {
    return test::claims_text(rows.now(), name, value);
  };
  const auto plus = [&good](const std::string& members) { return good.substr(0, good.size() - 1) + members + "}"; };
  const std::string minimal =
      R"({"iss":"https://idp.example","aud":"api","exp":)" + at(600) + R"(,"iat":)" + at(0) + "}";
  const auto times = [&at](long long iat, long long exp) {
    return R"({"iss":"https://idp.example","aud":"api","iat":)" + at(iat) + R"(,"exp":)" + at(exp) + "}";
  };
  const std::string e2 = std::to_string((rows.now() + 600) / 100) + "e2";

  rows.payloads("payload JSON", {
                                    {"GoodWithoutOptionalClaims", minimal, "ok"},
                                    {"GoodPrivateClaims", plus(R"(,"x":null,"y":[1,{"z":true}],"":"")"), "ok"},
                                    {"GoodWhitespace", " \t\r\n" + good + "\n", "ok"},
                                    {"TwoObjects", good + good, "payload_refused"},
                                    {"TrailingGarbage", good + "x", "payload_refused"},
                                    {"TrailingNul", good + std::string(1, '\0'), "payload_refused"},
                                    {"Empty", "", "payload_refused"},
                                    {"Array", "[" + good + "]", "payload_refused"},
                                    {"Text", R"("text")", "payload_refused"},
                                    {"Null", "null", "payload_refused"},
                                    {"ControlCharacter", with("sub", "\"a\nb\""), "payload_refused"},
                                    {"BadEscape", with("sub", R"("\x41")"), "payload_refused"},
                                    {"TrailingComma", plus(","), "payload_refused"},
                                    {"NameWithoutQuotes", plus(",x:1"), "payload_refused"},
                                    {"Unterminated", good.substr(0, good.size() - 1), "payload_refused"},
                                    {"BadLiteral", plus(R"(,"x":tru)"), "payload_refused"},
                                });
  rows.payloads("aud", {
                           {"GoodAudienceArray", with("aud", R"(["x","api"])"), "ok"},
                           {"AudMissing", with("aud"), "claim_missing"},
                           {"AudOther", with("aud", R"("https://other.example")"), "wrong_audience"},
                           {"AudPrefix", with("aud", R"("ap")"), "wrong_audience"},
                           {"AudEmptyText", with("aud", R"("")"), "wrong_audience"},
                           {"AudEmptyArray", with("aud", "[]"), "claim_invalid"},  // CVE-2020-26160
                           {"AudArrayOfOthers", with("aud", R"(["x","y"])"), "wrong_audience"},
                           {"AudArrayWithNumber", with("aud", R"([1,"api"])"), "claim_invalid"},
                           {"AudArrayWithNull", with("aud", R"(["api",null])"), "claim_invalid"},
                           {"AudNestedArray", with("aud", R"([["api"]])"), "claim_invalid"},
                       });
  rows.payloads("exp", {
                           {"GoodFractions", with("exp", at(599) + ".5"), "ok"},
                           {"GoodExponent", with("exp", e2), "ok"},
                           {"ExpMissing", with("exp"), "claim_missing"},
                           {"ExpPast", times(-700, -100), "expired"},
                           {"ExpWithinLeeway", times(-600, -10), "ok"},
                       });
  rows.payloads(
      "duplicate names",
      {
          {"GoodEscapedName", R"({"i\u0073s":)" + minimal.substr(std::string_view(R"({"iss":)").size()), "ok"},
          {"DuplicateExp", plus(R"(,"exp":)" + at(600)), "payload_refused"},
          {"DuplicateSub", plus(R"(,"sub":"admin")"), "payload_refused"},
          {"DuplicateIssEscaped", plus(R"(,"is\u0073":"https://idp.example")"), "payload_refused"},
          {"DuplicateNested", plus(R"(,"x":{"a":1,"a":1})"), "payload_refused"},
      });
  rows.payloads("iss", {
                           {"IssMissing", with("iss"), "claim_missing"},
                           {"IssOther", with("iss", R"("https://other.example")"), "wrong_issuer"},
                           {"IssPrefix", with("iss", R"("https://idp.exampl")"), "wrong_issuer"},  // PyJWT GHSA-75c5
                           {"IssLonger", with("iss", R"("https://idp.example/")"), "wrong_issuer"},
                           {"IssOtherCase", with("iss", R"("https://IDP.example")"), "wrong_issuer"},
                           {"IssNul", with("iss", R"("https://idp.example\u0000")"), "wrong_issuer"},
                           {"IssEmpty", with("iss", R"("")"), "wrong_issuer"},
                           {"IssArrayWithTheRightOne", with("iss", R"(["https://idp.example"])"),
                            "claim_invalid"},  // CVE-2025-30144
                       });
  rows.payloads("iat", {
                           {"IatMissing", with("iat"), "claim_missing", LaxityRows::kPolicy},
                           {"IatFuture", times(500, 900), "not_yet_valid"},
                           {"IatWithinLeeway", times(10, 600), "ok"},
                       });
  rows.payloads("nbf", {
                           {"NbfFuture", with("nbf", at(500)), "not_yet_valid"},
                           {"NbfWithinLeeway", with("nbf", at(10)), "ok"},
                       });
  rows.payloads("lifetime",
                {
                    {"ExpBeforeIat", with("exp", at(-10)), "lifetime_too_long"},
                    {"LifetimeOfAnHour", with("exp", at(3600)), "ok"},
                    {"LifetimeTooLong", with("exp", at(3601)), "lifetime_too_long", LaxityRows::kPolicy},
                    {"NeverExpires", with("exp", "9007199254740991"), "lifetime_too_long", LaxityRows::kPolicy},
                });
  rows.payloads("UTF-8", {
                             {"ByteOrderMark", "\xEF\xBB\xBF" + good, "payload_refused"},
                             {"BadUtf8", with("sub", "\"\xff\""), "payload_refused"},
                             {"OverlongUtf8", with("sub", "\"\xc0\xaf\""), "payload_refused"},
                             {"Utf8Surrogate", with("sub", "\"\xed\xa0\x80\""), "payload_refused"},
                             {"Utf8BeyondUnicode", with("sub", "\"\xf4\x90\x80\x80\""), "payload_refused"},
                             {"Utf8CutShort", with("sub", "\"\xe2\x80\""), "payload_refused"},
                             {"LoneSurrogate", with("sub", R"("\ud800")"), "payload_refused"},
                             {"LoneLowSurrogate", with("sub", R"("\udc00")"), "payload_refused"},
                             {"GoodSurrogatePair", with("sub", R"("\ud83d\ude00")"), "ok"},
                         });
  rows.payloads("numbers",
                {
                    {"LeadingZero", with("exp", "0" + at(600)), "payload_refused"},
                    {"LeadingPlus", with("exp", "+" + at(600)), "payload_refused"},
                    {"Hex", with("exp", "0x7fffffff"), "payload_refused"},
                    {"NotANumber", with("exp", "NaN"), "payload_refused"},
                    {"Infinity", with("exp", "Infinity"), "payload_refused"},
                    {"PointAlone", with("exp", at(600) + "."), "payload_refused"},
                    {"BigPrivateNumber", plus(R"(,"x":9007199254740992)"), "payload_refused", LaxityRows::kPolicy},
                    {"HugePrivateNumber", plus(R"(,"x":1e400)"), "payload_refused", LaxityRows::kPolicy},
                });

  add_wrong_types(rows);
  add_caps(rows);
  add_nested(rows);
}

}  // namespace signer::vectors
