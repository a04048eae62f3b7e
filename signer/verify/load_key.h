// SPDX-License-Identifier: Apache-2.0
//
// From numbers to an OpenSSL key, with every check that a public key must pass before anything is verified with it.
#pragma once

#include <string_view>

#include "jose/evp_key.h"
#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::verify {

using jose::KeyPtr;

// kInvalidRequest if the numbers are no acceptable key: jose::check_shape; a point that is not on its curve; an Ed25519
// point of small order or not in its one canonical encoding (RFC 8032 §5.1.3); an RSA modulus that is prime, has a
// small factor or carries the ROCA fingerprint (CVE-2017-15361).  kInternal if OpenSSL fails.  Takes milliseconds.
[[nodiscard]] Result<KeyPtr> load_key(const jose::PublicKey& key, jose::RsaLimit limit);

// The numbers in one PEM block "PUBLIC KEY" (RFC 7468 §13), for load_key to check.  kInvalidRequest if the text is
// anything else (a private key, a certificate, two blocks, text around it), if it has more than kPemBytesMax
// (verify/pem.h), or if its key cannot serve that algorithm.
[[nodiscard]] Result<jose::PublicKey> numbers_from_pem(std::string_view pem, Algorithm algorithm);

// A number of a key that OpenSSL holds ("n", "e", ...), big-endian, with leading zeros up to that size; empty if it has
// no such number.
[[nodiscard]] Bytes number_of(const EVP_PKEY* key, const char* name, std::size_t size_min);

}  // namespace signer::verify
