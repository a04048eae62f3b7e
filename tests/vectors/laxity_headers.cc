// SPDX-License-Identifier: Apache-2.0
//
// Forms, headers and signatures.  The claims are good in all of them.
#include <algorithm>
#include <string>

#include "base/hex.h"
#include "jose/hash.h"
#include "tests/vectors/laxity_maker.h"

namespace signer::vectors {

namespace {

using test::Scheme;

struct Parts {
  explicit Parts(const std::string& token)
      : header(token.substr(0, token.find('.'))),
        payload(token.substr(header.size() + 1, token.rfind('.') - header.size() - 1)),
        signature(token.substr(token.rfind('.') + 1)) {}

  std::string header;
  std::string payload;
  std::string signature;
};

std::string header_of(std::string_view alg, std::string_view kid) {
  return R"({"alg":")" + std::string(alg) + R"(","kid":")" + std::string(kid) + R"(","typ":"at+jwt"})";
}

// The same bits in the alphabet of RFC 4648 §4.
std::string in_standard_alphabet(const LaxityRows& rows) {
  std::string header(rows.kHeader);
  std::string token = rows.good();
  // One signature in fifty thousand has neither character; white space makes another.
  while (token.find_first_of("-_", token.rfind('.')) == std::string::npos)
    token = rows.sign(header += ' ', rows.claims());
  std::ranges::replace(token, '-', '+');
  std::ranges::replace(token, '_', '/');
  return token;
}

// With the last bit of `encoded` set, which no byte is made of: its length is no multiple of four.
std::string with_spare_bit(std::string encoded) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  encoded.back() = kAlphabet[kAlphabet.find(encoded.back()) | 1U];
  return encoded;
}

// `json`, with white space behind it until its encoding has spare bits.
std::string spare_encoding(std::string json) {
  while (json.size() % 3 == 0) json += ' ';
  return with_spare_bit(jose::base64url_encode(json));
}

std::string with_spare_bits_in_header(const LaxityRows& rows) {
  const std::string input = spare_encoding(std::string(rows.kHeader)) + "." + jose::base64url_encode(rows.claims());
  return input + "." + rows.keys().a.signature(input);
}

std::string with_spare_bits_in_payload(const LaxityRows& rows) {
  const std::string input = jose::base64url_encode(rows.kHeader) + "." + spare_encoding(rows.claims());
  return input + "." + rows.keys().a.signature(input);
}

// RFC 7515 §7.1, RFC 8725 §3.14.
void add_forms(LaxityRows& rows) {
  const std::string& good = rows.good();
  const auto [header, payload, signature] = Parts(good);
  rows.tokens("compact form", {
                                  {"Empty", "", "malformed"},
                                  {"NoDot", header, "malformed"},
                                  {"OneDot", header + "." + payload, "malformed"},
                                  {"TwoDotsAlone", "..", "malformed"},
                                  {"FourParts", good + ".", "malformed"},
                                  {"FiveEmptyParts", "....", "malformed"},
                                  {"JweFiveParts", good + ".AA.AA", "malformed"},  // CVE-2023-51774, CVE-2026-29000
                                  {"EmptyHeader", "." + payload + "." + signature, "malformed"},
                                  {"EmptySignature", header + "." + payload + ".", "bad_signature"},
                                  {"JsonGeneral",
                                   R"({"payload":")" + payload + R"(","signatures":[{"protected":")" + header +
                                       R"(","signature":")" + signature + R"("}]})",
                                   "malformed"},  // CVE-2022-39227
                                  {"JsonFlattened",
                                   R"({"protected":")" + header + R"(","payload":")" + payload + R"(","signature":")" +
                                       signature + R"("})",
                                   "malformed"},
                                  {"TenThousandDots", std::string(10000, '.'), "malformed"},
                                  {"TooManyDots", std::string(20000, '.'), "too_large"},  // CVE-2025-30204
                              });
  const std::string padded = header + "." + payload + "==";
  const std::string spaced = header + ". " + payload;
  std::vector<LaxityRows::Part> encodings = {
      {"PaddedSignature", good + "==", "malformed"},
      {"PaddedPayload", padded + "." + rows.keys().a.signature(padded), "malformed"},
      {"TrailingNewline", good + "\n", "malformed"},
      {"TrailingSpace", good + " ", "malformed"},
      {"TrailingNul", good + std::string(1, '\0'), "malformed"},
      {"LeadingSpace", " " + good, "malformed"},
      {"LeadingNewline", "\n" + good, "malformed"},
      {"SpaceInPayload", spaced + "." + rows.keys().a.signature(spaced), "malformed"},
      {"StandardAlphabet", in_standard_alphabet(rows), "malformed"},
      {"SpareBitsInHeader", with_spare_bits_in_header(rows), "malformed"},
      {"SpareBitsInPayload", with_spare_bits_in_payload(rows), "malformed"},
      {"OneByteMore", good + "A", "bad_signature"},     // 343 characters are 257 bytes
      {"OneCharacterMore", good + "AAA", "malformed"},  // 345: 1 modulo 4
  };
  // A 2048-bit signature ends in a character with four spare bits: 15 more spellings decode alike in a lax decoder.
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::size_t value = kAlphabet.find(good.back());
  for (std::size_t spare = 1; spare < 16; ++spare) {
    encodings.push_back({"SpareBits", good.substr(0, good.size() - 1) + kAlphabet[value + spare], "malformed"});
  }
  rows.tokens("base64url", encodings);
}

// CVE-2015-9235, CVE-2016-10555, CVE-2022-29217, CVE-2023-48223, CVE-2026-34950, CVE-2026-44699: a secret that is the
// public key in some spelling.  CVE-2015-2951, CVE-2018-1000531, CVE-2022-23540: no signature at all.
void add_confusions(LaxityRows& rows) {
  const test::SigningKey& key = rows.keys().a;
  const std::string jwk = key.jwk(R"(,"alg":"RS256","kid":"a")");
  const Bytes modulus = key.public_key().modulus;
  const std::string pem = key.pem();
  const std::string pkcs1 = key.pkcs1_pem();
  std::vector<LaxityRows::Part> hmac;
  for (const std::string& secret :
       {std::string(), pem, pem.substr(0, pem.size() - 1), "\n" + pem, " " + pem, jwk, jwk + "\n", " " + jwk,
        std::string(text_of(modulus)), jose::base64url_encode(modulus), pkcs1, pkcs1.substr(0, pkcs1.size() - 1),
        key.der(), key.pkcs1_der()}) {
    hmac.push_back(
        {"HmacHonest", test::hs256_token(header_of("HS256", "a"), rows.claims(), secret), "wrong_algorithm"});
    hmac.push_back({"HmacHidden", test::hs256_token(rows.kHeader, rows.claims(), secret), "bad_signature"});
  }
  rows.tokens("public key as a secret", hmac);

  std::vector<LaxityRows::Part> none;
  for (const char* name : {"none", "None", "NONE", "noNE", " none"}) {
    const std::string input =
        jose::base64url_encode(header_of(name, "a")) + "." + jose::base64url_encode(rows.claims()) + ".";
    none.push_back({"NoneUnsigned", input, "wrong_algorithm"});
    none.push_back({"NoneSigned", rows.sign(header_of(name, "a"), rows.claims()), "wrong_algorithm"});
  }
  rows.tokens("alg none", none);

  // RFC 8725 §3.1, libjwt c948840: one key, one algorithm.
  std::vector<LaxityRows::Part> sisters;
  const std::pair<Scheme, const char*> schemes[] = {
      {Scheme::kRs384, "RS384"}, {Scheme::kRs512, "RS512"}, {Scheme::kPs256, "PS256"}};
  for (const auto& [scheme, name] : schemes) {
    sisters.push_back({"SisterHonest", key.token(header_of(name, "a"), rows.claims(), scheme), "wrong_algorithm"});
    sisters.push_back({"SisterHidden", key.token(rows.kHeader, rows.claims(), scheme), "bad_signature"});
  }
  rows.tokens("sister algorithms", sisters);
}

std::string with_signature(const std::string& input, const Bytes& signature) {
  return input + "." + jose::base64url_encode(signature);
}

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The same number modulo the modulus: as good a signature to whoever does not compare sizes first.
Bytes signature_plus_modulus(const test::SigningKey& key, const Bytes& signature) {
  const Bytes modulus = key.public_key().modulus;
  Bytes sum(signature.size(), 0);
  unsigned carry = 0;
  for (std::size_t i = sum.size(); i-- > 0;) {
    carry += unsigned{signature[i]} + modulus[i];
    sum[i] = static_cast<std::uint8_t>(carry & 0xffU);
    carry >>= 8U;
  }
  return carry == 0 ? sum : joined(Bytes(1, 1), sum);
}

// SEC 2 §2.4.2: n.
Bytes p256_order() {
  return *from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
}

// With padding, as x5c has it (RFC 7515 §4.1.6).
std::string base64(const std::string& der) {
  std::string text = jose::base64url_encode(der);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  return text + std::string((4 - text.size() % 4) % 4, '=');
}

// RFC 7518 §3.3 to §3.5, RFC 8037 §3.1.
void add_signatures(LaxityRows& rows) {
  const LaxityKeys& keys = rows.keys();
  const auto input_of = [&rows](std::string_view alg, std::string_view kid) {
    return jose::base64url_encode(header_of(alg, kid)) + "." + jose::base64url_encode(rows.claims());
  };
  const std::string rs = input_of("RS256", "a");
  const Bytes signature = *jose::base64url_decode(Parts(rows.good()).signature);
  // The bare hash in the last bytes, no padding around it (CVE-2006-4339 and its kin are about padding judged loosely).
  Bytes unpadded(256, 0);
  const auto hash = jose::sha256(bytes_of(rs));
  std::copy(hash.begin(), hash.end(), unpadded.end() - static_cast<std::ptrdiff_t>(hash.size()));
  rows.tokens("RSA signature",
              {
                  {"OtherKey", keys.b.token(rows.kHeader, rows.claims()), "bad_signature"},
                  {"KeyB", keys.b.token(header_of("RS256", "b"), rows.claims()), "ok"},
                  {"Zeros", with_signature(rs, Bytes(256, 0)), "bad_signature"},
                  {"Ones", with_signature(rs, Bytes(256, 0xff)), "bad_signature"},
                  {"Modulus", with_signature(rs, keys.a.public_key().modulus), "bad_signature"},
                  {"Short", with_signature(rs, Bytes(255, 1)), "bad_signature"},
                  {"ZeroInFront", with_signature(rs, joined(Bytes(1, 0), signature)), "bad_signature"},
                  {"PlusModulus", with_signature(rs, signature_plus_modulus(keys.a, signature)), "bad_signature"},
                  {"Unpadded", with_signature(rs, keys.a.raw_signature(unpadded)), "bad_signature"},
                  {"OtherPayload",
                   input_of("RS256", "a").substr(0, rs.find('.')) + "." + jose::base64url_encode("{}") +
                       rows.good().substr(rows.good().rfind('.')),
                   "bad_signature"},
              });
  const std::string es = input_of("ES256", "e");
  const Bytes good = keys.e.signature(es);
  const Bytes r(good.begin(), good.begin() + 32);
  const Bytes s(good.begin() + 32, good.end());
  const Bytes zero(32, 0);
  rows.tokens("ECDSA signature",
              {
                  {"EcdsaGood", with_signature(es, good), "ok"},
                  {"EcdsaDer", with_signature(es, keys.e.native_signature(es)), "bad_signature"},
                  {"EcdsaZeros", with_signature(es, Bytes(64, 0)), "bad_signature"},  // CVE-2022-21449
                  {"EcdsaZeroR", with_signature(es, joined(zero, s)), "bad_signature"},
                  {"EcdsaZeroS", with_signature(es, joined(r, zero)), "bad_signature"},
                  {"EcdsaSwapped", with_signature(es, joined(s, r)), "bad_signature"},
                  {"EcdsaLeadingZero", with_signature(es, joined(Bytes(1, 0), good)), "bad_signature"},
                  {"EcdsaOrderR", with_signature(es, joined(p256_order(), s)), "bad_signature"},
                  {"EcdsaOrderS", with_signature(es, joined(r, p256_order())), "bad_signature"},
                  {"EcdsaEmpty", es + ".", "bad_signature"},
              });
  const std::string ps = input_of("PS256", "p");
  rows.tokens("PSS signature",
              {
                  {"PssGood", with_signature(ps, keys.p.signature(ps)), "ok"},
                  {"PssNoSalt", with_signature(ps, keys.p.native_signature(ps, 0)), "bad_signature"},
                  {"PssShortSalt", with_signature(ps, keys.p.native_signature(ps, 20)), "bad_signature"},
                  {"PssLongSalt", with_signature(ps, keys.p.native_signature(ps, 33)), "bad_signature"},
              });
  const std::string ed = input_of("Ed25519", "o");
  const std::string old_name = input_of("EdDSA", "o");
  rows.tokens("Ed25519 signature",
              {
                  {"Ed25519Good", with_signature(ed, keys.o.signature(ed)), "ok"},
                  {"Ed25519Zeros", with_signature(ed, Bytes(64, 0)), "bad_signature"},
                  {"Ed25519Longer", with_signature(ed, joined(keys.o.signature(ed), Bytes(1, 0))), "bad_signature"},
                  {"EdDsaDeprecated", with_signature(old_name, keys.o.signature(old_name)), "wrong_algorithm",
                   LaxityRows::kPolicy},  // RFC 9864
              });
}

// Signed by a key that the header brings along or points to (CVE-2018-0114, CVE-2024-21643), under our kid and another.
std::vector<LaxityRows::Part> attackers_tokens(const LaxityRows& rows) {
  const test::SigningKey& key = rows.keys().attacker;
  std::vector<LaxityRows::Part> parts;
  const auto add = [&](const char* name, const std::string& member) {
    for (const char* kid : {"a", "attacker"}) {
      const std::string header = R"({"alg":"RS256","kid":")" + std::string(kid) + R"(","typ":"at+jwt",)" + member + "}";
      parts.push_back({name, key.token(header, rows.claims()), "header_refused"});
    }
  };
  add("AttackersJwk", R"("jwk":)" + key.jwk(R"(,"alg":"RS256","kid":"attacker")"));
  add("AttackersX5c", R"("x5c":[")" + base64(key.certificate_der()) + "\"]");
  add("AttackersJku", R"("jku":"https://attacker.example/jwks")");
  add("AttackersX5u", R"("x5u":"https://attacker.example/certificate")");
  return parts;
}

// RFC 7515 §4.1, §5.2.
void add_header_members(LaxityRows& rows) {
  const auto alg = [](std::string_view value) {
    return R"({"alg":)" + std::string(value) + R"(,"kid":"a","typ":"at+jwt"})";
  };
  const auto kid = [](std::string_view value) {
    return R"({"alg":"RS256","kid":)" + std::string(value) + R"(,"typ":"at+jwt"})";
  };
  const auto typ = [](std::string_view value) {
    return R"({"alg":"RS256","kid":"a","typ":)" + std::string(value) + "}";
  };
  const auto with = [](std::string_view members) {
    return R"({"alg":"RS256","kid":"a","typ":"at+jwt",)" + std::string(members) + "}";
  };
  const std::string header(rows.kHeader);
  rows.headers("header JSON",
               {
                   {"GoodWithWhitespace", "\r\n { \"kid\" : \"a\", \"typ\":\"at+jwt\" ,\"alg\":\"RS256\" } ", "ok"},
                   {"GoodEscaped", R"({"\u0061lg":"\u0052S256","kid":"a","typ":"at+jwt"})", "ok"},
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
                   {"Deep", with(R"("x":)" + std::string(500, '[') + std::string(500, ']')), "header_refused",
                    LaxityRows::kPolicy},
               });
  rows.headers(
      "alg",
      {
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
      });
  rows.headers("kid", {
                          {"KidUnknown", kid(R"("c")"), "unknown_key"},
                          {"KidOfAnotherKey", kid(R"("b")"), "bad_signature"},
                          {"KidOtherCase", kid(R"("A")"), "unknown_key"},
                          {"KidLonger", kid(R"("aa")"), "unknown_key"},
                          {"KidNumber", kid("1"), "header_refused"},
                          {"KidNull", kid("null"), "header_refused"},
                          {"KidArray", kid(R"(["a"])"), "header_refused"},
                          {"KidEmpty", kid(R"("")"), "header_refused", LaxityRows::kPolicy},
                          {"KidMissing", R"({"alg":"RS256","typ":"at+jwt"})", "header_refused"},
                          {"KidNul", kid(R"("a\u0000")"), "header_refused", LaxityRows::kPolicy},
                          {"KidPath", kid(R"("../../dev/null")"), "unknown_key"},
                          {"KidSql", kid(R"("'OR'1'='1")"), "unknown_key"},
                          {"KidUrl", kid(R"("http://127.0.0.1/jwks")"), "unknown_key"},
                          {"KidNonAscii", kid(R"("\u00e4")"), "header_refused", LaxityRows::kPolicy},
                          {"Kid256", kid("\"" + std::string(256, 'a') + "\""), "unknown_key"},
                          {"Kid257", kid("\"" + std::string(257, 'a') + "\""), "header_refused", LaxityRows::kPolicy},
                          {"KidHuge", kid("\"" + std::string(10'000, 'a') + "\""), "too_large", LaxityRows::kPolicy},
                      });
  rows.headers("typ", {
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
                      });
  rows.headers(
      "crit", {
                  {"CritUnknown", with(R"("crit":["x"],"x":"1")"), "header_refused"},  // CVE-2025-59420, CVE-2026-32597
                  {"CritEmpty", with(R"("crit":[])"), "header_refused"},
                  {"CritText", with(R"("crit":"x")"), "header_refused"},
                  {"CritAlg", with(R"("crit":["alg"])"), "header_refused"},
                  {"CritB64", with(R"("crit":["b64"],"b64":false)"), "header_refused"},
              });
  rows.headers("b64", {
                          {"B64False", with(R"("b64":false)"), "header_refused"},
                          {"B64True", with(R"("b64":true)"), "header_refused", LaxityRows::kPolicy},
                          {"B64Text", with(R"("b64":"false")"), "header_refused", LaxityRows::kPolicy},
                      });
  rows.headers("keys in the header",
               {
                   {"EmbeddedJwk", with(R"("jwk":)" + rows.keys().a.jwk("")), "header_refused",
                    LaxityRows::kPolicy},  // CVE-2018-0114
                   {"JkuLoopback", with(R"("jku":"http://127.0.0.1/")"), "header_refused",
                    LaxityRows::kPolicy},  // CVE-2024-21643
                   {"X5u", with(R"("x5u":"https://attacker.example/")"), "header_refused", LaxityRows::kPolicy},
                   {"X5c", with(R"("x5c":["MIIB"])"), "header_refused", LaxityRows::kPolicy},
                   {"X5cText", with(R"("x5c":"MIIB")"), "header_refused", LaxityRows::kPolicy},
               });
  rows.tokens("keys of the attacker", attackers_tokens(rows));
  rows.headers(
      "parameters of encryption",
      {
          {"Zip", with(R"("zip":"DEF")"), "header_refused", LaxityRows::kPolicy},       // CVE-2024-28176 and its kin
          {"P2c", with(R"("p2c":2147483647)"), "header_refused", LaxityRows::kPolicy},  // CVE-2022-36083
          {"P2cText", with(R"("p2c":"1")"), "header_refused", LaxityRows::kPolicy},
          {"P2s", with(R"("p2s":"AAAA")"), "header_refused", LaxityRows::kPolicy},
          {"Epk", with(R"("epk":{})"), "header_refused", LaxityRows::kPolicy},
          {"Enc", with(R"("enc":"A256GCM")"), "header_refused", LaxityRows::kPolicy},
      });
  rows.headers("unknown parameters", {
                                         {"Cty", with(R"("cty":"JWT")"), "header_refused", LaxityRows::kPolicy},
                                         {"Unknown", with(R"("x":"1")"), "header_refused", LaxityRows::kPolicy},
                                     });
}

}  // namespace

void add_header_rows(LaxityRows& rows) {
  add_forms(rows);
  add_header_members(rows);
  add_confusions(rows);
  add_signatures(rows);
}

LaxityCase laxity_case(long long now) {
  LaxityRows rows(now);
  const LaxityKeys& keys = rows.keys();
  const std::string jwks = R"({"keys":[)" + keys.a.jwk(R"(,"alg":"RS256","kid":"a")") + "," +
                           keys.b.jwk(R"(,"alg":"RS256","kid":"b")") + "," + keys.e.jwk("e").dump() + "," +
                           keys.p.jwk("p").dump() + "," + keys.o.jwk("o").dump() + "]}";
  add_header_rows(rows);
  add_claim_rows(rows);
  return {jwks,
          {{Algorithm::kRs256, Algorithm::kEs256, Algorithm::kPs256, Algorithm::kEd25519},
           jwt::Issuers{"https://idp.example"},
           jwt::Audiences{"https://api.example", "api"},
           jws::TypeRule::is("at+jwt")},
          now,
          rows.take()};
}

}  // namespace signer::vectors
