// SPDX-License-Identifier: Apache-2.0
// Target functions: KeySet::from_jwks, jws::verify, jwt::Verifier::verify, each beside cjose and jansson.
//
// We are the stricter ones: what we accept, they must accept too, and read in it what we read.  The input's first byte
// says what it is; headers and payloads are signed here with a key of this process, so that mutations get behind the
// signature.
#include <cjose/cjose.h>
#include <jansson.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

#include "fuzz/fuzz.h"
#include "jose/base64url.h"
#include "signer/jwt.h"
#include "tests/support/algorithm_key.h"

namespace signer::fuzz {
namespace {

using CjoseKey = std::unique_ptr<cjose_jwk_t, decltype([](cjose_jwk_t* key) { ::cjose_jwk_release(key); })>;
using CjoseJws = std::unique_ptr<cjose_jws_t, decltype([](cjose_jws_t* jws) { ::cjose_jws_release(jws); })>;
using Jansson = std::unique_ptr<json_t, decltype([](json_t* value) { ::json_decref(value); })>;

constexpr std::string_view kHeader = R"({"alg":"ES256","kid":"k","typ":"at+jwt"})";
constexpr std::string_view kPayload = R"({"iss":"i","aud":["a","b"],"exp":1700000600,"iat":1700000000,"sub":"u"})";
constexpr long long kNow = 1'700'000'100;

struct Fixture {
  test::AlgorithmKey key{Algorithm::kEs256};
  std::string jwk = key.jwk("k").dump();
  KeySet keys = *KeySet::from_jwks(R"({"keys":[)" + jwk + "]}");
  CjoseKey other{::cjose_jwk_import(jwk.data(), jwk.size(), nullptr)};
  jws::Policy any_type{{Algorithm::kEs256}, jws::TypeRule::any()};
  jwt::Verifier verifier =
      *jwt::Verifier::make({{Algorithm::kEs256}, jwt::Issuers{"i"}, jwt::Audiences{"a"}, jws::TypeRule::is("at+jwt")});
};

const Fixture& fixture() {
  static const Fixture fixture = [] {
    Fixture made;
    require(made.other != nullptr, "cjose loads the key");
    const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(kNow));
    require(made.verifier.verify(made.key.token(kHeader, kPayload), made.keys, now).has_value(), "we take the token");
    return made;
  }();
  return fixture;
}

bool cjose_reads(const std::string& token, ByteView payload) {
  const CjoseJws jws(::cjose_jws_import(token.data(), token.size(), nullptr));
  if (jws == nullptr || !::cjose_jws_verify(jws.get(), fixture().other.get(), nullptr)) return false;
  std::uint8_t* plain = nullptr;
  std::size_t size = 0;
  return ::cjose_jws_get_plaintext(jws.get(), &plain, &size, nullptr) && text_of({plain, size}) == text_of(payload);
}

std::string_view text_in(const json_t* object, const char* name) {
  const json_t* value = ::json_object_get(object, name);
  return json_is_string(value) ? std::string_view(::json_string_value(value), ::json_string_length(value))
                               : std::string_view{};
}

void compare_claims(const jwt::Claims& claims) {
  const std::string_view text = claims.payload_json();
  const Jansson read(::json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, nullptr));
  require(read != nullptr && json_is_object(read.get()), "jansson reads the claims");
  require(text_in(read.get(), "iss") == claims.issuer(), "jansson reads the same iss");
  require(text_in(read.get(), "sub") == claims.subject().value_or(""), "jansson reads the same sub");
  const json_t* exp = ::json_object_get(read.get(), "exp");
  require(json_is_number(exp) &&
              static_cast<std::int64_t>(::json_number_value(exp)) == claims.expires_at().time_since_epoch().count(),
          "jansson reads the same exp");
  const json_t* aud = ::json_object_get(read.get(), "aud");
  const std::size_t audiences = json_is_array(aud) ? ::json_array_size(aud) : 1;
  require(audiences == claims.audiences().size(), "jansson reads as many audiences");
}

void try_token(std::string_view header, std::string_view payload) {
  const Fixture& f = fixture();
  const std::string token = f.key.token(header, payload);
  const auto verified = jws::verify(token, f.keys, f.any_type);
  if (verified) require(cjose_reads(token, verified->payload()), "cjose takes the token too");
  const auto claims =
      f.verifier.verify(token, f.keys, std::chrono::system_clock::time_point(std::chrono::seconds(kNow)));
  require(!claims || verified, "claims come from a verified token");
  if (claims) compare_claims(*claims);
}

// `text` may turn out to be several keys with commas between them.
void try_jwk(std::string_view text) {
  const std::string set = R"({"keys":[)" + std::string(text) + "]}";
  const auto keys = KeySet::from_jwks(set);
  if (!keys) return;
  const Jansson read(::json_loadb(set.data(), set.size(), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, nullptr));
  require(read != nullptr, "jansson reads the key set");
  const json_t* list = ::json_object_get(read.get(), "keys");
  std::set<std::string> left;
  for (const std::string& kid : keys->kids()) left.insert(kid);
  for (std::size_t i = 0; i < ::json_array_size(list); ++i) {
    const json_t* key = ::json_array_get(list, i);
    if (left.erase(std::string(text_in(key, "kid"))) == 0) continue;
    if (text_in(key, "kty") == "OKP") continue;  // cjose knows no Ed25519
    const std::unique_ptr<char, decltype(&std::free)> jwk(::json_dumps(key, 0), &std::free);
    require(jwk != nullptr, "jansson writes the key");
    require(CjoseKey(::cjose_jwk_import(jwk.get(), std::strlen(jwk.get()), nullptr)) != nullptr, "cjose loads the key");
  }
  require(left.empty(), "jansson reads the same kids");
}

// The token of this process with some characters replaced: { place, 2 bytes; character }.
void try_changes(std::string_view changes) {
  static const test::SigningKey key(2048);
  static const KeySet keys = *KeySet::from_jwks(R"({"keys":[)" + key.jwk(R"(,"alg":"RS256","kid":"k")") + "]}");
  static const std::string good = key.token(R"({"alg":"RS256","kid":"k"})", kPayload);
  std::string token = good;
  for (; changes.size() >= 3; changes.remove_prefix(3)) {
    const auto place = static_cast<unsigned char>(changes[0]) * 256U + static_cast<unsigned char>(changes[1]);
    token[place % token.size()] = changes[2];
  }
  const jws::Policy policy({Algorithm::kRs256}, jws::TypeRule::absent());
  require(jws::verify(token, keys, policy).has_value() == (token == good), "an RS256 token has one spelling");
}

}  // namespace
}  // namespace signer::fuzz

// 'h': a header.  'k': a JWK.  'c': changes to a good token.  Any other: a payload.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer::fuzz;
  if (size == 0) return 0;
  const std::string_view rest = signer::text_of({data + 1, size - 1});
  if (data[0] == 'h') {
    try_token(rest, kPayload);
  } else if (data[0] == 'k') {
    try_jwk(rest);
  } else if (data[0] == 'c') {
    try_changes(rest);
  } else {
    try_token(kHeader, rest);
  }
  return 0;
}
