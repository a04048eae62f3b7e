// SPDX-License-Identifier: Apache-2.0
//
// A Unix stream socket, from the side that connects: every wait has a deadline, nothing raises SIGPIPE.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "signer/result.h"

namespace signer::client {

using Deadline = std::chrono::steady_clock::time_point;

class UnixStream {
 public:
  UnixStream() = default;  // not connected

  // Waits for a place in the listener's queue if it is full.  kInvalidRequest: `path` does not fit a socket address;
  // kDenied: the file system forbids it; kDeadlineExceeded; kInternal: nobody listens.
  [[nodiscard]] static Result<UnixStream> connect(const std::string& path, Deadline deadline);

  [[nodiscard]] bool connected() const noexcept { return fd_.valid(); }

  // True if the connection is of no more use: the peer closed it, or sent what nobody asked for.  Does not wait.
  [[nodiscard]] bool stale() const noexcept;

  // Sends part of `bytes`, one byte at least, and says how many.
  [[nodiscard]] Result<std::size_t> send_some(std::string_view bytes, Deadline deadline);

  // Receives one byte at least; 0 is the peer's end of the stream.
  [[nodiscard]] Result<std::size_t> receive_some(std::span<char> buffer, Deadline deadline);

  void close() noexcept { fd_.reset(); }

 private:
  explicit UnixStream(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  [[nodiscard]] Result<void> wait(short events, Deadline deadline) const;

  UniqueFd fd_;
};

}  // namespace signer::client
