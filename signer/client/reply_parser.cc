// SPDX-License-Identifier: Apache-2.0

#include "client/reply_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>

namespace signer::client {

namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kHeaderBytesMax = 16 * 1024;
constexpr std::int64_t kRetryAfterMax = 24L * 3600;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// RFC 9110 §10.2.3: delay-seconds; signerd sends no dates.
std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (seconds < 0 || seconds > kRetryAfterMax) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

struct ReplyParser::State {
  http::response_parser<http::string_body> parser;
  std::string pending;  // received, and not yet understood
};

ReplyParser::ReplyParser() : state_(std::make_unique<State>()) {
  // Beast 1.74 loses the error of a Content-Length beyond body_limit if it goes on to the body in the same call, and
  // then reserves what the peer declared: so the header is parsed in a call of its own.
  state_->parser.eager(false);
  state_->parser.header_limit(kHeaderBytesMax);
  state_->parser.body_limit(kReplyBytesMax);
}

ReplyParser::~ReplyParser() = default;

Result<bool> ReplyParser::take(std::string_view bytes) {
  auto& [parser, pending] = *state_;
  pending.append(bytes);
  while (!pending.empty() && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(pending), error);
    pending.erase(0, used);
    if (error == http::error::need_more) break;
    if (error) return fail(ErrorCode::kInternal, "client: parse the reply: " + error.message());
    if (parser.is_header_done()) parser.eager(true);
    if (used == 0) break;
  }
  if (parser.is_header_done() && !parser.is_done() && parser.need_eof()) {
    return fail(ErrorCode::kInternal, "client: parse the reply: it does not say how long it is");
  }
  if (!parser.is_done()) return false;
  if (!pending.empty()) return fail(ErrorCode::kInternal, "client: parse the reply: more bytes than one reply");
  if (parser.get().result_int() < 200) return fail(ErrorCode::kInternal, "client: parse the reply: an interim reply");
  return true;
}

Reply ReplyParser::reply() const {
  const auto& message = state_->parser.get();
  Reply reply;
  reply.status = static_cast<int>(message.result_int());
  reply.body = message.body();
  reply.retry_after = seconds_of(view(message[http::field::retry_after]));
  reply.request_id = std::string(view(message["X-Request-Id"]));
  return reply;
}

bool ReplyParser::keep_alive() const {
  return state_->parser.keep_alive();
}

}  // namespace signer::client
