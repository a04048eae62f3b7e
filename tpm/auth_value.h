// SPDX-License-Identifier: Apache-2.0
//
// The auth value of a token's keys: 32 random bytes, in a file as 64 hexadecimal digits.
#pragma once

#include <string>

#include "base/secret.h"
#include "channel/values.h"

namespace signer::tpm {

inline constexpr std::size_t kAuthValueBytes = 32;

// Exactly kAuthValueBytes bytes from a file or "credential:NAME", as base/secret_file.h says of both.  Every refusal is
// kInvalid and says what to do.
[[nodiscard]] channel::HostResult<Secret> read_auth_value(const std::string& source);

// As read_auth_value, but makes an absent file first, mode 0600, and the directories above it, mode 0700.  Never makes
// a credential.
[[nodiscard]] channel::HostResult<Secret> read_or_generate_auth_value(const std::string& path);

}  // namespace signer::tpm
