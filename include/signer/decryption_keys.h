// SPDX-License-Identifier: Apache-2.0
//
// The private keys of one recipient of encrypted tokens (docs/encryption.md), for signer/jwt.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signer/result.h"

namespace signer {

/// One RSA key, with or without a kid, or several with a kid each.  Immutable; a copy shares the keys; safe to use from
/// many threads.  The private numbers are cleansed when the last copy goes; the text that they came in is the caller's
/// to cleanse.  A token that names a kid is opened with the key of that kid, or with the only key if that has none; a
/// token that names none, with the only key.
class DecryptionKeys {
 public:
  static constexpr std::size_t kTextBytesMax = 128UL * 1024;  ///< of a PEM block or JWK Set
  static constexpr std::size_t kKeysMax = 16;                 ///< each takes up to a second to check

  /// From one PEM block "PRIVATE KEY" (RFC 5958) or "RSA PRIVATE KEY" (RFC 8017 §A.1.2) and nothing else; an empty
  /// `kid` means none.  Never asks for a password: kInvalidRequest for an encrypted block, as for any other text and
  /// for a key that is not RSA of 2048 to 4096 bits, consistent, with e odd from 65537 to 2^32 - 1 and without the ROCA
  /// fingerprint.
  [[nodiscard]] static Result<DecryptionKeys> from_pem(std::string_view pem, std::string kid = {});

  /// From one private JWK (RFC 7517 §4), or a JWK Set of them (§5), all or nothing.  Keys for other purposes are left
  /// out: another kty, use or alg than "RSA", "enc" and "RSA-OAEP-256", key_ops without "decrypt" and "unwrapKey".
  /// kInvalidRequest, with a text that names the key's place, if a key that is left is not as from_pem asks, lacks one
  /// of d, p, q, dp, dq, qi, or has no kid of its own while there are several; or if none is left.
  [[nodiscard]] static Result<DecryptionKeys> from_jwk(std::string_view json);

  /// The keys of both, for the time in which a new key replaces an old one.  kInvalidRequest if a key has no kid, two
  /// have the same, or there are more than kKeysMax.
  [[nodiscard]] Result<DecryptionKeys> with(const DecryptionKeys& more) const;

  /// How many keys there are.
  [[nodiscard]] std::size_t size() const noexcept;

  /// Those of the keys that have one, in the order in which they were given.
  [[nodiscard]] std::vector<std::string> kids() const;

  /// The keys as the library itself sees them; opaque to its users.
  struct Keys;

  /// For the library.
  [[nodiscard]] const Keys& keys() const noexcept { return *keys_; }

 private:
  explicit DecryptionKeys(std::shared_ptr<const Keys> keys) noexcept : keys_(std::move(keys)) {}

  std::shared_ptr<const Keys> keys_;
};

}  // namespace signer
