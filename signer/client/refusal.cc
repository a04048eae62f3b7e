// SPDX-License-Identifier: Apache-2.0
//
// Turns an RFC 9457 problem into a ClientError.

#include <algorithm>
#include <array>

#include "jose/json.h"
#include "signer/client.h"

namespace signer {

namespace {

constexpr std::size_t kDetailBytesMax = 400;

constexpr std::array kCodes{ErrorCode::kInvalidRequest,   ErrorCode::kDenied,      ErrorCode::kNotFound,
                            ErrorCode::kClaimPolicy,      ErrorCode::kRateLimited, ErrorCode::kInternal,
                            ErrorCode::kTokenUnavailable, ErrorCode::kOverloaded,  ErrorCode::kDeadlineExceeded};

std::optional<ErrorCode> code_named(std::string_view name) {
  const auto found =
      std::find_if(kCodes.begin(), kCodes.end(), [name](ErrorCode code) { return to_string(code) == name; });
  if (found == kCodes.end()) return std::nullopt;
  return *found;
}

ErrorCode code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 422:
      return ErrorCode::kClaimPolicy;
    case 429:
      return ErrorCode::kRateLimited;
    case 503:
      return ErrorCode::kTokenUnavailable;
    case 504:
      return ErrorCode::kDeadlineExceeded;
    default:
      return status >= 400 && status < 500 ? ErrorCode::kInvalidRequest : ErrorCode::kInternal;
  }
}

// What is not plain text would let a reply write to a terminal or forge a line of a log.
std::string plain(std::string_view text) {
  std::string out(text.substr(0, kDetailBytesMax));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

std::string plain_member(const jose::Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? plain(found->get_ref<const std::string&>()) : std::string();
}

}  // namespace

std::optional<ClientError> refusal_of(const Reply& reply) {
  if ((reply.status >= 200 && reply.status < 300) || reply.status == 304) return std::nullopt;
  const auto parsed = jose::parse_json_object(reply.body);
  const jose::Json problem = parsed ? parsed.value() : jose::Json::object();

  ClientError error;
  error.stage = ClientError::Stage::kRefused;
  error.status = reply.status;
  error.code = code_named(plain_member(problem, "code")).value_or(code_of_status(reply.status));
  error.retry_after = reply.retry_after;
  error.request_id = plain(reply.request_id);
  if (error.request_id.empty()) error.request_id = plain_member(problem, "request_id");

  std::string detail = plain_member(problem, "detail");
  if (detail.empty()) detail = plain_member(problem, "title");
  if (detail.empty()) detail = "status " + std::to_string(reply.status) + " without an explanation";
  error.text = "signerd: " + std::string(to_string(error.code)) + ": " + detail;
  return error;
}

}  // namespace signer
