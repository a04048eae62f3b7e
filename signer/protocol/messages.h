// SPDX-License-Identifier: Apache-2.0
//
// Bodies of requests and replies (docs/protocol.md §2 and §3).  Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "request/refusal.h"
#include "request/request.h"
#include "signer/bytes.h"

namespace signer::protocol {

// {"claims":{...},"profile":"..."}: kInvalidRequest with a detail fit for the caller, which quotes nothing of the body.
[[nodiscard]] Judged<IssueRequest> parse_issue(std::string_view body, const std::string& key);

// {"payload":"<base64url of one JSON object>","profile":"..."}: the object is read as strictly as claims are, its
// numbers are whole and written without point and exponent, and its bytes are kept.  kInvalidRequest as for
// parse_issue.
[[nodiscard]] Judged<IssueRequest> parse_payload(std::string_view body, const std::string& key);

// The body that parse_issue reads as a request for `claims`, the text of one JSON object, kept byte for byte.
// kInvalidRequest if it is no such text or breaks the limits of claims, so that nothing in it can become a member of
// the body.  `profile` is quoted as it is, for parse_issue to judge.
[[nodiscard]] Judged<std::string> issue_body(std::string_view claims, const std::optional<std::string>& profile);

// The body that parse_payload reads as a request to sign `payload`, any bytes.
[[nodiscard]] std::string payload_body(std::string_view payload, const std::optional<std::string>& profile);

// {} makes a key, {"key_id":"<hex>"} adopts the one that the token holds under this id.
struct CreateRequest {
  std::optional<Bytes> key_id;  // 1 to 64 bytes
};

// Anything else is kInvalidRequest.
[[nodiscard]] Judged<CreateRequest> parse_create(std::string_view body);

struct IssuedFields {
  std::string_view token;
  std::string_view kid;
  std::string_view jti;
  long long exp = 0;
  std::uint64_t audit_index = 0;
};

// The reply to an issued token; `status` is a member of it in a batch.
[[nodiscard]] std::string issued_text(const IssuedFields& fields, std::optional<int> status = {});

// The reply to a signed payload: the parts of the token in `fields` that the caller does not have.
[[nodiscard]] std::string signed_payload_text(const IssuedFields& fields);

// The HTTP status of a code.
[[nodiscard]] int status_of(ErrorCode code) noexcept;

// RFC 9457.  `status` where it is not status_of(code): 404, 405, 409, 413, 415.
[[nodiscard]] jose::Json problem_json(const Refusal& refusal, const std::string& request_id,
                                      std::optional<int> status = {});

// Whether the caller may simply try again.
[[nodiscard]] bool retryable(ErrorCode code) noexcept;

}  // namespace signer::protocol
