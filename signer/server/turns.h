// SPDX-License-Identifier: Apache-2.0
//
// The event loop's time, in small pieces: uids take turns (invariant 10).  What a hundred connections of one caller
// have sent is not worked off before the one request of another is looked at.
#pragma once

#include <sys/types.h>

#include <functional>
#include <limits>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/clock.h"
#include "token/fair_queue.h"

namespace signer::server {

// Belongs to the event loop's thread.
class Turns {
 public:
  explicit Turns(boost::asio::io_context& loop) : loop_(loop) {}

  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Runs `piece` when it is this caller's turn, never at once.  A piece should take a fraction of a millisecond: others
  // wait for one of each caller.  How many wait is bounded by the connections, which have one each at most.
  void add(uid_t uid, std::function<void()> piece) {
    pieces_.push({uid, SteadyTime::max(), std::move(piece)});
    if (!posted_) post();
  }

 private:
  struct Piece {
    uid_t uid;
    SteadyTime deadline;  // none; the queue wants one
    std::function<void()> run;
  };

  // Between two pieces the loop looks at its sockets, so that a caller who has just sent something gets its turn next.
  void post() {
    posted_ = true;
    boost::asio::post(loop_, [this] {
      posted_ = false;
      const auto piece = pieces_.pop();
      if (!pieces_.empty()) post();
      piece->run();
    });
  }

  boost::asio::io_context& loop_;
  token::FairQueue<Piece> pieces_{{std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max()}};
  bool posted_ = false;
};

}  // namespace signer::server
