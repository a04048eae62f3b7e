// SPDX-License-Identifier: Apache-2.0
//
// The signature algorithms that are known here, RFC 7518 §3.1 and RFC 9864 §2.2.  HMAC and "none" are not among them,
// so no setting can let them in.
#pragma once

#include <cstdint>
#include <string_view>

namespace signer {

/// A key has exactly one (RFC 8725 §3.1).  The numbers are those of the daemon's channel and of the C interface: never
/// reuse one.
enum class Algorithm : std::uint8_t {
  kRs256 = 1,    ///< RSASSA-PKCS1-v1_5 with SHA-256; signatures are as long as the modulus
  kEs256 = 2,    ///< ECDSA on P-256 with SHA-256; signatures are R || S, 64 bytes
  kRs384 = 3,    ///< as RS256, with SHA-384
  kRs512 = 4,    ///< as RS256, with SHA-512
  kPs256 = 5,    ///< RSASSA-PSS with SHA-256, MGF1 with SHA-256, 32 bytes of salt
  kPs384 = 6,    ///< with SHA-384 twice, 48 bytes of salt
  kPs512 = 7,    ///< with SHA-512 twice, 64 bytes of salt
  kEs384 = 8,    ///< ECDSA on P-384 with SHA-384; signatures are R || S, 96 bytes
  kEd25519 = 9,  ///< EdDSA on edwards25519 (RFC 8032 §5.1); signatures are 64 bytes
};

/// "RS256", "ES256", ..., "Ed25519"; empty for a number that is none of them.
[[nodiscard]] std::string_view to_string(Algorithm algorithm) noexcept;

}  // namespace signer
