// SPDX-License-Identifier: Apache-2.0
//
// A token host as signerd starts it: one control channel and one worker's, from descriptor 3.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>

#include "base/unique_fd.h"
#include "signer/bytes.h"

namespace signer::test {

// Killed on destruction if it still runs.
class HostProcess {
 public:
  static constexpr std::size_t kControl = 0;
  static constexpr std::size_t kWorker = 1;

  // stderr goes to `log_file`, or to the test's own.
  explicit HostProcess(std::string program, const std::string& log_file = {});
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;
  ~HostProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }

  void send(std::size_t channel, const Bytes& frame);

  // Empty if the host has closed its end, or says nothing for a long time.
  [[nodiscard]] Bytes receive(std::size_t channel);

  [[nodiscard]] Bytes ask(std::size_t channel, const Bytes& frame);

  void hang_up();

  // The wait status; the test's own timeout bounds it.
  [[nodiscard]] int wait();

 private:
  std::array<UniqueFd, 2> ours_;
  pid_t pid_ = -1;
};

}  // namespace signer::test
