// SPDX-License-Identifier: Apache-2.0

#include "verify/verification_key.h"

#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include "jose/ecdsa_der.h"
#include "jose/openssl.h"

namespace signer::verify {

namespace {

using jose::AlgorithmRow;
using jose::ContextPtr;
using jose::HashContextPtr;
using jose::QuietErrors;
using jose::Scheme;

constexpr std::size_t kEd25519SignatureBytes = 64;

const EVP_MD* hash_of(const AlgorithmRow& row) {
  switch (row.hash) {
    case jose::Hash::kSha256:
      return ::EVP_sha256();
    case jose::Hash::kSha384:
      return ::EVP_sha384();
    case jose::Hash::kSha512:
      return ::EVP_sha512();
  }
  return nullptr;
}

ContextPtr make_context(EVP_PKEY* key, const AlgorithmRow& row) {
  ContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  EVP_PKEY_CTX* const raw = context.get();
  if (raw == nullptr || ::EVP_PKEY_verify_init(raw) != 1) return nullptr;
  if (row.scheme == Scheme::kPkcs1 && ::EVP_PKEY_CTX_set_rsa_padding(raw, RSA_PKCS1_PADDING) != 1) return nullptr;
  // RFC 7518 §3.5: the salt is as long as the hash, and MGF1 uses the same hash.
  if (row.scheme == Scheme::kPss && (::EVP_PKEY_CTX_set_rsa_padding(raw, RSA_PKCS1_PSS_PADDING) != 1 ||
                                     ::EVP_PKEY_CTX_set_rsa_pss_saltlen(raw, RSA_PSS_SALTLEN_DIGEST) != 1 ||
                                     ::EVP_PKEY_CTX_set_rsa_mgf1_md(raw, hash_of(row)) != 1)) {
    return nullptr;
  }
  if (::EVP_PKEY_CTX_set_signature_md(raw, hash_of(row)) != 1) return nullptr;
  return context;
}

// An EVP_PKEY_CTX serves one thread at a time, and making one costs a fifth of a verification, so each thread keeps
// those of the keys it used last.  Keys made one after the other get neighbouring ids and thus different slots.
EVP_PKEY_CTX* thread_context(EVP_PKEY* key, std::uint64_t key_id, const AlgorithmRow& row) {
  struct Slot {
    std::uint64_t key_id = 0;
    ContextPtr context;
  };

  constexpr std::size_t kSlots = 32;
  thread_local std::array<Slot, kSlots> slots;
  Slot& slot = slots[key_id % kSlots];
  if (slot.key_id == key_id) return slot.context.get();
  ContextPtr context = make_context(key, row);
  if (context == nullptr) return nullptr;
  slot.context = std::move(context);
  slot.key_id = key_id;
  return slot.context.get();
}

}  // namespace

VerificationKey::VerificationKey(KeyPtr key, const jose::PublicKey& numbers)
    : key_(std::move(key)), row_(jose::find_algorithm(numbers.algorithm)), modulus_(numbers.modulus) {
  static std::atomic<std::uint64_t> last_id{0};
  id_ = ++last_id;
}

Result<VerificationKey> VerificationKey::make(const jose::PublicKey& key, jose::RsaLimit limit) {
  SIGNER_ASSIGN_OR_RETURN(KeyPtr loaded, load_key(key, limit));
  return VerificationKey(std::move(loaded), key);
}

bool VerificationKey::verify(ByteView message, ByteView signature) const noexcept {
  if (row_->scheme == Scheme::kEddsa) return verify_ed25519(message, signature);
  return verify_digest(jose::hash(row_->hash, message).view(), signature);
}

bool VerificationKey::verify_ed25519(ByteView message, ByteView signature) const noexcept {
  if (key_ == nullptr || signature.size() != kEd25519SignatureBytes) return false;
  const QuietErrors quiet;
  thread_local const HashContextPtr context(::EVP_MD_CTX_new());
  if (context == nullptr || ::EVP_MD_CTX_reset(context.get()) != 1) return false;
  return ::EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key_.get(), nullptr) == 1 &&
         ::EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

bool VerificationKey::verify_digest(ByteView digest, ByteView signature) const noexcept {
  if (key_ == nullptr || row_->scheme == Scheme::kEddsa) return false;
  std::optional<jose::EcdsaDer> der;
  if (row_->scheme == Scheme::kEcdsa) {
    // RFC 7518 §3.4: "If the JWS signature value is not a 64-octet sequence, the validation has failed."
    if (signature.size() != 2 * row_->coordinate_bytes) return false;
    signature = der.emplace(signature).view();
  } else if (signature.size() != modulus_.size() || !std::ranges::lexicographical_compare(signature, modulus_)) {
    return false;  // RFC 8017 §8.2.2 step 1 and §5.2.2 step 1
  }
  const QuietErrors quiet;
  EVP_PKEY_CTX* context = thread_context(key_.get(), id_, *row_);
  return context != nullptr &&
         ::EVP_PKEY_verify(context, signature.data(), signature.size(), digest.data(), digest.size()) == 1;
}

}  // namespace signer::verify
