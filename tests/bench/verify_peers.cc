// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/verify_peers.h"

#include <cstdlib>
#include <memory>

#ifdef SIGNER_HAVE_LIBJWT
#include <jwt.h>
#endif
#ifdef SIGNER_HAVE_CJOSE
#include <cjose/cjose.h>
#include <jansson.h>
#endif

namespace signer::bench {

namespace {

#ifdef SIGNER_HAVE_LIBJWT
// libjwt 1 judges no claims, so what its callers write is here.  aud is an array in these tokens, which it gives as
// JSON.
bool verify_with_libjwt(const PeerInput& input, const std::string& token) {
  jwt_t* raw = nullptr;
  const auto* key = reinterpret_cast<const unsigned char*>(input.pem.data());
  if (::jwt_decode(&raw, token.c_str(), key, static_cast<int>(input.pem.size())) != 0) return false;
  const std::unique_ptr<jwt_t, decltype(&::jwt_free)> jwt(raw, &::jwt_free);
  if (::jwt_get_alg(jwt.get()) != JWT_ALG_RS256) return false;
  const char* issuer = ::jwt_get_grant(jwt.get(), "iss");
  char* audiences = ::jwt_get_grants_json(jwt.get(), "aud");
  const bool named = audiences != nullptr && std::string_view(audiences).find(input.audience) != std::string_view::npos;
  std::free(audiences);
  return issuer != nullptr && issuer == input.issuer && named && ::jwt_get_grant_int(jwt.get(), "exp") > input.now;
}
#endif

#ifdef SIGNER_HAVE_CJOSE
bool has_audience(const json_t* claims, const std::string& audience) {
  std::size_t index = 0;
  json_t* name = nullptr;
  json_array_foreach(::json_object_get(claims, "aud"), index, name) {
    if (json_is_string(name) && audience == ::json_string_value(name)) return true;
  }
  return false;
}

bool verify_with_cjose(const PeerInput& input, cjose_jwk_t* key, const std::string& token) {
  const std::unique_ptr<cjose_jws_t, decltype(&::cjose_jws_release)> jws(
      ::cjose_jws_import(token.data(), token.size(), nullptr), &::cjose_jws_release);
  if (jws == nullptr || !::cjose_jws_verify(jws.get(), key, nullptr)) return false;
  std::uint8_t* payload = nullptr;
  std::size_t size = 0;
  if (!::cjose_jws_get_plaintext(jws.get(), &payload, &size, nullptr)) return false;
  const std::unique_ptr<json_t, decltype(&::json_decref)> claims(
      ::json_loadb(reinterpret_cast<const char*>(payload), size, JSON_REJECT_DUPLICATES, nullptr), &::json_decref);
  const char* issuer = ::json_string_value(::json_object_get(claims.get(), "iss"));
  return issuer != nullptr && issuer == input.issuer && has_audience(claims.get(), input.audience) &&
         ::json_integer_value(::json_object_get(claims.get(), "exp")) > input.now;
}
#endif

}  // namespace

std::vector<Peer> peers([[maybe_unused]] const PeerInput& input) {
  std::vector<Peer> all;
#ifdef SIGNER_HAVE_LIBJWT
  all.push_back({"libjwt", [input](const std::string& token) { return verify_with_libjwt(input, token); }});
#endif
#ifdef SIGNER_HAVE_CJOSE
  const std::shared_ptr<cjose_jwk_t> key(::cjose_jwk_import(input.jwk.data(), input.jwk.size(), nullptr),
                                         [](cjose_jwk_t* owned) { ::cjose_jwk_release(owned); });
  all.push_back({"cjose + jansson",
                 [input, key](const std::string& token) { return verify_with_cjose(input, key.get(), token); }});
#endif
  return all;
}

}  // namespace signer::bench
