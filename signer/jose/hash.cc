// SPDX-License-Identifier: Apache-2.0

#include "jose/hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/freer.h"

namespace signer::jose {

namespace {

// Fetched once and never freed: threads that outlive main() may still be hashing.
const EVP_MD* fetched(Hash algorithm) noexcept {
  static const std::array<const EVP_MD*, 3> all = {::EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                   ::EVP_MD_fetch(nullptr, "SHA384", nullptr),
                                                   ::EVP_MD_fetch(nullptr, "SHA512", nullptr)};
  return all[static_cast<std::size_t>(algorithm)];
}

Digest hash_of_two(Hash algorithm, ByteView head, ByteView rest) noexcept {
  thread_local const std::unique_ptr<EVP_MD_CTX, Freer<&::EVP_MD_CTX_free>> context(::EVP_MD_CTX_new());
  Digest digest;
  unsigned size = 0;
  const EVP_MD* const function = fetched(algorithm);
  if (function == nullptr || context == nullptr || ::EVP_DigestInit_ex2(context.get(), function, nullptr) != 1 ||
      ::EVP_DigestUpdate(context.get(), head.data(), head.size()) != 1 ||
      ::EVP_DigestUpdate(context.get(), rest.data(), rest.size()) != 1 ||
      ::EVP_DigestFinal_ex(context.get(), digest.bytes.data(), &size) != 1) {
    std::abort();
  }
  digest.size = size;
  return digest;
}

}  // namespace

Digest hash(Hash algorithm, ByteView bytes) noexcept {
  return hash_of_two(algorithm, bytes, {});
}

Sha256Digest sha256(ByteView bytes) noexcept {
  return sha256(bytes, {});
}

Sha256Digest sha256(ByteView head, ByteView rest) noexcept {
  const Digest digest = hash_of_two(Hash::kSha256, head, rest);
  Sha256Digest out{};
  std::copy_n(digest.bytes.begin(), out.size(), out.begin());
  return out;
}

}  // namespace signer::jose
