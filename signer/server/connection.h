// SPDX-License-Identifier: Apache-2.0
//
// One connection: reads requests, one after the other, hands them on, writes the replies.  HTTP/1.1 by Boost.Beast's
// parser.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "request/request.h"
#include "server/handlers.h"

namespace signer::server {

class Server;

// Belongs to the event loop's thread; lives until its last handler has run.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server& server, boost::asio::local::stream_protocol::socket socket, PeerIdentity peer);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() = default;

  void start() { next_request(); }

  // Ends after the request it is in, or at once if it is in none.
  void drain();

  void close();

  [[nodiscard]] const PeerIdentity& peer() const noexcept { return context_.peer; }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  enum class Phase { kIdle, kReading, kAnswering, kWriting, kLingering, kClosed };

  void next_request();
  void wait_for_request();
  void read_more();
  void take_turn();
  void parse();
  bool begin_request();
  bool judge_header();
  void handle_request();
  void reply(Response response);
  void refuse_and_close(const Refusal& refusal, int status, const std::string& allow = {});
  void linger();
  void discard(std::size_t so_far);
  void broken();
  void write(std::string bytes, bool go_on);
  void hold_back(std::function<void()> then);
  void close_by(SteadyTime time);
  [[nodiscard]] std::string render(const Response& response, bool keep_alive) const;

  Server& server_;
  boost::asio::local::stream_protocol::socket socket_;
  boost::asio::steady_timer timer_;
  std::optional<boost::asio::steady_timer> pause_;  // while a reply is held back
  std::optional<SteadyTime> timer_at_;
  SteadyTime close_at_{};
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  RequestContext context_;
  protocol::Route route_;
  bool begun_ = false;  // something of the request is there
  bool passed_empty_line_ = false;
  bool header_judged_ = false;
  std::chrono::nanoseconds spent_{0};      // of the loop's time, on this request
  std::optional<SteadyTime> piece_began_;  // while a piece of it is done
  std::string if_none_match_;
  std::string output_;
  Phase phase_ = Phase::kIdle;
  std::uint64_t request_number_ = 0;  // an answer that comes after its time finds another one
  bool unread_ = false;               // the caller may still be sending what nobody will read
  bool draining_ = false;
};

}  // namespace signer::server
