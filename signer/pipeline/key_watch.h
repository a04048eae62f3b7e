// SPDX-License-Identifier: Apache-2.0
//
// Has the keys of each token looked at when a host opens it and again from time to time: what anybody does to a key in
// the token is found without a restart, a reload or a request.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "token/token_service.h"

namespace signer::pipeline {

// Belongs to the event loop's thread.
class KeyWatch {
 public:
  // `look` asks the token about its keys.
  using Look = std::function<void(token::TokenService& token)>;

  KeyWatch(boost::asio::io_context& loop, Look look) : loop_(loop), look_(std::move(look)) {}

  KeyWatch(const KeyWatch&) = delete;
  KeyWatch& operator=(const KeyWatch&) = delete;

  // Looks now, and every `interval` until token_lost().  The token outlives the watch or is lost before.
  void token_ready(token::TokenService& token, std::chrono::milliseconds interval);

  // From now on there is no timer for this token.
  void token_lost(const token::TokenService& token) { timers_.erase(token.name()); }

 private:
  void wait(token::TokenService& token, std::chrono::milliseconds interval);

  boost::asio::io_context& loop_;
  Look look_;
  std::map<std::string, boost::asio::steady_timer, std::less<>> timers_;  // of the tokens that are ready
};

}  // namespace signer::pipeline
