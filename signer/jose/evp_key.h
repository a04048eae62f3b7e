// SPDX-License-Identifier: Apache-2.0
//
// From the numbers of a key to OpenSSL's.
#pragma once

#include <openssl/types.h>

#include <memory>

#include "jose/public_key.h"
#include "signer/result.h"

namespace signer::jose {

struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept;
};

using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

// EVP_PKEY_fromdata: `type` is "RSA" or "EC", `selection` EVP_PKEY_PUBLIC_KEY or EVP_PKEY_KEYPAIR.  kInvalidRequest if
// it refuses the numbers, kInternal if OpenSSL fails otherwise or `params` is null.  Whether the numbers make a good
// key is not looked at.
[[nodiscard]] Result<KeyPtr> key_of_params(const char* type, int selection, OSSL_PARAM* params);

// Of a key that check_shape let pass.  kInvalidRequest if the modulus is prime, has a small factor or carries the ROCA
// fingerprint (CVE-2017-15361); kInternal if OpenSSL fails.  Takes milliseconds.
[[nodiscard]] Result<KeyPtr> load_rsa_key(const PublicKey& key);

// EVP_PKEY_public_check.
[[nodiscard]] Result<void> check_public_part(EVP_PKEY* key);

}  // namespace signer::jose
