// SPDX-License-Identifier: Apache-2.0
//
// A public key ready to verify: loaded into OpenSSL once, its contexts kept per thread.  Ours alone, not a public
// header: the daemon's self-check and the audit checker use it as it is, the library behind its own types.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <span>

#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::verify {

// Move-only.  verify_digest() may be called from many threads at once.
class VerificationKey {
 public:
  // kInvalidRequest if the numbers are no acceptable key (jose::check_shape; a point off the curve; an RSA modulus that
  // is prime, has a small factor or carries the ROCA fingerprint, CVE-2017-15361); kInternal if OpenSSL fails.  Takes
  // milliseconds: do it once for each key.
  [[nodiscard]] static Result<VerificationKey> make(const jose::PublicKey& key);

  // True only if `signature` is this key's over the message with that SHA-256 digest.  RS256: exactly as long as the
  // modulus and below it.  ES256: exactly R || S, 64 bytes; DER is refused.
  [[nodiscard]] bool verify_digest(std::span<const std::uint8_t, 32> sha256, ByteView signature) const noexcept;

  [[nodiscard]] jose::Algorithm algorithm() const noexcept { return algorithm_; }

 private:
  struct FreeKey {
    void operator()(EVP_PKEY* key) const noexcept;
  };

  using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

  VerificationKey(KeyPtr key, const jose::PublicKey& numbers);

  KeyPtr key_;
  jose::Algorithm algorithm_;
  Bytes modulus_;     // RS256 alone
  std::uint64_t id_;  // Names the key in the per-thread contexts; never used twice.
};

}  // namespace signer::verify
