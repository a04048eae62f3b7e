// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "signer/bytes.h"

namespace signer::verify {

// True if the 32 bytes are the canonical encoding (RFC 8032 §5.1.2) of a point of edwards25519 whose order is not 1, 2,
// 4 or 8.  With a key of small order one signature verifies for many messages; OpenSSL accepts such keys, and encodings
// of y at or above the prime.  False also if memory runs out.
[[nodiscard]] bool is_acceptable_ed25519_point(ByteView encoded) noexcept;

}  // namespace signer::verify
