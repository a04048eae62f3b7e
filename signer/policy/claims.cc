// SPDX-License-Identifier: Apache-2.0

#include "policy/claims.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "jose/base64url.h"
#include "jose/object_writer.h"

namespace signer::policy {

namespace {

using jose::Json;

constexpr long long kClockSlack = 60;  // seconds between a token server's clock and ours
constexpr std::size_t kJtiBytesMax = 128;
constexpr std::size_t kSignatureCharsMax = 1 + 683;  // "." and a 4096-bit signature
constexpr std::size_t kJtiRandomBytes = 16;
constexpr std::size_t kTokenMembersMax = 256;  // what jwt::TokenProfile takes by default

Failure<Refusal> breaks(std::string_view claim, std::string_view rule) {
  return refuse(ErrorCode::kClaimPolicy, "claim '" + std::string(claim) + "' " + std::string(rule));
}

Judged<std::string> fresh_jti() {
  std::array<std::uint8_t, kJtiRandomBytes> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return refuse(ErrorCode::kInternal, "internal error", "policy: RAND_bytes failed");
  }
  return jose::base64url_encode(bytes);
}

bool plain_jti(std::string_view jti) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._~:-").find(c) != std::string_view::npos;
  };
  return !jti.empty() && jti.size() <= kJtiBytesMax && std::all_of(jti.begin(), jti.end(), allowed);
}

Judged<void> set_issuer(Json& claims, const config::Profile& profile) {
  const auto sent = claims.find("iss");
  if (sent != claims.end() && (!sent->is_string() || *sent != profile.issuer)) {
    return breaks("iss", "must be the profile's issuer, or left out");
  }
  claims["iss"] = profile.issuer;
  return {};
}

Judged<std::vector<std::string>> set_audience(Json& claims, const config::Profile& profile) {
  const auto sent = claims.find("aud");
  if (sent == claims.end()) {
    if (profile.audiences.size() != 1) return breaks("aud", "must be sent: the profile has several audiences");
    claims["aud"] = profile.audiences.front();
    return profile.audiences;
  }
  std::vector<std::string> audiences;
  const Json list = sent->is_array() ? *sent : Json::array({*sent});
  for (const Json& one : list) {
    const auto* name = one.get_ptr<const std::string*>();
    if (name == nullptr ||
        std::find(profile.audiences.begin(), profile.audiences.end(), *name) == profile.audiences.end()) {
      return breaks("aud", "must hold audiences of the profile alone");
    }
    audiences.push_back(*name);
  }
  if (audiences.empty()) return breaks("aud", "must not be empty");
  return audiences;
}

// RFC 7519 §4.1.4-§4.1.6.  The expiry is explicit in every token and never further away than the profile lets it.
Judged<long long> set_times(Json& claims, const config::Profile& profile, long long now) {
  const auto bounded = [&claims](const char* name, long long low, long long high) {
    const auto value = jose::json_integer(claims[name]);
    if (!value || *value < low || *value > high) return false;
    claims[name] = *value;
    return true;
  };
  if (!claims.contains("iat")) claims["iat"] = now;
  if (!bounded("iat", now - kClockSlack, now + kClockSlack))
    return breaks("iat", "must be a whole number of seconds within 60 s of now");
  if (!claims.contains("exp")) claims["exp"] = now + profile.max_ttl.count();
  if (!bounded("exp", now + 1, now + profile.max_ttl.count())) {
    return breaks("exp", "must be a whole number of seconds after now and within the profile's max_ttl");
  }
  const long long exp = claims["exp"].get<long long>();
  if (claims.contains("nbf") && !bounded("nbf", now - kClockSlack, exp - 1)) {
    return breaks("nbf", "must be a whole number of seconds, at most 60 s before now and before exp");
  }
  return exp;
}

Judged<std::string> set_jti(Json& claims) {
  const auto sent = claims.find("jti");
  if (sent != claims.end()) {
    const auto* text = sent->get_ptr<const std::string*>();
    if (text == nullptr || !plain_jti(*text))
      return breaks("jti", "must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ : -");
    return *text;
  }
  auto jti = fresh_jti();
  if (jti) claims["jti"] = *jti;
  return jti;
}

}  // namespace

Judged<SigningInput> shape_claims(const AuthorizedRequest& request, const std::string& kid, WallTime now) {
  Json claims = request.claims();
  SigningInput input;
  SIGNER_RETURN_IF_ERROR(set_issuer(claims, request.profile()));
  SIGNER_ASSIGN_OR_RETURN(input.audiences_, set_audience(claims, request.profile()));
  SIGNER_ASSIGN_OR_RETURN(input.exp_, set_times(claims, request.profile(), unix_seconds(now)));
  SIGNER_ASSIGN_OR_RETURN(input.jti_, set_jti(claims));
  if (const auto sub = claims.find("sub"); sub != claims.end() && !sub->is_string())
    return breaks("sub", "must be a text");
  if (jose::count_members(claims) > kTokenMembersMax) {
    return refuse(ErrorCode::kClaimPolicy, "the token would hold more than 256 names and elements");
  }
  jose::ObjectWriter header(160);
  header.text("alg", "RS256").text("kid", kid).text("typ", request.profile().typ);
  input.text_ =
      jose::base64url_encode(std::move(header).finish()) + "." + jose::base64url_encode(jose::dump_json(claims));
  if (input.text_.size() + kSignatureCharsMax > kTokenBytesMax) {
    return refuse(ErrorCode::kClaimPolicy, "the token would be larger than 16 KiB");
  }
  return input;
}

}  // namespace signer::policy
