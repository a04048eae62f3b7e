// SPDX-License-Identifier: Apache-2.0

#include "protocol/messages.h"

#include <utility>

#include "base/hex.h"
#include "jose/base64url.h"
#include "jose/object_writer.h"
#include "protocol/routes.h"

namespace signer::protocol {

namespace {

using jose::Json;

constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kMembersMax = 256;
constexpr std::size_t kProfileNameMax = 64;
constexpr std::size_t kKeyIdBytesMax = 64;

Failure<Refusal> invalid(std::string detail) {
  return refuse(ErrorCode::kInvalidRequest, std::move(detail));
}

Judged<Json> parse_body(std::string_view body, const jose::JsonLimits& limits) {
  auto parsed = jose::parse_json_object(body, limits);
  if (!parsed) return invalid(std::move(parsed).error().text);
  return *std::move(parsed);
}

Judged<std::string> profile_name(const Json& value) {
  const auto* profile = value.get_ptr<const std::string*>();
  if (profile == nullptr || profile->empty() || profile->size() > kProfileNameMax) {
    return invalid("'profile' must be the name of a profile");
  }
  return *profile;
}

Judged<IssueRequest> issue_of(Json body, const std::string& key) {
  IssueRequest request{key, std::nullopt, {}};
  for (auto& [name, value] : body.items()) {
    if (name == "claims") {
      if (!value.is_object()) return invalid("'claims' must be an object");
      if (jose::depth_of(value) > kDepthMax) return invalid("json: nested too deeply");
      if (jose::count_members(value) > kMembersMax) return invalid("json: too many members");
      request.claims = std::move(value);
    } else if (name == "profile") {
      SIGNER_ASSIGN_OR_RETURN(request.profile, profile_name(value));
    } else {
      return invalid("a member other than 'claims' and 'profile'");
    }
  }
  if (!request.claims.is_object()) return invalid("'claims' is missing");
  return request;
}

std::string with_profile(jose::ObjectWriter body, const std::optional<std::string>& profile) {
  if (profile) body.text("profile", *profile);
  return std::move(body).finish();
}

}  // namespace

Judged<IssueRequest> parse_issue(std::string_view body, const std::string& key) {
  // The wrapper object adds a level and two names to those of the claims.
  const jose::JsonLimits limits{
      .bytes_max = body_bytes_max(Call::kIssue), .depth_max = kDepthMax + 1, .members_max = kMembersMax + 2};
  SIGNER_ASSIGN_OR_RETURN(Json parsed, parse_body(body, limits));
  return issue_of(std::move(parsed), key);
}

Judged<IssueRequest> parse_payload(std::string_view body, const std::string& key) {
  SIGNER_ASSIGN_OR_RETURN(const Json parsed, parse_body(body, {.bytes_max = body_bytes_max(Call::kSignPayload)}));
  IssueRequest request{key, std::nullopt, {}};
  for (const auto& [name, value] : parsed.items()) {
    if (name == "payload" && value.is_string()) {
      const auto bytes = jose::base64url_decode(value.get_ref<const std::string&>());
      if (!bytes) return invalid("'payload' must be base64url without padding");
      request.payload = std::string(text_of(*bytes));
    } else if (name == "profile") {
      SIGNER_ASSIGN_OR_RETURN(request.profile, profile_name(value));
    } else {
      return invalid("a member other than 'payload', a text, and 'profile'");
    }
  }
  if (!request.payload) return invalid("'payload' is missing");
  SIGNER_ASSIGN_OR_RETURN(
      request.claims,
      parse_body(*request.payload, {.depth_max = kDepthMax, .members_max = kMembersMax, .whole_numbers = true}));
  return request;
}

Judged<std::string> issue_body(std::string_view claims, const std::optional<std::string>& profile) {
  SIGNER_RETURN_IF_ERROR(parse_body(
      claims, {.bytes_max = body_bytes_max(Call::kIssue), .depth_max = kDepthMax, .members_max = kMembersMax}));
  return with_profile(jose::ObjectWriter(claims.size() + 128).json("claims", claims), profile);
}

std::string payload_body(std::string_view payload, const std::optional<std::string>& profile) {
  const std::string encoded = jose::base64url_encode(bytes_of(payload));
  return with_profile(jose::ObjectWriter(encoded.size() + 128).text("payload", encoded), profile);
}

Judged<CreateRequest> parse_create(std::string_view body) {
  SIGNER_ASSIGN_OR_RETURN(const Json parsed, parse_body(body, {.bytes_max = 1024}));
  if (parsed.empty()) return CreateRequest{};
  const auto member = parsed.find("key_id");
  const auto* text = member == parsed.end() ? nullptr : member->get_ptr<const std::string*>();
  if (parsed.size() != 1 || text == nullptr) return invalid("the body must be {} or {\"key_id\":\"...\"}");
  auto key_id = from_hex(*text);
  if (!key_id || key_id->empty() || key_id->size() > kKeyIdBytesMax) {
    return invalid("'key_id' must be 1 to 64 bytes in hexadecimal digits, in lower case");
  }
  return CreateRequest{std::move(*key_id)};
}

std::string issued_text(const IssuedFields& fields, std::optional<int> status) {
  jose::ObjectWriter reply(256 + fields.token.size());
  reply.json("audit", "{\"index\":" + std::to_string(fields.audit_index) + "}");
  reply.number("exp", fields.exp).text("jti", fields.jti).text("kid", fields.kid);
  if (status) reply.number("status", *status);
  return std::move(reply.text("token", fields.token)).finish();
}

std::string signed_payload_text(const IssuedFields& fields) {
  const std::string_view header = fields.token.substr(0, fields.token.find('.'));
  const std::string_view signature = fields.token.substr(fields.token.rfind('.') + 1);
  jose::ObjectWriter reply(256 + header.size() + signature.size());
  reply.json("audit", "{\"index\":" + std::to_string(fields.audit_index) + "}");
  return std::move(reply.text("header", header).text("kid", fields.kid).text("signature", signature)).finish();
}

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidRequest:
      return 400;
    case ErrorCode::kDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kClaimPolicy:
      return 422;
    case ErrorCode::kRateLimited:
      return 429;
    case ErrorCode::kInternal:
      return 500;
    case ErrorCode::kTokenUnavailable:
    case ErrorCode::kOverloaded:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
  }
  return 500;
}

bool retryable(ErrorCode code) noexcept {
  return code == ErrorCode::kRateLimited || code == ErrorCode::kTokenUnavailable || code == ErrorCode::kOverloaded;
}

Json problem_json(const Refusal& refusal, const std::string& request_id, std::optional<int> status) {
  static constexpr std::pair<ErrorCode, const char*> kTitles[] = {
      {ErrorCode::kInvalidRequest, "Invalid request"},
      {ErrorCode::kDenied, "Denied"},
      {ErrorCode::kNotFound, "Not found"},
      {ErrorCode::kClaimPolicy, "Claims break the profile"},
      {ErrorCode::kRateLimited, "Too many requests"},
      {ErrorCode::kInternal, "Internal error"},
      {ErrorCode::kTokenUnavailable, "Token unavailable"},
      {ErrorCode::kOverloaded, "Overloaded"},
      {ErrorCode::kDeadlineExceeded, "Deadline exceeded"},
  };
  const char* title = "Internal error";
  for (const auto& [code, text] : kTitles) {
    if (code == refusal.code) title = text;
  }
  Json problem = {{"type", "about:blank"},
                  {"title", title},
                  {"status", status.value_or(status_of(refusal.code))},
                  {"code", to_string(refusal.code)},
                  {"detail", refusal.detail},
                  {"request_id", request_id}};
  if (!refusal.rule.empty()) problem["rule"] = refusal.rule;
  if (!refusal.pointer.empty()) problem["pointer"] = refusal.pointer;
  return problem;
}

}  // namespace signer::protocol
