// SPDX-License-Identifier: Apache-2.0
//
// A SoftHSM2 token of the test's own: directory, configuration and PINs inside a temporary directory.
#pragma once

#include <string>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

class SoftHsmToken {
 public:
  // Makes the token with `signer-hsm token-init`; aborts the test program if that fails.
  explicit SoftHsmToken(const std::string& signer_hsm);

  [[nodiscard]] static std::string module();

  [[nodiscard]] const std::string& label() const { return label_; }

  [[nodiscard]] std::string pin_file() const { return directory_ / "pin"; }

  [[nodiscard]] std::string configuration() const { return directory_ / "softhsm2.conf"; }

  [[nodiscard]] std::string tokens_directory() const { return directory_ / "tokens"; }

  // What a process needs to see this token and no other.
  [[nodiscard]] Environment environment() const { return {{"SOFTHSM2_CONF", configuration()}}; }

 private:
  TemporaryDirectory directory_;
  std::string label_;
};

}  // namespace signer::test
