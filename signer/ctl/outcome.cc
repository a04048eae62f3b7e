// SPDX-License-Identifier: Apache-2.0

#include "ctl/outcome.h"

#include "ctl/text.h"

namespace signer::ctl {

namespace {

std::string error_line(const jose::Json& members) {
  return machine({{"error", members}});
}

}  // namespace

Outcome failed(const Context& context, Exit exit, const Error& error) {
  if (context.json) return {exit, "", error_line({{"code", to_string(error.code)}, {"detail", printable(error.text)}})};
  return {exit, "", "signerctl: " + printable_lines(error.text) + "\n"};
}

Outcome failed(const Context& context, const ClientError& error) {
  const Exit exit = exit_of(error);
  if (context.json) {
    jose::Json members = {{"code", to_string(error.code)}, {"detail", printable(error.text)}};
    if (error.status != 0) members["status"] = error.status;
    if (error.retry_after) members["retry_after"] = error.retry_after->count();
    if (!error.request_id.empty()) members["request_id"] = printable(error.request_id);
    return {exit, "", error_line(members)};
  }
  std::string text = "signerctl: " + printable(error.text);
  if (error.stage == ClientError::Stage::kRefused) {
    text += std::string("; ") + advice(error.code);
    if (error.retry_after) text += " in " + std::to_string(error.retry_after->count()) + " s";
    if (!error.request_id.empty()) text += " (request " + printable(error.request_id) + ")";
  }
  return {exit, "", text + "\n"};
}

Exit exit_of(const ClientError& error) noexcept {
  switch (error.stage) {
    case ClientError::Stage::kNotSent:
      return Exit::kUsage;
    case ClientError::Stage::kNoReply:
      return Exit::kUnavailable;
    case ClientError::Stage::kRefused:
      break;
  }
  switch (error.code) {
    case ErrorCode::kTokenUnavailable:
    case ErrorCode::kOverloaded:
    case ErrorCode::kDeadlineExceeded:
      return Exit::kUnavailable;
    default:
      return Exit::kNo;
  }
}

const char* advice(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidRequest:
      return "correct the request";
    case ErrorCode::kDenied:
      return "ask the operator for a grant";
    case ErrorCode::kNotFound:
      return "correct the name (signerctl key list shows them)";
    case ErrorCode::kClaimPolicy:
      return "correct the claims";
    case ErrorCode::kInternal:
      return "tell the operator the request id";
    case ErrorCode::kRateLimited:
    case ErrorCode::kTokenUnavailable:
    case ErrorCode::kOverloaded:
      return "try again";
    case ErrorCode::kDeadlineExceeded:
      return "try again, with a longer --timeout";
  }
  return "";
}

}  // namespace signer::ctl
