// SPDX-License-Identifier: Apache-2.0
//
// A TPM token of the test's own: a simulated TPM with a storage root key, an auth file and a key directory.
#pragma once

#include <string>

#include "tests/support/swtpm.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

// Whether evidence can be made.  Open, a key's birth costs the simulator two RSA keys more, so most tests close it.
enum class Endorsement : std::uint8_t { kClosed, kOpen };

class TpmToken {
 public:
  // Makes the token with `signer-tpm token-init`; aborts the test program if that fails.
  explicit TpmToken(const std::string& signer_tpm, Endorsement endorsement = Endorsement::kClosed);

  [[nodiscard]] Swtpm& tpm() { return tpm_; }

  [[nodiscard]] std::string tcti() const { return tpm_.tcti(); }

  [[nodiscard]] std::string auth_file() const { return directory_ / "auth"; }

  [[nodiscard]] std::string key_directory() const { return directory_ / "keys"; }

 private:
  TemporaryDirectory directory_;
  Swtpm tpm_;
};

}  // namespace signer::test
