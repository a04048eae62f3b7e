// SPDX-License-Identifier: Apache-2.0

#include "jose/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace signer::jose {

namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { ::EVP_MD_CTX_free(context); }
};

// Fetched once and never freed: threads that outlive main() may still be hashing.
const EVP_MD* algorithm() noexcept {
  static const EVP_MD* const fetched = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

}  // namespace

Sha256Digest sha256(ByteView bytes) noexcept {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(::EVP_MD_CTX_new());
  Sha256Digest digest{};
  if (algorithm() == nullptr || context == nullptr || ::EVP_DigestInit_ex2(context.get(), algorithm(), nullptr) != 1 ||
      ::EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      ::EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
    std::abort();
  }
  return digest;
}

}  // namespace signer::jose
