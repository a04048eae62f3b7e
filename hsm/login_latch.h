// SPDX-License-Identifier: Apache-2.0
//
// Remembers login attempts across the death of the process, so that a crash loop cannot lock a token (invariant 5).
// A small text file, written and synced before C_Login; it holds nothing derived from the PIN.
// docs/adr/0008-login-latch.md has its form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "hsm/pin.h"

namespace signer::hsm {

// Each PIN file has a line of its own, so what one PIN file was told neither opens nor shuts another.  Several
// processes may use one latch: from begin() to the answer each holds a lock of its directory, which the kernel drops
// when it dies, so an attempt that is under way elsewhere is never taken for a lost one.  An object of it is not
// thread-safe. Order of calls: begin(), C_Login, then one of answered_yes / answered_no / not_answered / no_answer_yet.
class LoginLatch {
 public:
  // Attempts whose answer was never seen (the process died in C_Login) before the PIN counts as refused.
  static constexpr int kLostAttemptsMax = 2;
  // Lines that are kept, the newest ones.  A token locks long before as many PINs were refused.
  static constexpr std::size_t kEntriesMax = 16;

  // `pin_source` as read_pin takes it: the lines are told apart by it.
  LoginLatch(std::string path, const std::string& pin_source);

  // Makes "an attempt is under way with this PIN file" durable.  kPinRefused, and no login may follow, if this PIN file
  // was refused before or kLostAttemptsMax attempts were lost; kUnavailable if the latch cannot be read or written.
  [[nodiscard]] channel::HostResult<void> begin(const PinFingerprint& fingerprint);

  // The token took the PIN: what is known of this PIN file goes, and the latch with its last line.  A latch that cannot
  // be changed is logged.
  void answered_yes();

  // The token refused the PIN: it stays refused until the PIN file changes or an operator removes the latch.
  void answered_no(const PinFingerprint& fingerprint, std::string_view ckr);

  // The token said something else (gone, busy): the attempt does not count.
  void not_answered(const PinFingerprint& fingerprint);

  // The answer was not clear: the attempt stays one whose answer was not seen.
  void no_answer_yet();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct Entry {
    bool refused = false;
    int lost_attempts = 0;
    std::string reason;
    PinFingerprint fingerprint;
    std::string pin_source;
  };
  using Entries = std::vector<Entry>;  // oldest first

  [[nodiscard]] channel::HostResult<Entries> read() const;
  [[nodiscard]] Result<void> write(const Entries& entries) const;
  [[nodiscard]] channel::HostResult<void> begin_locked(const PinFingerprint& fingerprint);
  void unlock();
  void forget() const;
  // With the directory locked: puts `entry` in the place of what was known of this PIN file.
  [[nodiscard]] channel::HostResult<void> keep(Entries entries, Entry entry) const;
  void keep_or_log(Entry entry) const;

  std::string path_;
  std::string pin_source_;
  int lost_before_ = 0;
  UniqueFd lock_;
};

}  // namespace signer::hsm
