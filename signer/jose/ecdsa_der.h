// SPDX-License-Identifier: Apache-2.0
//
// Two forms of an ECDSA signature: r || s as tokens and JWS have it (RFC 7518 §3.4), and the Ecdsa-Sig-Value of X.509,
// OpenSSL and signed notes (RFC 3279 §2.2.3).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "signer/bytes.h"

namespace signer::jose {

// The DER of a signature.  A value without allocation.
class EcdsaDer {
 public:
  // Of r || s, each as long as the other, 1 to 48 bytes, big-endian.  Whether it is a good signature is not looked at.
  explicit EcdsaDer(ByteView raw) noexcept;

  [[nodiscard]] ByteView view() const noexcept { return ByteView(bytes_).first(size_); }

 private:
  static constexpr std::size_t kCoordinateBytesMax = 48;

  std::array<std::uint8_t, 2 + 2 * (3 + kCoordinateBytesMax)> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace signer::jose
