// SPDX-License-Identifier: Apache-2.0
//
// signerd's end of one token host: its process and its channels in the event loop.  It starts, watches, feeds and
// retires a host; what the frames say and what a loss means is TokenService's to judge.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/clock.h"
#include "signer/bytes.h"
#include "signer/result.h"
#include "token/host_process.h"

namespace signer::token {

// Called from the event loop, never from within a call of HostLink; each may retire the host.  A frame points into a
// buffer that the next frame overwrites.
struct HostListener {
  std::function<void(ByteView frame)> control_frame;
  std::function<void(std::size_t worker, ByteView frame)> worker_frame;
  std::function<void(std::string why)> lost;  // a channel closed or the process ended; the host is still to be retired
};

// Belongs to the event loop's thread.
class HostLink {
 public:
  HostLink(boost::asio::io_context& loop, HostListener listener) : loop_(loop), listener_(std::move(listener)) {}

  HostLink(const HostLink&) = delete;
  HostLink& operator=(const HostLink&) = delete;

  ~HostLink() { ++generation_; }

  // Starts a host with that many worker channels; there must be none.  kInternal if it cannot be run or watched, and
  // then there is none.
  [[nodiscard]] Result<void> start(const HostProgram& program, std::size_t worker_count);

  // Kills the host, if there is one, and lets the loop reap it, so that a process that the kernel cannot end yet does
  // not hold the loop up.  Nothing of it is heard any more.
  void retire();

  // Closes the channels, waits for the host to leave its token at most until `deadline`, then kills it; blocks.
  // False if it had to be killed.
  bool leave(SteadyTime deadline, SteadyTime now);

  // False if the host does not take frames: it is to be retired.
  [[nodiscard]] bool send_control(const Bytes& frame);
  [[nodiscard]] bool send_worker(std::size_t worker, const Bytes& frame);

  [[nodiscard]] bool up() const noexcept { return host_ != nullptr; }

  // Of the host that is up, else -1.
  [[nodiscard]] pid_t pid() const noexcept { return host_ ? host_->process.pid() : -1; }

  // How it ended, in words, if it is up no more but not retired yet.
  [[nodiscard]] std::optional<std::string> ended();

  // Another number for every host, and for the time after each.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

 private:
  struct Host {
    HostProcess process;
    boost::asio::posix::stream_descriptor control;
    boost::asio::posix::stream_descriptor ended;
    std::vector<boost::asio::posix::stream_descriptor> workers;
  };

  Result<void> adopt(StartedHost started);
  void watch_control(std::uint64_t generation);
  void watch_worker(std::size_t worker, std::uint64_t generation);
  void watch_end(std::uint64_t generation);

  boost::asio::io_context& loop_;
  HostListener listener_;
  std::unique_ptr<Host> host_;
  std::uint64_t generation_ = 0;  // of host_; a completion of another generation is stale
  std::list<std::pair<HostProcess, boost::asio::posix::stream_descriptor>> dying_;
  Bytes buffer_;
};

}  // namespace signer::token
