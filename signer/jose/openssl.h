// SPDX-License-Identifier: Apache-2.0
//
// Owners of OpenSSL's objects, for the sources of this room and of verify/.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include <memory>

#include "base/freer.h"

namespace signer::jose {

using BignumPtr = std::unique_ptr<BIGNUM, Freer<&::BN_free>>;
using ScratchPtr = std::unique_ptr<BN_CTX, Freer<&::BN_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<&::BIO_free>>;
using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freer<&::OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freer<&::OSSL_PARAM_free>>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<&::EVP_PKEY_CTX_free>>;
using CipherContextPtr = std::unique_ptr<EVP_CIPHER_CTX, Freer<&::EVP_CIPHER_CTX_free>>;
using HashContextPtr = std::unique_ptr<EVP_MD_CTX, Freer<&::EVP_MD_CTX_free>>;

// What OpenSSL leaves in the thread's error queue while this lives is removed again: the queue is the caller's.
class QuietErrors {
 public:
  QuietErrors() noexcept { ::ERR_set_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() { ::ERR_pop_to_mark(); }
};

}  // namespace signer::jose
