// SPDX-License-Identifier: Apache-2.0
//
// Reads a PIN from the only places one may come from: a file of ours, or a systemd credential.
#pragma once

#include <cstddef>
#include <string>

#include "base/secret_file.h"
#include "channel/values.h"

namespace signer::hsm {

inline constexpr std::size_t kPinBytesMax = 256;

using Pin = SecretFile;
using PinFingerprint = FileFingerprint;

// As read_secret_file says, at most kPinBytesMax bytes.  Every refusal is kInvalid and says what to do:
// the token was not asked, so the file may be tried again.
[[nodiscard]] channel::HostResult<Pin> read_pin(const std::string& source);

// As read_pin, but makes an absent file first, mode 0600, with 24 random characters of [A-Za-z0-9_-] and a newline.
[[nodiscard]] channel::HostResult<Pin> read_or_generate_pin(const std::string& path);

}  // namespace signer::hsm
