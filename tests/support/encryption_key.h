// SPDX-License-Identifier: Apache-2.0
//
// A recipient's software RSA key, and JWEs made and opened with OpenSSL directly: no code of ours encrypts or opens.
#pragma once

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "jose/base64url.h"
#include "signer/bytes.h"
#include "tests/support/signing_key.h"

namespace signer::test {

// The five parts of a compact JWE, decoded, for tests that spoil one of them.
struct JweParts {
  std::string header;
  Bytes encrypted_key;
  Bytes iv;
  Bytes ciphertext;
  Bytes tag;

  [[nodiscard]] std::string compact() const {
    std::string text = jose::base64url_encode(header);
    for (const Bytes* part : {&encrypted_key, &iv, &ciphertext, &tag}) {
      text += '.';
      text += jose::base64url_encode(*part);
    }
    return text;
  }
};

// The parts of a text that is a compact JWE; ends the program if it is none.
inline JweParts jwe_parts(std::string_view compact) {
  std::vector<Bytes> parts;
  for (std::size_t from = 0; from <= compact.size();) {
    const std::size_t dot = std::min(compact.find('.', from), compact.size());
    auto part = jose::base64url_decode(compact.substr(from, dot - from));
    require(part.has_value());
    parts.push_back(*std::move(part));
    from = dot + 1;
  }
  require(parts.size() == 5);
  return {std::string(text_of(parts[0])), parts[1], parts[2], parts[3], parts[4]};
}

// AES-GCM with a key of 16 or 32 bytes; `aad` is the encoded header.
inline std::pair<Bytes, Bytes> gcm_seal(const Bytes& key, const Bytes& iv, std::string_view aad,
                                        std::string_view plaintext) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)> context(::EVP_CIPHER_CTX_new(),
                                                                                  ::EVP_CIPHER_CTX_free);
  const EVP_CIPHER* cipher = key.size() == 16 ? ::EVP_aes_128_gcm() : ::EVP_aes_256_gcm();
  int size = 0;
  Bytes ciphertext(plaintext.size());
  Bytes tag(16);
  require(::EVP_EncryptInit_ex2(context.get(), cipher, nullptr, nullptr, nullptr) == 1 &&
          ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) == 1 &&
          ::EVP_EncryptInit_ex2(context.get(), nullptr, key.data(), iv.data(), nullptr) == 1 &&
          ::EVP_EncryptUpdate(context.get(), nullptr, &size, bytes_of(aad).data(), static_cast<int>(aad.size())) == 1 &&
          ::EVP_EncryptUpdate(context.get(), ciphertext.data(), &size, bytes_of(plaintext).data(),
                              static_cast<int>(plaintext.size())) == 1 &&
          ::EVP_EncryptFinal_ex(context.get(), tag.data(), &size) == 1 &&
          ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, tag.data()) == 1);
  return {ciphertext, tag};
}

// The plaintext, if the tag is good.
inline std::optional<std::string> gcm_open(const Bytes& key, const JweParts& parts, std::string_view aad) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)> context(::EVP_CIPHER_CTX_new(),
                                                                                  ::EVP_CIPHER_CTX_free);
  const EVP_CIPHER* cipher = key.size() == 16 ? ::EVP_aes_128_gcm() : ::EVP_aes_256_gcm();
  int size = 0;
  Bytes plaintext(parts.ciphertext.size() + 1);
  Bytes tag = parts.tag;
  require(parts.iv.size() == 12 && tag.size() == 16);
  require(::EVP_DecryptInit_ex2(context.get(), cipher, key.data(), parts.iv.data(), nullptr) == 1 &&
          ::EVP_DecryptUpdate(context.get(), nullptr, &size, bytes_of(aad).data(), static_cast<int>(aad.size())) == 1 &&
          ::EVP_DecryptUpdate(context.get(), plaintext.data(), &size, parts.ciphertext.data(),
                              static_cast<int>(parts.ciphertext.size())) == 1 &&
          ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, 16, tag.data()) == 1);
  plaintext.pop_back();
  int rest = 0;
  Bytes nothing(16);
  if (::EVP_DecryptFinal_ex(context.get(), nothing.data(), &rest) != 1) return std::nullopt;
  return std::string(text_of(plaintext));
}

enum class Wrapping { kOaepSha256, kOaepSha1, kOaepMgfSha1, kOaepLabelled, kPkcs1 };

class EncryptionKey {
 public:
  explicit EncryptionKey(unsigned bits) : key_(::EVP_RSA_gen(bits), ::EVP_PKEY_free) { require(key_ != nullptr); }

  // Two keys of the usual size, made once per process.
  static const EncryptionKey& first() {
    static const EncryptionKey key(2048);
    return key;
  }

  static const EncryptionKey& second() {
    static const EncryptionKey key(2048);
    return key;
  }

  // {"kty":"RSA","n":...,"e":...<members>}
  [[nodiscard]] std::string jwk(std::string_view members) const {
    return R"({"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" + number(OSSL_PKEY_PARAM_RSA_E) +
           "\"" + std::string(members) + "}";
  }

  // The same with the private members of RFC 7518 §6.3.2.
  [[nodiscard]] std::string private_jwk(std::string_view members) const {
    return jwk(R"(,"d":")" + number(OSSL_PKEY_PARAM_RSA_D) + R"(","p":")" + number(OSSL_PKEY_PARAM_RSA_FACTOR1) +
               R"(","q":")" + number(OSSL_PKEY_PARAM_RSA_FACTOR2) + R"(","dp":")" +
               number(OSSL_PKEY_PARAM_RSA_EXPONENT1) + R"(","dq":")" + number(OSSL_PKEY_PARAM_RSA_EXPONENT2) +
               R"(","qi":")" + number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1) + "\"" + std::string(members));
  }

  // PKCS #8 "PRIVATE KEY"; "ENCRYPTED PRIVATE KEY" with a password.
  [[nodiscard]] std::string private_pem(const char* password = nullptr) const {
    return pem_by([&](BIO* out) {
      return ::PEM_write_bio_PKCS8PrivateKey(
          out, key_.get(), password == nullptr ? nullptr : ::EVP_aes_256_cbc(), password,
          password == nullptr ? 0 : static_cast<int>(std::strlen(password)), nullptr, nullptr);
    });
  }

  // PKCS #1 "RSA PRIVATE KEY"; with a password its "Proc-Type: 4,ENCRYPTED" form.
  [[nodiscard]] std::string pkcs1_pem(const char* password = nullptr) const {
    return pem_by([&](BIO* out) {
      return ::PEM_write_bio_PrivateKey_traditional(
          out, key_.get(), password == nullptr ? nullptr : ::EVP_aes_256_cbc(),
          reinterpret_cast<const unsigned char*>(password),
          password == nullptr ? 0 : static_cast<int>(std::strlen(password)), nullptr, nullptr);
    });
  }

  [[nodiscard]] Bytes wrap(const Bytes& content_key, Wrapping wrapping = Wrapping::kOaepSha256) const {
    const auto context = context_for(wrapping, ::EVP_PKEY_encrypt_init);
    Bytes out(static_cast<std::size_t>(::EVP_PKEY_get_size(key_.get())));
    std::size_t size = out.size();
    require(::EVP_PKEY_encrypt(context.get(), out.data(), &size, content_key.data(), content_key.size()) == 1);
    return out;
  }

  [[nodiscard]] Bytes unwrap(const Bytes& encrypted_key, Wrapping wrapping = Wrapping::kOaepSha256) const {
    const auto context = context_for(wrapping, ::EVP_PKEY_decrypt_init);
    Bytes out(static_cast<std::size_t>(::EVP_PKEY_get_size(key_.get())));
    std::size_t size = out.size();
    if (::EVP_PKEY_decrypt(context.get(), out.data(), &size, encrypted_key.data(), encrypted_key.size()) != 1) {
      return {};
    }
    out.resize(size);
    return out;
  }

  // A whole JWE of this header and plaintext, however odd.
  [[nodiscard]] JweParts seal(std::string_view header, std::string_view plaintext,
                              Wrapping wrapping = Wrapping::kOaepSha256, std::size_t content_key_bytes = 32,
                              std::size_t iv_bytes = 12) const {
    Bytes content_key(content_key_bytes);
    JweParts parts{std::string(header), {}, Bytes(iv_bytes), {}, {}};
    require(::RAND_bytes(content_key.data(), static_cast<int>(content_key.size())) == 1 &&
            ::RAND_bytes(parts.iv.data(), static_cast<int>(parts.iv.size())) == 1);
    parts.encrypted_key = wrap(content_key, wrapping);
    content_key.resize(content_key_bytes == 16 ? 16 : 32);  // keys of other sizes cannot be used, only wrapped
    std::tie(parts.ciphertext, parts.tag) = gcm_seal(content_key, parts.iv, jose::base64url_encode(header), plaintext);
    return parts;
  }

  // What a JWE of ours says to this recipient.
  [[nodiscard]] std::optional<std::string> open(std::string_view compact) const {
    const JweParts parts = jwe_parts(compact);
    const Bytes content_key = unwrap(parts.encrypted_key);
    if (content_key.size() != 32) return std::nullopt;
    return gcm_open(content_key, parts, compact.substr(0, compact.find('.')));
  }

 private:
  using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&::EVP_PKEY_CTX_free)>;

  [[nodiscard]] Context context_for(Wrapping wrapping, int (*init)(EVP_PKEY_CTX*)) const {
    Context context(::EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr), ::EVP_PKEY_CTX_free);
    require(init(context.get()) == 1);
    if (wrapping == Wrapping::kPkcs1) {
      require(::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1);
      return context;
    }
    const EVP_MD* hash = wrapping == Wrapping::kOaepSha1 ? ::EVP_sha1() : ::EVP_sha256();
    const EVP_MD* mask_hash = wrapping == Wrapping::kOaepMgfSha1 ? ::EVP_sha1() : hash;
    require(::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
            ::EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash) == 1 &&
            ::EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), mask_hash) == 1);
    if (wrapping == Wrapping::kOaepLabelled) {
      auto* label = static_cast<unsigned char*>(::OPENSSL_memdup("x", 1));
      require(::EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), label, 1) == 1);
    }
    return context;
  }

  [[nodiscard]] std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    require(::EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
    ::BN_bn2bin(value, bytes.data());
    ::BN_free(value);
    return jose::base64url_encode(bytes);
  }

  template <class Write>
  static std::string pem_by(const Write& write) {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> memory(::BIO_new(::BIO_s_mem()), ::BIO_free);
    require(write(memory.get()) == 1);
    std::string text(16384, '\0');
    const int size = ::BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
    require(size > 0);
    text.resize(static_cast<std::size_t>(size));
    return text;
  }

  std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key_;
};

}  // namespace signer::test
