// SPDX-License-Identifier: Apache-2.0
//
// Reads a PIN from the only places one may come from: a file of ours, or a systemd credential.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/secret.h"
#include "channel/values.h"

namespace signer::hsm {

inline constexpr std::size_t kPinBytesMax = 256;

// Tells one PIN file from the next without saying anything of the PIN.  A credential's is all zero: systemd writes the
// file anew at each start of the unit, so its inode and times would call an unchanged PIN a new one.
struct PinFingerprint {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  friend bool operator==(const PinFingerprint&, const PinFingerprint&) = default;
};

struct Pin {
  Secret secret;
  PinFingerprint fingerprint;
};

// `source` is a path, or "credential:NAME" for $CREDENTIALS_DIRECTORY/NAME.  A path must name a regular file (no
// symbolic link) of this user or root that nobody else may touch.  At most kPinBytesMax bytes; one newline at the end
// is not part of the PIN.  Every refusal is kPinRefused and says what to do.
[[nodiscard]] channel::HostResult<Pin> read_pin(const std::string& source);

// As read_pin, but makes an absent file first, mode 0600, with 24 random characters of [A-Za-z0-9_-] and a newline.
[[nodiscard]] channel::HostResult<Pin> read_or_generate_pin(const std::string& path);

}  // namespace signer::hsm
