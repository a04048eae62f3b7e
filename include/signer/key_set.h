// SPDX-License-Identifier: Apache-2.0
//
// The public keys of one issuer, loaded from a JWK Set (RFC 7517 §5) and never changed afterwards.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signer/result.h"

namespace signer {

// Immutable; a copy shares the keys.  Safe to use from many threads.  To reload, make a new set and swap it in.
class KeySet {
 public:
  static constexpr std::size_t kJwksBytesMax = 1024UL * 1024;
  static constexpr std::size_t kKeysMax = 64;  // each costs up to 18 ms to check

  // All or nothing.  kInvalidRequest, with a text that names the key's place in the set, if
  //  - the set has more than kKeysMax keys, of whatever kind;
  //  - the text is larger than kJwksBytesMax or not strict JSON (duplicate names, depth, ...);
  //  - any key holds a private member or is symmetric (kty "oct"): that file must not be where verifiers can read it;
  //  - two keys share a kid, or an RSA key for signatures has no kid or no alg;
  //  - a key that would be used is not an acceptable one: RSA of 2048 to 4096 bits, e odd, 65537 to 2^32 - 1;
  //  - no key is left to verify with.
  // Keys for other purposes are left out: another kty, alg or use, or key_ops without "verify".
  [[nodiscard]] static Result<KeySet> from_jwks(std::string_view json);

  [[nodiscard]] std::size_t size() const noexcept;

  // In byte order.
  [[nodiscard]] std::vector<std::string> kids() const;

  // The keys as the library itself sees them; opaque to its users.
  struct Keys;

  [[nodiscard]] const Keys& keys() const noexcept { return *keys_; }

 private:
  explicit KeySet(std::shared_ptr<const Keys> keys) noexcept : keys_(std::move(keys)) {}

  std::shared_ptr<const Keys> keys_;
};

}  // namespace signer
