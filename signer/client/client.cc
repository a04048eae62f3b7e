// SPDX-License-Identifier: Apache-2.0

#include "signer/client.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "client/reply_parser.h"
#include "client/unix_stream.h"
#include "jose/json.h"

namespace signer {

namespace {

using client::Deadline;
using client::ReplyParser;
using client::UnixStream;
using std::chrono::milliseconds;
using Stage = ClientError::Stage;

// docs/protocol.md §1: the range of Request-Timeout.
constexpr milliseconds kRequestTimeoutMin{10};
constexpr milliseconds kRequestTimeoutMax{60'000};
constexpr milliseconds kTimeoutMax = std::chrono::hours(1);

constexpr jose::JsonLimits kReplyLimits{.bytes_max = kReplyBytesMax, .depth_max = 16, .members_max = 100'000};

Failure<ClientError> failure(Stage stage, Error error) {
  ClientError out;
  out.code = error.code;
  out.text = std::move(error.text);
  out.stage = stage;
  return {std::move(out)};
}

Failure<ClientError> misuse(std::string text) {
  return failure(Stage::kNotSent, Error{ErrorCode::kInvalidRequest, "client: " + std::move(text)});
}

Failure<ClientError> nonsense(std::string_view call) {
  return failure(Stage::kNoReply, Error{ErrorCode::kInternal, "client: " + std::string(call) +
                                                                  ": the reply is not what docs/protocol.md says"});
}

// A space, CR or LF in the target would let it write headers.
bool is_target(std::string_view target) {
  return target.starts_with('/') && target.size() <= 4096 &&
         std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string http_text(Client::Method method, std::string_view target, std::string_view json, milliseconds timeout) {
  const milliseconds asked = std::clamp(timeout * 9 / 10, kRequestTimeoutMin, kRequestTimeoutMax);
  const bool post = method == Client::Method::kPost;
  std::string text = post ? "POST " : "GET ";
  text.append(target).append(" HTTP/1.1\r\nHost: signer\r\nRequest-Timeout: ");
  text.append(std::to_string(asked.count())).append("ms\r\n");
  if (post) {
    text.append("Content-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(json.size()))
        .append("\r\n");
  }
  text.append("\r\n");
  if (post) text.append(json);
  return text;
}

std::optional<std::string> text_member(const jose::Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<std::int64_t> whole_member(const jose::Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? std::nullopt : jose::json_integer(*found);
}

std::optional<IssuedToken> issued_token(std::string_view body) {
  const auto reply = jose::parse_json_object(body, kReplyLimits);
  if (!reply) return std::nullopt;
  const auto token = text_member(*reply, "token");
  const auto kid = text_member(*reply, "kid");
  const auto jti = text_member(*reply, "jti");
  const auto exp = whole_member(*reply, "exp");
  const auto audit = reply->find("audit");
  if (audit == reply->end() || !audit->is_object()) return std::nullopt;
  const auto index = whole_member(*audit, "index");
  if (!token || !kid || !jti || !exp || !index || *index < 0) return std::nullopt;
  return IssuedToken{*token, *kid, *jti, *exp, static_cast<std::uint64_t>(*index)};
}

}  // namespace

bool is_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 64 || name[0] == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

class Client::Connection {
 public:
  explicit Connection(ClientOptions options) : options_(std::move(options)) {}

  [[nodiscard]] milliseconds timeout() const noexcept { return options_.timeout; }

  [[nodiscard]] Deadline deadline() const { return std::chrono::steady_clock::now() + options_.timeout; }

  [[nodiscard]] Result<void> open(Deadline deadline) {
    SIGNER_ASSIGN_OR_RETURN(stream_, UnixStream::connect(options_.socket, deadline));
    return {};
  }

  // One exchange.  `may_repeat`: the request may be sent once more if the connection ends before the first byte of a
  // reply.
  [[nodiscard]] Result<Reply> exchange(std::string_view text, bool may_repeat) {
    const Deadline until = deadline();
    if (stream_.connected() && stream_.stale()) stream_.close();
    const bool reused = stream_.connected();
    if (!reused) SIGNER_RETURN_IF_ERROR(open(until));

    Progress progress;
    auto reply = exchange_once(text, until, progress);
    const bool lost_unseen = progress.hung_up && progress.received == 0 && (progress.sent == 0 || may_repeat);
    if (!reply && reused && lost_unseen) {
      SIGNER_RETURN_IF_ERROR(open(until));
      reply = exchange_once(text, until, progress);
    }
    if (!reply) stream_.close();
    return reply;
  }

 private:
  struct Progress {
    std::size_t sent = 0;
    std::size_t received = 0;
    bool hung_up = false;
  };

  [[nodiscard]] Result<Reply> exchange_once(std::string_view text, Deadline until, Progress& progress) {
    progress = {};
    const auto sent = send_all(text, until, progress);
    // A refusal may come before the whole request has been taken (a body over the limit): look for it.
    if (!sent && !progress.hung_up) return fail(sent.error());

    ReplyParser parser;
    std::array<char, 16384> buffer{};
    while (true) {
      const auto count = stream_.receive_some(buffer, until);
      if (!count && count.error().code == ErrorCode::kDeadlineExceeded) return fail(too_late());
      if (!count || *count == 0) {
        progress.hung_up = true;
        return fail(hung_up(progress));
      }
      progress.received += *count;
      SIGNER_ASSIGN_OR_RETURN(const bool whole, parser.take({buffer.data(), *count}));
      if (whole) break;
    }
    if (!parser.keep_alive() || progress.hung_up) stream_.close();
    return parser.reply();
  }

  [[nodiscard]] Result<void> send_all(std::string_view text, Deadline until, Progress& progress) {
    while (!text.empty()) {
      const auto count = stream_.send_some(text, until);
      if (!count && count.error().code == ErrorCode::kDeadlineExceeded) return fail(too_late());
      if (!count) {
        progress.hung_up = true;
        return fail(count.error());
      }
      progress.sent += *count;
      text.remove_prefix(*count);
    }
    return {};
  }

  [[nodiscard]] Error too_late() const {
    return {ErrorCode::kDeadlineExceeded, "signerd did not answer on " + options_.socket + " within " +
                                              std::to_string(options_.timeout.count()) + " ms"};
  }

  [[nodiscard]] Error hung_up(const Progress& progress) const {
    return {ErrorCode::kInternal,
            "signerd hung up on " + options_.socket +
                (progress.received == 0 ? " before it answered" : " in the middle of its answer")};
  }

  ClientOptions options_;
  UnixStream stream_;
};

Client::Client(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Client::Client(Client&& other) noexcept = default;
Client& Client::operator=(Client&& other) noexcept = default;
Client::~Client() = default;

Result<Client, ClientError> Client::connect(ClientOptions options) {
  if (options.timeout < milliseconds(1) || options.timeout > kTimeoutMax) {
    return misuse("connect: a timeout is from 1 ms to 1 h");
  }
  try {
    auto connection = std::make_unique<Connection>(std::move(options));
    if (auto opened = connection->open(connection->deadline()); !opened) {
      const bool own_fault = opened.error().code == ErrorCode::kInvalidRequest;
      return failure(own_fault ? Stage::kNotSent : Stage::kNoReply, std::move(opened).error());
    }
    return Client(std::move(connection));
  } catch (const std::exception&) {
    return failure(Stage::kNotSent, Error{ErrorCode::kInternal, "client: connect: out of memory"});
  }
}

Result<Reply, ClientError> Client::request(Method method, std::string_view target, std::string_view json) {
  if (!is_target(target)) return misuse("request: the target is no path, or holds spaces or control characters");
  if (method == Method::kGet && !json.empty()) return misuse("request: a GET has no body");
  try {
    auto reply = connection_->exchange(http_text(method, target, json, connection_->timeout()), method == Method::kGet);
    if (!reply) return failure(Stage::kNoReply, std::move(reply).error());
    return std::move(reply).value();
  } catch (const std::exception&) {  // Memory alone can run out: Beast is called with error codes.
    return failure(Stage::kNoReply, Error{ErrorCode::kInternal, "client: request: out of memory"});
  }
}

Result<IssuedToken, ClientError> Client::issue(std::string_view key, std::string_view claims_json,
                                               std::string_view profile) {
  if (!is_name(key)) return misuse("issue: the key's name is not 1 to 64 characters of a-z 0-9 . _ -");
  if (!profile.empty() && !is_name(profile))
    return misuse("issue: the profile's name is not 1 to 64 characters of a-z 0-9 . _ -");
  try {
    if (auto claims = jose::parse_json_object(claims_json); !claims)
      return misuse("issue: claims: " + claims.error().text);
    std::string body = R"({"claims":)" + std::string(claims_json);
    if (!profile.empty()) body.append(R"(,"profile":")").append(profile).append("\"");
    body.append("}");
    SIGNER_ASSIGN_OR_RETURN(const Reply reply,
                            request(Method::kPost, "/v1/keys/" + std::string(key) + "/tokens", body));
    if (auto refused = refusal_of(reply)) return fail(std::move(*refused));
    auto token = issued_token(reply.body);
    if (!token) return nonsense("issue");
    return std::move(*token);
  } catch (const std::exception&) {
    return failure(Stage::kNotSent, Error{ErrorCode::kInternal, "client: issue: out of memory"});
  }
}

Result<std::string, ClientError> Client::jwks(std::string_view key) {
  if (!key.empty() && !is_name(key)) return misuse("jwks: the key's name is not 1 to 64 characters of a-z 0-9 . _ -");
  try {
    const std::string target = key.empty() ? "/v1/jwks" : "/v1/keys/" + std::string(key) + "/jwks";
    SIGNER_ASSIGN_OR_RETURN(Reply reply, request(Method::kGet, target));
    if (auto refused = refusal_of(reply)) return fail(std::move(*refused));
    const auto set = jose::parse_json_object(reply.body, kReplyLimits);
    if (!set || !set->contains("keys") || !set->at("keys").is_array()) return nonsense("jwks");
    return std::move(reply.body);
  } catch (const std::exception&) {
    return failure(Stage::kNoReply, Error{ErrorCode::kInternal, "client: jwks: out of memory"});
  }
}

}  // namespace signer
