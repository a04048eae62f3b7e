// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/key_watch.h"

namespace signer::pipeline {

void KeyWatch::token_ready(token::TokenService& token, std::chrono::milliseconds interval) {
  timers_.insert_or_assign(token.name(), boost::asio::steady_timer(loop_));
  look_(token);
  if (timers_.contains(token.name())) wait(token, interval);  // a host that is lost at its first question
}

void KeyWatch::wait(token::TokenService& token, std::chrono::milliseconds interval) {
  boost::asio::steady_timer& timer = timers_.at(token.name());
  timer.expires_after(interval);
  timer.async_wait([this, &token, interval](const boost::system::error_code& error) {
    if (error || !timers_.contains(token.name())) return;
    // Questions to a token that is slower than the interval do not pile up.  Other calls do not count: whoever asks for
    // evidence all the time must not switch the looks off.
    if (!token.has_checks()) look_(token);
    if (timers_.contains(token.name())) wait(token, interval);
  });
}

}  // namespace signer::pipeline
