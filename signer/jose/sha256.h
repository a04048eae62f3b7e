// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 with what OpenSSL needs for it kept per thread: a one-shot call fetches and allocates every time.
#pragma once

#include <array>
#include <cstdint>

#include "signer/bytes.h"

namespace signer::jose {

using Sha256Digest = std::array<std::uint8_t, 32>;

// Thread-safe.  Aborts if libcrypto cannot hash at all (no SHA-256 in any provider, or no memory for a thread's first
// context): a digest that is not one must never be signed or trusted.
[[nodiscard]] Sha256Digest sha256(ByteView bytes) noexcept;

}  // namespace signer::jose
