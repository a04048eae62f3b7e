// SPDX-License-Identifier: Apache-2.0
//
// The public keys of one issuer, loaded from a JWK Set (RFC 7517 §5) and never changed afterwards.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signer/algorithm.h"
#include "signer/result.h"

namespace signer {

/// What to allow besides the usual keys.
struct KeyRules {
  bool rsa_8192 = false;  ///< allow RSA keys of 4097 to 8192 bits: a verification takes four times as long

  /// What a JWK without alg is for, with issuers that leave it out.  A key of another kty or crv is left out; an RSA
  /// key that says nothing of its use becomes a key for signatures.
  std::optional<Algorithm> default_algorithm = std::nullopt;
};

/// A public key in a PEM block "PUBLIC KEY" (RFC 7468 §13), which says neither its name nor its algorithm.
struct PemKey {
  std::string_view pem;  ///< one block and nothing else, at most 16 KiB
  Algorithm algorithm;   ///< the only one that the key may be used with
  std::string kid;       ///< if empty, the RFC 7638 SHA-256 thumbprint
};

/// Immutable; a copy shares the keys.  Safe to use from many threads.  To reload, make a new set and swap it in.
class KeySet {
 public:
  static constexpr std::size_t kJwksBytesMax = 1024UL * 1024;  ///< of a JWK Set
  static constexpr std::size_t kKeysMax = 64;                  ///< each costs up to 18 ms to check

  /// All or nothing.  kInvalidRequest, with a text that names the key's place in the set, if
  ///  - the set has more than kKeysMax keys, of whatever kind;
  ///  - the text is larger than kJwksBytesMax or not strict JSON (duplicate names, depth, ...);
  ///  - any key holds a private member or is symmetric (kty "oct"): that file must not be where verifiers can read it;
  ///  - two keys share a kid, one key is there for two algorithms, or a key for signatures has no kid, or no alg while
  ///    there is no default for it;
  ///  - a key that would be used is not an acceptable one: RSA of 2048 to 4096 bits, e odd, 65537 to 2^32 - 1, without
  ///    the ROCA fingerprint; a point on its curve; for Ed25519 in its one encoding and not of small order;
  ///  - no key is left to verify with.
  /// Keys for other purposes are left out: another kty, alg or use, key_ops without
  /// "verify" or with a name twice.  x5c, x5t and x5u are not looked at.
  [[nodiscard]] static Result<KeySet> from_jwks(std::string_view json, const KeyRules& rules = {});

  /// All or nothing, and as strict about the keys.  kInvalidRequest with a text that names the key's place: not one PEM
  /// public key, one that its algorithm cannot use, two with one kid.
  [[nodiscard]] static Result<KeySet> from_pem(std::span<const PemKey> pems, const KeyRules& rules = {});

  /// How many keys there are to verify with.
  [[nodiscard]] std::size_t size() const noexcept;

  /// In byte order.
  [[nodiscard]] std::vector<std::string> kids() const;

  /// The keys as the library itself sees them; opaque to its users.
  struct Keys;

  /// For the library.
  [[nodiscard]] const Keys& keys() const noexcept { return *keys_; }

 private:
  explicit KeySet(std::shared_ptr<const Keys> keys) noexcept : keys_(std::move(keys)) {}

  std::shared_ptr<const Keys> keys_;
};

}  // namespace signer
