// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "server/connection.h"

#include <openssl/rand.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <limits>

#include "protocol/messages.h"
#include "server/listener.h"

namespace signer::server {

namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint32_t kHeaderBytesMax = 8192;
constexpr std::size_t kReadBytes = 16384;
constexpr std::chrono::seconds kAnswerGrace{1};  // whoever answers knows the deadline; this is for one that forgets
constexpr std::chrono::microseconds kPieceOverhead{10};  // what the kernel does to receive and send for one
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::size_t kLingerBytes = 16UL * 1024 * 1024;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

std::string_view reason_of(int status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

// RFC 9110 §8.3.1: type and subtype without regard to case, parameters may follow.
bool is_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  return boost::beast::iequals(boost::beast::string_view(type.data(), type.size()), "application/json");
}

// RFC 9110 §13.1.2: a list of tags, compared weakly, or "*".
bool matches_tag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
    if (one == "*") return true;
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag) return true;
  }
  return false;
}

// Names a request in log, record and reply.  Not secret, only distinct.
std::string fresh_request_id() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  static thread_local std::array<std::uint8_t, 512> pool{};
  static thread_local std::size_t used = pool.size();
  if (used == pool.size()) {
    ::RAND_bytes(pool.data(), static_cast<int>(pool.size()));
    used = 0;
  }
  std::string id;
  for (std::size_t i = 0; i < 8; ++i, ++used) {
    id += kDigits[pool[used] >> 4U];
    id += kDigits[pool[used] & 15U];
  }
  return id;
}

}  // namespace

Connection::Connection(Server& server, boost::asio::local::stream_protocol::socket socket, PeerIdentity peer)
    : server_(server), socket_(std::move(socket)), timer_(socket_.get_executor()) {
  context_.peer = std::move(peer);
}

void Connection::next_request() {
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  // judge_header sets it, before a byte of the body is kept.  (No limit at all, boost::none, refuses every body
  // in 1.74.)
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  parser_->eager(true);
  begun_ = false;
  passed_empty_line_ = false;
  header_judged_ = false;
  spent_ = {};
  context_.id.clear();
  if (buffer_.size() > 0) return take_turn();  // the caller sent its next request already
  wait_for_request();
}

void Connection::wait_for_request() {
  phase_ = Phase::kIdle;
  if (draining_) return close();
  close_by(server_.clock_.steady() + server_.limits_.idle_time_max);
  read_more();
}

void Connection::read_more() {
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](const error_code& error, std::size_t size) {
                            if (self->phase_ == Phase::kClosed) return;
                            if (error) return self->broken();
                            self->buffer_.commit(size);
                            self->take_turn();
                          });
}

// What has arrived is looked at when it is this caller's turn.
void Connection::take_turn() {
  if (phase_ != Phase::kReading) {
    phase_ = Phase::kReading;
    close_at_ = SteadyTime::max();
  }
  server_.handlers_.turns().add(peer().uid, [self = shared_from_this()] {
    if (self->phase_ != Phase::kReading) return;
    self->piece_began_ = self->server_.clock_.steady();
    self->parse();
    self->spent_ += kPieceOverhead + self->server_.clock_.steady() - *std::exchange(self->piece_began_, std::nullopt);
  });
}

// What brings the caller no token goes out when its uid keeps to its share of the loop's time.
void Connection::hold_back(std::function<void()> then) {
  const SteadyTime now = server_.clock_.steady();
  const auto cost = kPieceOverhead + spent_ + (piece_began_ ? now - *piece_began_ : std::chrono::nanoseconds(0));
  const auto wait = server_.burden_.add(peer().uid, cost, now);
  if (wait.count() == 0) return then();
  phase_ = Phase::kWriting;
  close_by(now + server_.limits_.idle_time_max);
  pause_.emplace(socket_.get_executor(), wait);
  pause_->async_wait([self = shared_from_this(), then = std::move(then)](const error_code& error) {
    if (!error && self->phase_ != Phase::kClosed) then();
  });
}

// Feeds the parser with what is there; goes on reading, answers, or gives up.
void Connection::parse() {
  if (!begun_ && !begin_request()) return wait_for_request();
  // Header alone first: the limit of the body depends on the call.
  parser_->eager(header_judged_);
  while (!parser_->is_done() && buffer_.size() > 0) {
    error_code error;
    const std::size_t used = parser_->put(buffer_.data(), error);
    buffer_.consume(used);
    if (error == http::error::need_more) break;
    if (error) {
      ++server_.handlers_.metrics().http_errors;
      server_.log_peer("not_http", peer().uid, error.message());
      if (error == http::error::body_limit) {
        return refuse_and_close({ErrorCode::kInvalidRequest, "the body is larger than this call takes", "", {}}, 413);
      }
      if (error == http::error::header_limit) {
        return refuse_and_close({ErrorCode::kInvalidRequest, "the headers are larger than 8 KiB", "", {}}, 431);
      }
      return hold_back([self = shared_from_this()] { self->close(); });
    }
    if (parser_->is_header_done() && !header_judged_) {
      if (!judge_header()) return;
      header_judged_ = true;
      parser_->eager(true);
    }
    if (used == 0 && !parser_->is_done() && !header_judged_) break;
  }
  if (parser_->is_done()) return handle_request();
  // The parser keeps what frames a body (chunk sizes and their extensions, trailers) until it has all of it.
  if (header_judged_ && buffer_.size() > kHeaderBytesMax) {
    ++server_.handlers_.metrics().http_errors;
    return refuse_and_close({ErrorCode::kInvalidRequest, "the chunks' framing is larger than 8 KiB", "", {}}, 431);
  }
  if (close_at_ == SteadyTime::max()) close_by(server_.clock_.steady() + server_.limits_.request_time_max);
  read_more();
}

// False if nothing of the request is there yet.  RFC 9112 §2.2: some callers end a body with an empty line that its
// length does not count; one is passed over.
bool Connection::begin_request() {
  const auto arrived = [this] {
    return std::string_view(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  };
  if (!passed_empty_line_ && arrived().starts_with("\r\n")) {
    passed_empty_line_ = true;
    buffer_.consume(2);
  }
  begun_ = !arrived().empty() && (passed_empty_line_ || arrived() != "\r");
  return begun_;
}

// The header is complete: the deadline starts, the call is known, the body gets its limit.  False if the request ends
// here.
bool Connection::judge_header() {
  const auto& header = parser_->get();
  context_.id = fresh_request_id();
  const auto route = protocol::parse_route(view(header.method_string()), view(header.target()));
  if (!route) {
    const bool path = route.error() == protocol::NoRoute::kNotFound;
    refuse_and_close({path ? ErrorCode::kNotFound : ErrorCode::kInvalidRequest,
                      path ? "there is no such path" : "this path does not take this method",
                      "",
                      {}},
                     static_cast<int>(route.error()), protocol::allowed_methods(view(header.target())));
    return false;
  }
  route_ = *route;
  if (header.count(http::field::transfer_encoding) > 0 &&
      !boost::beast::iequals(header[http::field::transfer_encoding], "chunked")) {
    refuse_and_close({ErrorCode::kInvalidRequest, "Transfer-Encoding must be chunked, or absent", "", {}}, 400);
    return false;
  }
  const auto coding = header.find(http::field::content_encoding);
  if (coding != header.end() && !boost::beast::iequals(coding->value(), "identity")) {
    refuse_and_close({ErrorCode::kInvalidRequest, "Content-Encoding is not taken; send the JSON as it is", "", {}},
                     415);
    return false;
  }
  auto timeout = protocol::default_timeout(route_.call);
  if (const auto asked = header.find("Request-Timeout"); asked != header.end()) {
    const auto parsed = protocol::parse_timeout(view(asked->value()));
    if (!parsed || header.count("Request-Timeout") > 1) {
      refuse_and_close(
          {ErrorCode::kInvalidRequest, "Request-Timeout must be such as 2s or 250ms, from 10ms to 60s", "", {}}, 400);
      return false;
    }
    timeout = *parsed;
  }
  context_.arrived = server_.clock_.steady();
  context_.deadline = context_.arrived + timeout;
  const auto match = header.find(http::field::if_none_match);
  if_none_match_ = match == header.end() ? std::string() : std::string(view(match->value()));
  const std::size_t body_max = protocol::body_bytes_max(route_.call);
  const auto length = parser_->content_length();
  if (length && *length > body_max) {
    refuse_and_close({ErrorCode::kInvalidRequest, "the body is larger than this call takes", "", {}}, 413);
    return false;
  }
  parser_->body_limit(body_max);
  const auto expect = header.find(http::field::expect);
  if (expect != header.end() && header.version() >= 11 && boost::beast::iequals(expect->value(), "100-continue") &&
      buffer_.size() == 0 && !parser_->is_done()) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code error;
    socket_.non_blocking(true, error);
    socket_.write_some(boost::asio::buffer(kContinue), error);  // 25 bytes into an empty socket buffer
  }
  return true;
}

void Connection::handle_request() {
  phase_ = Phase::kAnswering;
  close_by(context_.deadline + kAnswerGrace);
  const std::string body = std::move(parser_->get().body());
  if (protocol::body_bytes_max(route_.call) > 0) {
    const auto type = parser_->get().find(http::field::content_type);
    if (type == parser_->get().end() || !is_json(view(type->value()))) {
      return reply(server_.handlers_.refuse(
          context_, {ErrorCode::kInvalidRequest, "Content-Type must be application/json", "", {}}, 415));
    }
  }
  server_.handlers_.handle(context_, route_, body,
                           [self = shared_from_this(), number = ++request_number_](Response response) {
                             if (number == self->request_number_) self->reply(std::move(response));
                           });
}

void Connection::reply(Response response) {
  if (phase_ != Phase::kAnswering) return;
  const bool go_on = parser_->keep_alive() && !draining_;
  for (const auto& [name, value] : response.headers) {
    if (name == "ETag" && matches_tag(if_none_match_, value)) {
      response.status = 304;
      response.body.clear();
      break;
    }
  }
  // Only what was asked for with a body can have brought something.
  const bool brought_something =
      response.status < 400 && protocol::body_bytes_max(route_.call) > 0 && !response.brought_nothing;
  if (brought_something) return write(render(response, go_on), go_on);
  hold_back([self = shared_from_this(), bytes = render(response, go_on), go_on]() mutable {
    self->write(std::move(bytes), go_on);
  });
}

// What is left of the request is not read, so the connection cannot go on.
void Connection::refuse_and_close(const Refusal& refusal, int status, const std::string& allow) {
  if (context_.id.empty()) context_.id = fresh_request_id();
  unread_ = true;
  Response response = server_.handlers_.refuse(context_, refusal, status);
  if (!allow.empty()) response.headers.emplace_back("Allow", allow);
  hold_back(
      [self = shared_from_this(), bytes = render(response, false)]() mutable { self->write(std::move(bytes), false); });
}

std::string Connection::render(const Response& response, bool keep_alive) const {
  std::string out;
  out.reserve(256 + response.body.size());
  out += "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_of(response.status);
  out += "\r\nContent-Type: " + response.content_type;
  // Of a 304 it would be the length of what is not sent (RFC 9110 §8.6).
  if (response.status != 304) out += "\r\nContent-Length: " + std::to_string(response.body.size());
  out += "\r\nX-Request-Id: " + context_.id;
  for (const auto& [name, value] : response.headers) out += "\r\n" + name + ": " + value;
  if (!keep_alive) out += "\r\nConnection: close";
  out += "\r\n\r\n";
  if (parser_->get().method() != http::verb::head) out += response.body;
  return out;
}

void Connection::write(std::string bytes, bool go_on) {
  phase_ = Phase::kWriting;
  output_ = std::move(bytes);
  close_by(server_.clock_.steady() + server_.limits_.idle_time_max);
  boost::asio::async_write(socket_, boost::asio::buffer(output_),
                           [self = shared_from_this(), go_on](const error_code& failed, std::size_t /*size*/) {
                             if (self->phase_ == Phase::kClosed) return;
                             if (failed || !go_on) return !failed && self->unread_ ? self->linger() : self->close();
                             self->next_request();
                           });
}

// A socket that is closed with bytes unread resets the connection, and the caller may lose the reply that it is about
// to read: so what it still sends is read and dropped, for a while.
void Connection::linger() {
  phase_ = Phase::kLingering;
  error_code ignored;
  socket_.shutdown(boost::asio::local::stream_protocol::socket::shutdown_send, ignored);
  close_by(server_.clock_.steady() + kLingerTime);
  discard(0);
}

void Connection::discard(std::size_t so_far) {
  buffer_.consume(buffer_.size());
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this(), so_far](const error_code& error, std::size_t size) {
                            if (self->phase_ != Phase::kLingering) return;
                            if (error || so_far + size > kLingerBytes) return self->close();
                            self->discard(so_far + size);
                          });
}

void Connection::broken() {
  if (phase_ == Phase::kReading) ++server_.handlers_.metrics().http_errors;
  close();
}

void Connection::drain() {
  draining_ = true;
  if (phase_ == Phase::kIdle || phase_ == Phase::kLingering) close();
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  timer_.cancel();
  if (pause_) pause_->cancel();
  error_code ignored;
  socket_.close(ignored);
  server_.ended(shared_from_this());
}

// The timer is only ever moved forward to what is earlier; when it fires too early it is set again.  So a busy
// connection does not touch it.
void Connection::close_by(SteadyTime time) {
  close_at_ = time;
  if (timer_at_ && *timer_at_ <= time) return;
  timer_at_ = time;
  timer_.expires_at(time);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->phase_ == Phase::kClosed) return;
    self->timer_at_.reset();
    if (self->server_.clock_.steady() < self->close_at_) {
      if (self->close_at_ != SteadyTime::max()) self->close_by(self->close_at_);
      return;
    }
    if (self->phase_ == Phase::kAnswering) {
      return self->reply(self->server_.handlers_.refuse(
          self->context_,
          {ErrorCode::kDeadlineExceeded, "not done in time", "no answer a second after the deadline", {}}, {},
          self->route_.key));
    }
    if (self->phase_ == Phase::kReading) {
      ++self->server_.handlers_.metrics().http_errors;
      self->server_.log_peer("request_too_slow", self->peer().uid, "not complete in time");
    }
    self->close();
  });
}

}  // namespace signer::server
