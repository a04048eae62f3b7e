// SPDX-License-Identifier: Apache-2.0
//
// What OpenSSL's PEM reader is too lenient about.
#pragma once

#include <cstddef>
#include <string_view>

namespace signer::verify {

inline constexpr std::size_t kPemBytesMax = 16UL * 1024;

// Whether `pem` is exactly one block with this label ("PUBLIC KEY"), with nothing before it and nothing but line ends
// behind it.
[[nodiscard]] bool is_one_pem_block(std::string_view pem, std::string_view label);

// For OpenSSL, which would ask the terminal for a password if the block claims to be encrypted.
int no_password(char* buffer, int size, int writing, void* user);

}  // namespace signer::verify
