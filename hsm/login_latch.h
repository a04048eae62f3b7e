// SPDX-License-Identifier: Apache-2.0
//
// Remembers login attempts across the death of the process, so that a crash loop cannot lock a token (invariant 5).
// A small text file, written and synced before C_Login; it holds nothing derived from the PIN.
#pragma once

#include <string>
#include <string_view>

#include "hsm/pin.h"

namespace signer::hsm {

// Not thread-safe.  Order of calls: begin(), C_Login, then one of answered_yes / answered_no / not_answered.
class LoginLatch {
 public:
  // Attempts whose answer was never seen (the process died in C_Login) before the PIN counts as refused.
  static constexpr int kLostAttemptsMax = 2;

  explicit LoginLatch(std::string path) : path_(std::move(path)) {}

  // Makes "an attempt is under way with this PIN file" durable.  kPinRefused, and no login may follow, if this PIN file
  // was refused before or kLostAttemptsMax attempts were lost; kUnavailable if the latch cannot be read or written.
  [[nodiscard]] channel::HostResult<void> begin(const PinFingerprint& fingerprint);

  // The token took the PIN.  A latch that cannot be removed is logged.
  void answered_yes();

  // The token refused the PIN: it stays refused until the PIN file changes or an operator removes the latch.
  void answered_no(const PinFingerprint& fingerprint, std::string_view ckr);

  // The token said something else (gone, busy): the attempt does not count.
  void not_answered(const PinFingerprint& fingerprint);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct State {
    bool refused = false;
    int lost_attempts = 0;
    std::string reason;
    PinFingerprint fingerprint;
  };

  [[nodiscard]] channel::HostResult<State> read() const;
  [[nodiscard]] Result<void> write(const State& state) const;

  std::string path_;
  int lost_before_ = 0;
};

}  // namespace signer::hsm
