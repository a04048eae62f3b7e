// SPDX-License-Identifier: Apache-2.0
//
// SHA-2 with what OpenSSL needs for it kept per thread: a one-shot call fetches and allocates every time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "signer/bytes.h"

namespace signer::jose {

enum class Hash : std::uint8_t { kSha256, kSha384, kSha512 };

struct Digest {
  std::array<std::uint8_t, 64> bytes{};
  std::size_t size = 0;

  [[nodiscard]] ByteView view() const noexcept { return ByteView(bytes).first(size); }
};

// 32, 48 or 64 bytes.  Thread-safe.  Aborts if libcrypto cannot hash at all (the hash is in no provider, or no memory
// for a thread's first context): a digest that is not one must never be signed or trusted.
[[nodiscard]] Digest hash(Hash algorithm, ByteView bytes) noexcept;

using Sha256Digest = std::array<std::uint8_t, 32>;

// hash() with kSha256.
[[nodiscard]] Sha256Digest sha256(ByteView bytes) noexcept;

// Of `head` and what follows it, as if they stood in one piece.
[[nodiscard]] Sha256Digest sha256(ByteView head, ByteView rest) noexcept;

}  // namespace signer::jose
