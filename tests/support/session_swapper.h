// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's resource manager (/dev/tpmrm0) does with the session of whoever is connected to an interposer:
// loads it before each command and saves it after; if the TPM does not save it, flushes it and gives an I/O error for
// a response (drivers/char/tpm/tpm2-space.c, tpm2_save_space).
#pragma once

#include <atomic>

#include "tests/support/tpm_interposer.h"
#include "tests/support/tpm_sessions.h"

namespace signer::test {

// For one client with one session at a time.  Outlives the interposer.
class SessionSwapper {
 public:
  explicit SessionSwapper(const Swtpm& tpm) : tpm_(tpm) {}

  void serve(TpmInterposer& bus) {
    bus.edit_command({}, [this](std::uint32_t code, Bytes& command) {
      if (!context_.empty()) (void)tpm_.run(load_context(context_));
      context_.clear();
      if (code == cc::kFlushContext && number_at<std::uint32_t>(command, kTpmHeaderBytes) == handle_) handle_ = 0;
      return false;
    });
    bus.edit_response({}, [this](std::uint32_t code, Bytes& response) {
      if (code == cc::kStartAuthSession && code_of(response) == 0) {
        handle_ = number_at<std::uint32_t>(response, kTpmHeaderBytes).value_or(0);
      }
      if (handle_ != 0 && !save()) response.clear();
      return response.empty();
    });
  }

  // Whether a session could not be saved because another lies too far behind.
  [[nodiscard]] bool met_gap() const { return gap_; }

 private:
  bool save() {
    const TpmAnswer saved = tpm_.run(save_context(handle_));
    if (saved.code == kContextGap) gap_ = true;
    if (saved.ok()) {
      context_ = saved.parameters;
    } else {
      (void)tpm_.run(flush_context(handle_));
      handle_ = 0;
    }
    return saved.ok();
  }

  const Swtpm& tpm_;
  std::atomic<bool> gap_{false};
  std::uint32_t handle_ = 0;
  Bytes context_;  // while it is saved
};

}  // namespace signer::test
