// SPDX-License-Identifier: Apache-2.0
//
// The client of signerd's socket (docs/protocol.md) for C++ programs: claims in, signed token out.  Link the CMake
// target signer::client; a program in another language needs an HTTP client and no library at all.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "signer/result.h"

namespace signer {

/// What signerd answered, whatever its status.
struct Reply {
  int status = 0;                                   ///< of HTTP
  std::string body;                                 ///< as sent: JSON for every call but /metrics
  std::optional<std::chrono::seconds> retry_after;  ///< its Retry-After
  std::string request_id;                           ///< names this request in signerd's log and audit log
};

/// Why there is no answer, or that the answer is no.
struct ClientError : Error {
  /// How far the request got.
  enum class Stage {
    kNotSent,  ///< the arguments make no request: correct them
    kNoReply,  ///< signerd cannot be reached, was too slow, hung up or spoke something else
    kRefused,  ///< signerd answered and refused: `code` says what to do next
  };

  Stage stage = Stage::kNoReply;                    ///< how far the request got
  int status = 0;                                   ///< of the refusal
  std::optional<std::chrono::seconds> retry_after;  ///< of the refusal: not sooner than this
  std::string request_id;                           ///< of the refusal: names it in signerd's logs
};

/// A token that signerd made.
struct IssuedToken {
  std::string token;              ///< RFC 7519 JWT in JWS compact form
  std::string kid;                ///< of the key that signed it
  std::string jti;                ///< its claim of that name
  std::int64_t exp = 0;           ///< RFC 7519 NumericDate
  std::uint64_t audit_index = 0;  ///< the record of this token in signerd's audit log
};

/// How to reach signerd.
struct ClientOptions {
  std::string socket = "/run/signer/signer.sock";  ///< path of a Unix socket, at most 107 bytes

  /// Bounds each call as a whole: connecting anew if need be, sending, waiting, receiving.
  std::chrono::milliseconds timeout{5000};
};

/// What a reply may measure before it is dropped as nonsense.
inline constexpr std::size_t kReplyBytesMax = 4UL * 1024 * 1024;

/// One keep-alive connection.  A connection that signerd closed while it was idle (it does so after 10 minutes, and
/// when it restarts) is replaced without a word; a request of which a byte may have reached signerd is sent again only
/// if it is a GET.  No call outlives ClientOptions::timeout, none throws, none raises SIGPIPE.  Movable; one thread at
/// a time; open one Client a thread.
class Client {
 public:
  /// Of HTTP.
  enum class Method { kGet, kPost };

  /// Connects.  kInternal with Stage::kNoReply if nobody listens there, kDenied if the file system forbids it.
  [[nodiscard]] static Result<Client, ClientError> connect(ClientOptions options);

  /// What is moved from can be assigned to and destroyed, nothing else.
  Client(Client&& other) noexcept;
  /// As the constructor.
  Client& operator=(Client&& other) noexcept;
  ~Client();

  /// Sends one request and returns the reply, refusals included (see refusal_of).  `target` is a path with an optional
  /// query, percent-encoded by the caller; `json` is the body of a POST.  `Request-Timeout` is set to nine tenths of
  /// the timeout, so that signerd gives up, and says so, before we do.
  [[nodiscard]] Result<Reply, ClientError> request(Method method, std::string_view target, std::string_view json = {});

  /// POST /v1/keys/{key}/tokens.  `claims_json` is one JSON object, checked as strictly as signerd will; an empty
  /// `profile` leaves the choice to the caller's grants.  Safe to repeat after kDeadlineExceeded and after the
  /// retry_after of a refusal.
  [[nodiscard]] Result<IssuedToken, ClientError> issue(std::string_view key, std::string_view claims_json,
                                                       std::string_view profile = {});

  /// The RFC 7517 JWK Set of one key, or of all if `key` is empty, as sent.
  [[nodiscard]] Result<std::string, ClientError> jwks(std::string_view key = {});

 private:
  class Connection;

  explicit Client(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

/// The refusal that a reply holds, or nothing if its status is 2xx or 304.  A status without a problem object of ours
/// (RFC 9457 `code`) becomes the code that docs/protocol.md §3 has for the status.
[[nodiscard]] std::optional<ClientError> refusal_of(const Reply& reply);

/// Whether `name` may name a key or a token: 1 to 64 characters of a-z 0-9 . _ - , no dot first.
[[nodiscard]] bool is_name(std::string_view name) noexcept;

}  // namespace signer
