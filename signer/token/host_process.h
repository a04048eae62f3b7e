// SPDX-License-Identifier: Apache-2.0
//
// One running token host: its process and its channels.  Starting, killing and reaping; nothing about what is said.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::token {

struct HostProgram {
  std::string path;                                // the program: signer-hsm
  std::vector<std::string> arguments;              // after its name; the worker count follows
  std::map<std::string, std::string> environment;  // added to signerd's own
};

struct StartedHost;

// Owns the process: destruction kills it (SIGKILL, which a stopped or hung process cannot refuse) and reaps it.
class HostProcess {
 public:
  // Starts the program with a control channel and `worker_count` worker channels (SOCK_SEQPACKET socketpairs) at
  // descriptors 3 and up.  kInternal if the program cannot be run.
  [[nodiscard]] static Result<StartedHost> start(const HostProgram& program, std::size_t worker_count);

  HostProcess(HostProcess&& other) noexcept;
  HostProcess& operator=(HostProcess&&) = delete;
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;
  ~HostProcess();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  // Readable once the process has ended.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  // Ends it without waiting for it to be gone.
  void kill() noexcept;

  // How it ended, in words ("exit status 77", "signal 11"), if it has; reaps it.
  [[nodiscard]] std::optional<std::string> ended();

 private:
  HostProcess() = default;

  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// Our ends of the channels, non-blocking: control first, then one for each worker.  Closing them all makes a healthy
// host leave its token and end.
struct StartedHost {
  HostProcess process;
  std::vector<UniqueFd> channels;
};

enum class SendOutcome { kSent, kBroken };

// Sends one frame without blocking.  A full socket counts as broken: signerd never has more than two frames there.
[[nodiscard]] SendOutcome send_frame(int fd, const Bytes& frame) noexcept;

enum class ReceiveOutcome { kFrame, kNothing, kBroken };

// Takes one frame if one is there, into `buffer`, which is reused and which `frame` then points into.  A frame larger
// than the format allows is kBroken.
[[nodiscard]] ReceiveOutcome receive_frame(int fd, Bytes& buffer, ByteView& frame);

}  // namespace signer::token
