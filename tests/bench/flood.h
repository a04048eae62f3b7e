// SPDX-License-Identifier: Apache-2.0
//
// A caller of another uid that asks for as much as it can over many connections, in a process of its own.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace signer::test {

struct FloodPlan {
  uid_t uid = 0;
  int idle = 0;            // connections that say nothing
  int flooding = 0;        // connections that always have a request under way
  std::string request;     // what each sends; with no reply it is sent anew over a new connection
  bool pipelined = false;  // sends without waiting for replies
};

// Runs from construction to destruction.  With SCHED_IDLE, so that what the flood costs itself meets nobody: it gets
// the time that nobody else wants, and what it causes in the daemon runs at the daemon's priority.
class Flood {
 public:
  // Returns when every connection is made.
  Flood(const std::string& socket_path, const FloodPlan& plan);
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;
  ~Flood();

  // Replies, or closed connections, so far.
  [[nodiscard]] std::uint64_t answered() const { return shared_->answered; }

 private:
  struct Shared {
    std::atomic<std::uint64_t> answered{0};
    std::atomic<bool> ready{false};
  };

  [[noreturn]] static void flood(const std::string& socket_path, const FloodPlan& plan, Shared& shared);

  Shared* shared_;
  pid_t pid_ = -1;
};

}  // namespace signer::test
