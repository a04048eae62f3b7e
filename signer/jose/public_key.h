// SPDX-License-Identifier: Apache-2.0
//
// A public key as a value, its JWK (RFC 7517, RFC 7518 §6) and its thumbprint (RFC 7638).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jose/json.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::jose {

// A key has exactly one algorithm (RFC 8725 §3.1).  The numbers are the channel's and the metadata's: never reuse one.
enum class Algorithm : std::uint8_t {
  kRs256 = 1,  // RSASSA-PKCS1-v1_5 with SHA-256; signatures are as long as the modulus
  kEs256 = 2,  // ECDSA on P-256 with SHA-256; signatures are R || S, 64 bytes
};

[[nodiscard]] std::string_view to_string(Algorithm algorithm) noexcept;

// What kinds of key pair a token is asked to make.  The numbers are the channel's.
enum class KeyKind : std::uint8_t { kRsa2048 = 1, kRsa3072 = 2, kRsa4096 = 3, kP256 = 4 };

[[nodiscard]] Algorithm algorithm_of(KeyKind kind) noexcept;

struct PublicKey {
  Algorithm algorithm = Algorithm::kRs256;
  Bytes modulus;   // RSA: big-endian, no leading zero; 256 to 512 bytes
  Bytes exponent;  // RSA: big-endian, no leading zero
  Bytes x;         // P-256: 32 bytes
  Bytes y;         // P-256: 32 bytes

  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

// kInvalidRequest unless the numbers have the shape above, the exponent is odd, from 65537 to 2^32 - 1 (RSA).
[[nodiscard]] Result<void> check_shape(const PublicKey& key);

// base64url of the RFC 7638 SHA-256 thumbprint, 43 characters: this is the `kid`.
[[nodiscard]] std::string thumbprint(const PublicKey& key);

// The published form: kty, use, alg, kid and the numbers; never a private member.
[[nodiscard]] Json to_jwk(const PublicKey& key);

// The key of a JWK made by to_jwk: kty, alg and numbers are required and exact, `kid` must be the thumbprint if
// present, private members are refused.
[[nodiscard]] Result<PublicKey> from_jwk(const Json& jwk);

}  // namespace signer::jose
