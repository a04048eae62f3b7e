// SPDX-License-Identifier: Apache-2.0
//
// A public key ready to verify: loaded into OpenSSL once, its contexts kept per thread.  Ours alone, not a public
// header: the daemon's self-check and the audit checker use it as it is, the library behind its own types.
#pragma once

#include <cstdint>

#include "jose/algorithms.h"
#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"
#include "verify/load_key.h"

namespace signer::verify {

// Move-only.  The verifying calls may be made from many threads at once; a key that was moved from refuses all.
class VerificationKey {
 public:
  // As load_key.  Takes milliseconds: do it once for each key.
  [[nodiscard]] static Result<VerificationKey> make(const jose::PublicKey& key,
                                                    jose::RsaLimit limit = jose::RsaLimit::k4096);

  // True only if `signature` is this key's over the message.  RS* and PS*: exactly as long as the modulus and below it;
  // PS*: salt as long as the hash.  ES*: exactly R || S; DER is refused.  Ed25519: 64 bytes, S below the group order.
  [[nodiscard]] bool verify(ByteView message, ByteView signature) const noexcept;

  // The same for the message with that digest, which is of the algorithm's hash.  Never true for Ed25519, which signs
  // messages and not digests.
  [[nodiscard]] bool verify_digest(ByteView digest, ByteView signature) const noexcept;

  [[nodiscard]] Algorithm algorithm() const noexcept { return row_->algorithm; }

 private:
  VerificationKey(KeyPtr key, const jose::PublicKey& numbers);

  [[nodiscard]] bool verify_ed25519(ByteView message, ByteView signature) const noexcept;

  KeyPtr key_;
  const jose::AlgorithmRow* row_;
  Bytes modulus_;     // RSA alone
  std::uint64_t id_;  // Names the key in the per-thread contexts; never used twice.
};

}  // namespace signer::verify
