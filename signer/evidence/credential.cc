// SPDX-License-Identifier: Apache-2.0

#include "evidence/credential.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "evidence/tpm_structures.h"
#include "jose/evp_key.h"
#include "jose/openssl.h"

namespace signer::evidence {

namespace {

constexpr std::size_t kEndorsementModulusBytes = 256;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kCipherKeyBytes = 16;
constexpr std::string_view kIdentityLabel("IDENTITY\0", 9);  // Annex B.10.4: the zero byte is part of it
constexpr std::string_view kStorageLabel("STORAGE\0", 8);
constexpr std::string_view kIntegrityLabel("INTEGRITY\0", 10);

// Wiped when it goes.
struct SecretBlock {
  SecretBlock() = default;
  SecretBlock(const SecretBlock&) = delete;
  SecretBlock& operator=(const SecretBlock&) = delete;
  ~SecretBlock() { ::OPENSSL_cleanse(bytes.data(), bytes.size()); }

  std::array<std::uint8_t, kHashBytes> bytes{};
};

Failure<Error> credential_failed(std::string_view call) {
  return fail(ErrorCode::kInternal, std::string(call) + " failed");
}

void put_bytes(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_size(Bytes& out, std::size_t size) {
  out.push_back(static_cast<std::uint8_t>(size >> 8U));
  out.push_back(static_cast<std::uint8_t>(size & 0xffU));
}

Bytes tpm2b_of(ByteView bytes) {
  Bytes out;
  put_size(out, bytes.size());
  put_bytes(out, bytes);
  return out;
}

Result<void> hmac_sha256(ByteView key, ByteView message, std::array<std::uint8_t, kHashBytes>& out) {
  unsigned size = 0;
  if (::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), out.data(),
             &size) == nullptr ||
      size != out.size()) {
    return credential_failed("HMAC");
  }
  return {};
}

// Part 1 §11.4.10.2, KDFa with SHA-256, of at most 32 bytes: the first are the key.
Result<void> derive_key(ByteView seed, std::string_view label, ByteView context, std::uint32_t bits, SecretBlock& key) {
  Bytes message{0, 0, 0, 1};
  put_bytes(message, bytes_of(label));
  put_bytes(message, context);
  put_size(message, 0);
  put_size(message, bits);
  return hmac_sha256(seed, message, key.bytes);
}

// RFC 8017 §7.1.1 with SHA-256 and the label of Annex B.10.4.
Result<Bytes> encrypt_seed(EVP_PKEY* key, ByteView seed) {
  const jose::ContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (context == nullptr || ::EVP_PKEY_encrypt_init(context.get()) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), ::EVP_sha256()) != 1 ||
      ::EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), ::EVP_sha256()) != 1) {
    return credential_failed("EVP_PKEY_encrypt_init");
  }
  void* label = ::OPENSSL_memdup(kIdentityLabel.data(), kIdentityLabel.size());
  if (label == nullptr ||
      ::EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), label, static_cast<int>(kIdentityLabel.size())) != 1) {
    ::OPENSSL_free(label);
    return credential_failed("EVP_PKEY_CTX_set0_rsa_oaep_label");
  }
  Bytes encrypted(kEndorsementModulusBytes);
  std::size_t size = encrypted.size();
  if (::EVP_PKEY_encrypt(context.get(), encrypted.data(), &size, seed.data(), seed.size()) != 1 ||
      size != encrypted.size()) {
    return credential_failed("EVP_PKEY_encrypt");
  }
  return encrypted;
}

// AES-128-CFB with an initial vector of zeros: the key is used once.
Result<Bytes> encrypt_identity(ByteView key, ByteView plain) {
  const std::array<std::uint8_t, 16> zeros{};
  const jose::CipherContextPtr context(::EVP_CIPHER_CTX_new());
  Bytes encrypted(plain.size());
  int size = 0;
  if (context == nullptr ||
      ::EVP_EncryptInit_ex(context.get(), ::EVP_aes_128_cfb128(), nullptr, key.data(), zeros.data()) != 1 ||
      ::EVP_EncryptUpdate(context.get(), encrypted.data(), &size, plain.data(), static_cast<int>(plain.size())) != 1 ||
      static_cast<std::size_t>(size) != encrypted.size()) {
    return credential_failed("EVP_EncryptUpdate");
  }
  return encrypted;
}

// TPMS_ID_OBJECT: the HMAC over what is encrypted and the Name, and what is encrypted.
Result<Bytes> protect_identity(ByteView seed, ByteView secret, ByteView name) {
  SecretBlock cipher_key;
  SecretBlock integrity_key;
  SIGNER_RETURN_IF_ERROR(derive_key(seed, kStorageLabel, name, 8 * kCipherKeyBytes, cipher_key));
  SIGNER_RETURN_IF_ERROR(derive_key(seed, kIntegrityLabel, {}, 8 * kHashBytes, integrity_key));
  Bytes plain = tpm2b_of(secret);
  auto encrypted = encrypt_identity(ByteView(cipher_key.bytes).first(kCipherKeyBytes), plain);
  ::OPENSSL_cleanse(plain.data(), plain.size());
  if (!encrypted) return encrypted;
  Bytes covered = *encrypted;
  put_bytes(covered, name);
  std::array<std::uint8_t, kHashBytes> integrity{};
  SIGNER_RETURN_IF_ERROR(hmac_sha256(integrity_key.bytes, covered, integrity));
  Bytes object = tpm2b_of(integrity);
  put_bytes(object, *encrypted);
  return object;
}

}  // namespace

Result<Challenge> make_challenge(const jose::PublicKey& endorsement_key, ByteView attestation_key_name) {
  if (endorsement_key.algorithm != Algorithm::kRs256 || endorsement_key.modulus.size() != kEndorsementModulusBytes) {
    return fail(ErrorCode::kInvalidRequest, "the endorsement key is not RSA-2048");
  }
  if (attestation_key_name.size() != kNameBytes || attestation_key_name[0] != 0 ||
      attestation_key_name[1] != kAlgSha256) {
    return fail(ErrorCode::kInvalidRequest, "this is no Name made with SHA-256");
  }
  const jose::QuietErrors quiet;
  SIGNER_RETURN_IF_ERROR(jose::check_shape(endorsement_key));
  SIGNER_ASSIGN_OR_RETURN(const jose::KeyPtr key, jose::load_rsa_key(endorsement_key));
  SecretBlock seed;
  SecretBlock secret;
  if (::RAND_priv_bytes(seed.bytes.data(), static_cast<int>(seed.bytes.size())) != 1 ||
      ::RAND_priv_bytes(secret.bytes.data(), static_cast<int>(secret.bytes.size())) != 1) {
    return credential_failed("RAND_priv_bytes");
  }
  SIGNER_ASSIGN_OR_RETURN(const Bytes encrypted_seed, encrypt_seed(key.get(), seed.bytes));
  SIGNER_ASSIGN_OR_RETURN(const Bytes object, protect_identity(seed.bytes, secret.bytes, attestation_key_name));
  return Challenge{tpm2b_of(object), tpm2b_of(encrypted_seed), Secret(std::string(text_of(secret.bytes)))};
}

}  // namespace signer::evidence
