// SPDX-License-Identifier: Apache-2.0
//
// Turns bytes into one HTTP/1.1 reply.  The only place of the client that knows Boost.Beast.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "signer/client.h"

namespace signer::client {

// Takes the bytes of one reply as they come.  Single use.
class ReplyParser {
 public:
  ReplyParser();
  ~ReplyParser();
  ReplyParser(const ReplyParser&) = delete;
  ReplyParser& operator=(const ReplyParser&) = delete;

  // True once the reply is whole.  kInternal for what is not a reply of HTTP/1.x with a length of its own, is larger
  // than kReplyBytesMax, or is followed by bytes that nobody asked for.  May throw std::bad_alloc.
  [[nodiscard]] Result<bool> take(std::string_view bytes);

  // The reply, once take() has returned true.
  [[nodiscard]] Reply reply() const;

  // Whether the peer keeps the connection open after this reply.
  [[nodiscard]] bool keep_alive() const;

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace signer::client
