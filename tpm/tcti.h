// SPDX-License-Identifier: Apache-2.0
//
// The transport to one TPM: a TCTI of the TSS behind a layer of ours that lets only well-formed messages through.
#pragma once

#include <tss2/tss2_tcti.h>

#include <memory>
#include <string>
#include <string_view>

#include "tpm/tpm_error.h"

namespace signer::tpm {

// True for "name:configuration" with both parts, the name of letters, digits and dashes.  The TSS would complete
// anything less by guessing, down to a TCP port on which any local process may play the TPM, and would load a path as a
// library.
[[nodiscard]] bool is_explicit_tcti(std::string_view text) noexcept;

// Owns its connection.  For one thread at a time.
class Tcti {
 public:
  // Connects.  kInvalid if `text` is not explicit; kUnavailable if nobody is there.  Descriptors that the TSS shows are
  // closed on exec.
  [[nodiscard]] static TpmResult<Tcti> open(const std::string& text);

  Tcti(Tcti&&) noexcept;
  Tcti& operator=(Tcti&&) = delete;
  Tcti(const Tcti&) = delete;
  Tcti& operator=(const Tcti&) = delete;
  ~Tcti();

  // For Esys_Initialize; ours, and good as long as this lives or what it was moved to.
  [[nodiscard]] TSS2_TCTI_CONTEXT* get() noexcept;

 private:
  struct Checked;

  explicit Tcti(std::unique_ptr<Checked> checked) noexcept;

  std::unique_ptr<Checked> checked_;
};

}  // namespace signer::tpm
