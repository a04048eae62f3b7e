// SPDX-License-Identifier: Apache-2.0
//
// A public key as a value, its JWK (RFC 7517, RFC 7518 §6) and its thumbprint (RFC 7638).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jose/json.h"
#include "signer/algorithm.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::jose {

// What kinds of key pair a token is asked to make.  The numbers are the channel's.
enum class KeyKind : std::uint8_t { kRsa2048 = 1, kRsa3072 = 2, kRsa4096 = 3, kP256 = 4 };

[[nodiscard]] Algorithm algorithm_of(KeyKind kind) noexcept;

// Of the modulus; 0 if the kind has none.
[[nodiscard]] unsigned rsa_bits(KeyKind kind) noexcept;

struct PublicKey {
  Algorithm algorithm = Algorithm::kRs256;
  Bytes modulus;   // RSA: big-endian, no leading zero; 256 to 512 bytes, to 1024 where RsaLimit allows
  Bytes exponent;  // RSA: big-endian, no leading zero
  Bytes x;         // P-256 and Ed25519: 32 bytes; P-384: 48 bytes
  Bytes y;         // P-256: 32 bytes; P-384: 48 bytes

  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

// The longest RSA modulus that is accepted, in bits.  A verification takes four times as long with twice as many.
enum class RsaLimit : std::uint16_t { k4096 = 4096, k8192 = 8192 };

// kInvalidRequest unless the numbers have the shape above and, for RSA, the exponent is odd, from 65537 to 2^32 - 1.
// Whether a point lies on its curve is not looked at: verify::VerificationKey does that.
[[nodiscard]] Result<void> check_shape(const PublicKey& key, RsaLimit limit = RsaLimit::k4096);

// base64url of the RFC 7638 SHA-256 thumbprint, 43 characters: this is the `kid`.
[[nodiscard]] std::string thumbprint(const PublicKey& key);

// The published form: kty, use, alg, kid and the numbers; never a private member.
[[nodiscard]] Json to_jwk(const PublicKey& key);

// 1 to 256 printable ASCII characters: a kid is a name to look up, and nothing else is ever done with it.
[[nodiscard]] bool is_acceptable_kid(std::string_view kid) noexcept;

// Whether a JWK holds what no published key may hold: a private number or a symmetric key.
[[nodiscard]] bool has_private_member(const Json& jwk);

// The key of a JWK: kty, crv, alg and the numbers are required and exact ("EdDSA" with crv "Ed25519" is Ed25519),
// private members are refused.  The caller judges kid, use and key_ops.
[[nodiscard]] Result<PublicKey> numbers_from_jwk(const Json& jwk, RsaLimit limit = RsaLimit::k4096);

// n and e of a JWK that is for no signature algorithm, in the shape that check_shape asks for; nothing else is looked
// at.
[[nodiscard]] Result<PublicKey> rsa_numbers_from_jwk(const Json& jwk, RsaLimit limit = RsaLimit::k4096);

// As numbers_from_jwk, of a JWK made by to_jwk: `kid` must be the thumbprint if present.
[[nodiscard]] Result<PublicKey> from_jwk(const Json& jwk);

}  // namespace signer::jose
