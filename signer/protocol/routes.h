// SPDX-License-Identifier: Apache-2.0
//
// Which call a request line means (docs/protocol.md §2).  Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "signer/result.h"

namespace signer::protocol {

enum class Call {
  kIssue,
  kIssueBatch,
  kSignPayload,
  kCreateKey,
  kJwks,
  kKeyJwks,
  kKeys,
  kKey,
  kTokens,
  kCheckpoint,
  kCheckpointKey,
  kEvidence,
  kHealth,
  kReady,
  kMetrics
};

struct Route {
  Call call = Call::kHealth;
  std::string key = {};     // {key}; of kReady and kEvidence: ?key=, or empty
  std::string nonce = {};   // of kEvidence: ?nonce=, as it was sent
  std::string probes = {};  // of kEvidence: ?probes=, or empty
};

// Why there is no route, as an HTTP status: 404 no such path, 405 not with this method.
enum class NoRoute { kNotFound = 404, kMethodNotAllowed = 405 };

// `target` in origin form (/path?query) or absolute form (http://host/path?query; the host does not count), RFC 9112
// §3.2. HEAD is taken for GET: whoever writes the reply leaves out its content.
[[nodiscard]] Result<Route, NoRoute> parse_route(std::string_view method, std::string_view target);

// The methods that the target takes, as the header `Allow` names them (RFC 9110 §10.2.1); empty if there is no such
// path.
[[nodiscard]] std::string allowed_methods(std::string_view target);

// The largest body the call takes, in bytes; 0 for calls without one.
[[nodiscard]] std::size_t body_bytes_max(Call call) noexcept;

// How long the call may take if the caller does not say.
[[nodiscard]] std::chrono::milliseconds default_timeout(Call call) noexcept;

// `Request-Timeout: 2s` or `250ms`, from 10 ms to 60 s; nothing if it is anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_timeout(std::string_view header);

// 1 to 64 characters of a-z 0-9 . _ -
[[nodiscard]] bool plain_key_name(std::string_view name) noexcept;

}  // namespace signer::protocol
