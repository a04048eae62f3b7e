// SPDX-License-Identifier: Apache-2.0
//
// A TPM of the test's own: one swtpm process with a fresh state directory.  Nothing here can reach a real TPM: what is
// talked to is a socket in a temporary directory, and whatever answers there must say that it is the simulator.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

#include "signer/bytes.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tpm_wire.h"

namespace signer::test {

// One thread at a time, and always the one that constructed it: when that thread ends, the kernel kills swtpm, so that
// a test program that crashes leaves none behind.  swtpm serves one connection at a time and keeps the others waiting.
class Swtpm {
 public:
  // Starts a TPM that has been started up and answers.  Aborts the test program, with the reason on stderr, if there is
  // no swtpm or setpriv, or what answers is not the simulator; so do the operations below.
  Swtpm();
  Swtpm(const Swtpm&) = delete;
  Swtpm& operator=(const Swtpm&) = delete;
  ~Swtpm() = default;

  // "swtpm:path=/tmp/.../s", with the control socket at the same path plus ".ctrl".
  [[nodiscard]] std::string tcti() const { return "swtpm:path=" + path(); }

  [[nodiscard]] std::string path() const { return directory_ / "s"; }

  [[nodiscard]] pid_t pid() const { return process_ == nullptr ? -1 : process_->pid(); }

  // SIGKILL: connections break, nobody listens any more, what was not persistent is lost.
  void kill_hard();

  // Kills it if it runs and starts it again with the same state: resetCount grows, sessions and transient keys are
  // gone.
  void restart();

  // A power cycle with the process alive, and TPM2_Startup(CLEAR) as firmware would send it.
  void reset();

  // A power cycle without Startup: everything is answered with TPM_RC_INITIALIZE until startup().
  void reset_without_startup();
  void startup();

  // Failure mode: TPM_RC_FAILURE from now on, even after a reset(); restart() then starts a new TPM with other keys.
  void fail();

  // The process stops in its tracks, at the latest after the command it is at; connections stay open.  resume() undoes
  // it.
  void pause();
  void resume();

  // Sends one command, whatever its bytes, over a connection of its own.  Empty if nobody listens or no whole response
  // comes within the limit.
  [[nodiscard]] Bytes transceive(ByteView command, std::chrono::milliseconds limit = std::chrono::seconds(20)) const;
  [[nodiscard]] TpmAnswer run(const TpmCommand& command,
                              std::chrono::milliseconds limit = std::chrono::seconds(20)) const;

  // What the process wrote to stderr.
  [[nodiscard]] std::string log() const;

 private:
  void start();
  void check_simulator() const;

  TemporaryDirectory directory_;
  std::unique_ptr<Background> process_;
};

// Whether what answers TPM2_GetCapability so is the simulator: TPM2_PT_MANUFACTURER is "IBM".
[[nodiscard]] bool is_simulator(const TpmAnswer& manufacturer);

// TPM2_GetCapability of TPM2_PT_MANUFACTURER.
[[nodiscard]] TpmCommand get_manufacturer();

}  // namespace signer::test
