// SPDX-License-Identifier: Apache-2.0
//
// Everything here runs on a payload whose signature is good.  It is still the word of an issuer that may be careless,
// so types and ranges are checked before any value is compared.

#include "signer/jwt.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "verify/claims.h"

namespace signer::jwt {

using verify::Object;
using verify::Value;

namespace {

using Data = Claims::Data;

constexpr std::chrono::seconds kLeewayMax{300};
constexpr std::chrono::hours kLifetimeMax{24 * 366 * 10};

bool is_absent_or_text(const Value* claim) {
  return claim == nullptr || claim->is_text();
}

// RFC 7519 §2 NumericDate: a number, fractions allowed.  False for anything else, and for a time before 1970.
bool read_time(const Value* claim, std::optional<double>& out) {
  if (claim == nullptr) return true;
  if (claim->kind != Value::Kind::kNumber || claim->number < 0) return false;
  out = claim->number;
  return true;
}

// RFC 7519 §4.1.3: one text or an array of them.  An empty array names nobody.
bool read_audiences(const Object& object, const Value* claim, std::vector<std::string>& out) {
  if (claim == nullptr) return true;
  if (claim->is_text()) {
    out.emplace_back(claim->text);
    return true;
  }
  if (claim->kind != Value::Kind::kArray) return false;
  for (const Value* name = object.first(*claim); name != nullptr; name = object.after(*claim, *name)) {
    if (!name->is_text()) return false;
    out.emplace_back(name->text);
  }
  return !out.empty();
}

// The registered claims, each of its type.
Result<void, VerifyError> read_claims(Data& data, const TokenProfile& profile) {
  const Object& object = data.object;
  const Value* issuer = object.find("iss");
  std::optional<double> expires;
  if (!is_absent_or_text(issuer) || !is_absent_or_text(object.find("sub")) || !is_absent_or_text(object.find("jti")) ||
      !is_absent_or_text(object.find("client_id")) ||  // RFC 8693 §4.3
      !read_audiences(object, object.find("aud"), data.audiences) || !read_time(object.find("exp"), expires) ||
      !read_time(object.find("nbf"), data.not_before) || !read_time(object.find("iat"), data.issued)) {
    return fail(VerifyError::kClaimInvalid);
  }
  if (issuer == nullptr || data.audiences.empty() || !expires) return fail(VerifyError::kClaimMissing);
  for (const std::string& name : profile.required_claims) {
    const Value* claim = object.find(name);
    const bool empty =
        claim == nullptr || claim->kind == Value::Kind::kNull || (claim->is_text() && claim->text.empty());
    if (empty) return fail(VerifyError::kClaimMissing);
  }
  data.issuer = issuer->text;
  data.expires = *expires;
  return {};
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

Result<void, VerifyError> check_claims(const Data& data, const TokenProfile& profile,
                                       std::chrono::system_clock::time_point time) {
  if (!contains(profile.issuers.names, data.issuer)) return fail(VerifyError::kWrongIssuer);
  if (std::ranges::none_of(data.audiences,
                           [&profile](const auto& name) { return contains(profile.audiences.names, name); })) {
    return fail(VerifyError::kWrongAudience);
  }
  const double now = std::chrono::duration<double>(time.time_since_epoch()).count();
  const auto leeway = static_cast<double>(profile.leeway.count());
  // RFC 7519 §4.1.4: "the current date/time MUST be before the expiration date/time".
  if (now >= data.expires + leeway) return fail(VerifyError::kExpired);
  if (data.not_before.value_or(0) > now + leeway || data.issued.value_or(0) > now + leeway) {
    return fail(VerifyError::kNotYetValid);
  }
  const double lifetime = data.expires - data.issued.value_or(now);
  if (lifetime > static_cast<double>(profile.lifetime_max.count()) || (data.issued && lifetime < 0)) {
    return fail(VerifyError::kLifetimeTooLong);
  }
  return {};
}

std::chrono::sys_seconds whole_seconds(double seconds) {
  return std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

// A token that names no key is judged by the one there is: if that does not fit, it may have been replaced.
bool may_be_of_a_newer_key(VerifyError error, std::string_view token, const jws::Policy& policy) {
  if (error != VerifyError::kBadSignature || !policy.kid_may_be_absent) return error == VerifyError::kUnknownKey;
  const auto header = jws::unverified_header(token, policy);
  return header && header->kid.empty();
}

bool has_empty_name(const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [](const std::string& name) { return name.empty(); });
}

}  // namespace

const std::string& Claims::issuer() const noexcept {
  return data_->issuer;
}

const std::vector<std::string>& Claims::audiences() const noexcept {
  return data_->audiences;
}

std::chrono::sys_seconds Claims::expires_at() const noexcept {
  return whole_seconds(data_->expires);
}

std::optional<std::chrono::sys_seconds> Claims::issued_at() const noexcept {
  if (!data_->issued) return std::nullopt;
  return whole_seconds(*data_->issued);
}

std::optional<std::string_view> Claims::string(std::string_view name) const noexcept {
  const Value* claim = data_->object.find(name);
  if (claim == nullptr || !claim->is_text()) return std::nullopt;
  return claim->text;
}

std::string_view Claims::payload_json() const noexcept {
  return text_of(data_->payload);
}

const std::string& Claims::kid() const noexcept {
  return data_->kid;
}

TokenProfile access_token_profile(std::vector<Algorithm> algorithms, Issuers expected_issuers,
                                  Audiences own_audiences) {
  TokenProfile profile(std::move(algorithms), std::move(expected_issuers), std::move(own_audiences),
                       jws::TypeRule::is("at+jwt"));
  profile.required_claims = {"sub", "client_id", "iat", "jti"};
  return profile;
}

Result<Verifier> Verifier::make(TokenProfile profile) {
  const auto refuse = [](std::string_view why) {
    return fail(ErrorCode::kInvalidRequest, "token profile: " + std::string(why));
  };
  if (profile.signature.algorithms.empty()) return refuse("no algorithm");
  if (profile.signature.type.is_any()) return refuse("any typ; name the one expected, or TypeRule::absent()");
  if (!profile.signature.type.is_meaningful()) return refuse("an empty typ; TypeRule::absent() is for tokens without");
  if (profile.issuers.names.empty() || has_empty_name(profile.issuers.names))
    return refuse("no issuer, or an empty one");
  if (profile.audiences.names.empty() || has_empty_name(profile.audiences.names)) {
    return refuse("no audience, or an empty one");
  }
  if (profile.leeway.count() < 0 || profile.leeway > kLeewayMax) return refuse("leeway not 0 to 300 seconds");
  if (profile.lifetime_max.count() <= 0 || profile.lifetime_max > kLifetimeMax) {
    return refuse("lifetime_max not above 0 and at most ten years");
  }
  if (profile.depth_max < 1 || profile.depth_max > Object::kDepthMax) return refuse("depth_max not 1 to 128");
  return Verifier(std::move(profile));
}

Result<Claims, VerifyError> Verifier::verify(std::string_view token, const KeySet& keys,
                                             std::chrono::system_clock::time_point now) const noexcept {
  try {
    SIGNER_ASSIGN_OR_RETURN(jws::Verified verified, jws::verify(token, keys, profile_.signature));
    auto data = std::make_shared<Data>();
    data->kid = verified.kid();
    data->payload = std::move(verified).take_payload();
    auto object =
        Object::parse(text_of(data->payload), {.depth_max = profile_.depth_max, .members_max = profile_.members_max});
    if (!object) return fail(VerifyError::kPayloadRefused);
    data->object = *std::move(object);
    SIGNER_RETURN_IF_ERROR(read_claims(*data, profile_));
    SIGNER_RETURN_IF_ERROR(check_claims(*data, profile_, now));
    return Claims(std::move(data));
  } catch (const std::exception&) {
    return fail(VerifyError::kInternal);  // Nothing above throws but an allocation.
  }
}

Result<Claims, VerifyError> Verifier::verify(std::string_view token, KeySource& source,
                                             std::chrono::system_clock::time_point now) const noexcept {
  if (token.size() > profile_.signature.token_bytes_max) return fail(VerifyError::kTooLarge);  // before any fetch
  const auto keys = source.keys();
  if (!keys) return fail(VerifyError::kKeysUnavailable);
  auto claims = verify(token, *keys, now);
  if (claims || !may_be_of_a_newer_key(claims.error(), token, profile_.signature)) return claims;
  const auto newer = source.keys_newer_than(*keys);
  if (!newer) return fail(VerifyError::kKeysUnavailable);
  if (&newer->keys() == &keys->keys()) return claims;
  return verify(token, *newer, now);
}

std::vector<Result<Claims, VerifyError>> Verifier::verify_many(std::span<const std::string_view> tokens,
                                                               const KeySet& keys,
                                                               std::chrono::system_clock::time_point now) const {
  std::vector<Result<Claims, VerifyError>> results;
  results.reserve(tokens.size());
  for (const std::string_view token : tokens) results.push_back(verify(token, keys, now));
  return results;
}

}  // namespace signer::jwt
