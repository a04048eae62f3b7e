// SPDX-License-Identifier: Apache-2.0
//
// The real signerd with a token of its own, SoftHSM2 or a simulated TPM, and one key "issuer", as end-to-end tests and
// benchmarks want it.
#pragma once

#include <memory>
#include <string>

#include "tests/support/http.h"
#include "tests/support/process.h"
#include "tests/support/softhsm.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tpm_interposer.h"
#include "tests/support/tpm_token.h"

namespace signer::test {

// What is behind the token "main".
enum class Device : std::uint8_t { kSoftHsm, kTpm, kTpmBehindInterposer };

struct DaemonOptions {
  Device device = Device::kSoftHsm;
  std::string token_settings;                      // more lines for the [[token]]
  std::string key_settings;                        // more lines for the [[key]]
  std::string more;                                // more tables at the end
  std::string listener_settings;                   // more lines for the listener
  std::string grant_settings;                      // more lines for the grant
  std::string module;                              // of SoftHSM2; default: its own
  Environment environment;                         // for the hosts
  std::string driver_uri;                          // of SoftHSM2; default: the token's label
  unsigned sessions = 2;                           // of SoftHSM2
  Endorsement endorsement = Endorsement::kClosed;  // of a TPM
};

class TestDaemon {
 public:
  // Paths of the programs under test.
  struct Programs {
    std::string signerd;
    std::string signer_hsm;
    std::string signerctl;
    std::string signer_tpm = {};  // none: no TPM
  };

  explicit TestDaemon(Programs programs, DaemonOptions options = {});

  // Starts signerd and waits until it answers.  False (see log()) if it does not.
  [[nodiscard]] bool start();

  // Waits until /readyz is 200.
  [[nodiscard]] bool ready(std::chrono::milliseconds limit = std::chrono::seconds(20));

  // Makes the key; the kid, or "".
  [[nodiscard]] std::string create_key(const std::string& key = "issuer");

  // start, create_key and ready in one.
  [[nodiscard]] bool up() { return start() && !create_key().empty() && ready(); }

  [[nodiscard]] std::optional<HttpReply> issue(const std::string& claims = R"({"sub":"client-1"})",
                                               const std::string& key = "issuer");

  // Ends signerd with SIGTERM; its exit status.
  int stop();

  void write_configuration(const std::string& more);

  // More environment for the hosts, from the next start on.
  void add_environment(const Environment& more);

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

  [[nodiscard]] std::string socket() const { return directory_ / "s.sock"; }

  [[nodiscard]] std::string config_file() const { return directory_ / "signer.toml"; }

  [[nodiscard]] std::string state_directory() const { return directory_ / "state"; }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }

  [[nodiscard]] Background& process() { return *process_; }

  // Of the device that was asked for.
  [[nodiscard]] SoftHsmToken& token() { return *softhsm_; }
  [[nodiscard]] TpmToken& tpm_token() { return *tpm_; }
  [[nodiscard]] Swtpm& tpm() { return tpm_->tpm(); }
  [[nodiscard]] TpmInterposer& interposer() { return *interposer_; }

  [[nodiscard]] const Programs& programs() const { return programs_; }

  [[nodiscard]] std::string log() const { return read_text(directory_ / "log"); }

  // The token host's process id, or -1.
  [[nodiscard]] pid_t host_pid() const;

  // All audit records so far.
  [[nodiscard]] std::vector<jose::Json> audit_records() const;

 private:
  [[nodiscard]] std::string token_table() const;

  Programs programs_;
  DaemonOptions options_;
  std::unique_ptr<SoftHsmToken> softhsm_;
  std::unique_ptr<TpmToken> tpm_;
  std::unique_ptr<TpmInterposer> interposer_;  // after the TPM, which outlives it
  TemporaryDirectory directory_;
  std::unique_ptr<Background> process_;
};

}  // namespace signer::test
