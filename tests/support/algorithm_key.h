// SPDX-License-Identifier: Apache-2.0
//
// A software key for any algorithm of the verifier, and JOSE signatures made with OpenSSL directly.
#pragma once

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

#include "jose/algorithms.h"
#include "jose/base64url.h"
#include "jose/json.h"
#include "jose/public_key.h"
#include "tests/support/signing_key.h"

namespace signer::test {

class AlgorithmKey {
 public:
  explicit AlgorithmKey(Algorithm algorithm, unsigned rsa_bits = 2048)
      : row_(*jose::find_algorithm(algorithm)), key_(make(row_, rsa_bits), ::EVP_PKEY_free) {
    require(key_ != nullptr);
  }

  [[nodiscard]] jose::PublicKey public_key() const {
    jose::PublicKey key;
    key.algorithm = row_.algorithm;
    if (row_.scheme == jose::Scheme::kEddsa) {
      key.x.resize(32);
      std::size_t size = key.x.size();
      require(::EVP_PKEY_get_raw_public_key(key_.get(), key.x.data(), &size) == 1);
    } else if (row_.scheme == jose::Scheme::kEcdsa) {
      key.x = number(OSSL_PKEY_PARAM_EC_PUB_X, row_.coordinate_bytes);
      key.y = number(OSSL_PKEY_PARAM_EC_PUB_Y, row_.coordinate_bytes);
    } else {
      key.modulus = number(OSSL_PKEY_PARAM_RSA_N, 0);
      key.exponent = number(OSSL_PKEY_PARAM_RSA_E, 0);
    }
    return key;
  }

  // The JWK with `kid` instead of the thumbprint.
  [[nodiscard]] jose::Json jwk(std::string_view kid) const {
    jose::Json jwk = jose::to_jwk(public_key());
    jwk["kid"] = kid;
    return jwk;
  }

  [[nodiscard]] std::string pem() const {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> memory(::BIO_new(::BIO_s_mem()), ::BIO_free);
    require(::PEM_write_bio_PUBKEY(memory.get(), key_.get()) == 1);
    return text_of_bio(memory.get());
  }

  [[nodiscard]] std::string private_pem() const {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> memory(::BIO_new(::BIO_s_mem()), ::BIO_free);
    require(::PEM_write_bio_PrivateKey(memory.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return text_of_bio(memory.get());
  }

  // As OpenSSL makes it: DER for ECDSA.  PS*: `salt_bytes` of salt, or as long as the hash if negative.
  [[nodiscard]] Bytes native_signature(std::string_view input, int salt_bytes = RSA_PSS_SALTLEN_DIGEST) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context(::EVP_MD_CTX_new(), ::EVP_MD_CTX_free);
    const char* const names[] = {"SHA256", "SHA384", "SHA512"};
    const char* const name = row_.scheme == jose::Scheme::kEddsa ? nullptr : names[static_cast<std::size_t>(row_.hash)];
    EVP_PKEY_CTX* inner = nullptr;
    require(::EVP_DigestSignInit_ex(context.get(), &inner, name, nullptr, nullptr, key_.get(), nullptr) == 1);
    if (row_.scheme == jose::Scheme::kPss) {
      require(::EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1);
      require(::EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, salt_bytes) == 1);
    }
    const ByteView bytes = bytes_of(input);
    Bytes out(2048);
    std::size_t size = out.size();
    require(::EVP_DigestSign(context.get(), out.data(), &size, bytes.data(), bytes.size()) == 1);
    out.resize(size);
    return out;
  }

  // As JWS wants it.
  [[nodiscard]] Bytes signature(std::string_view input) const {
    Bytes made = native_signature(input);
    if (row_.scheme != jose::Scheme::kEcdsa) return made;
    const std::uint8_t* at = made.data();
    const std::unique_ptr<ECDSA_SIG, decltype(&::ECDSA_SIG_free)> parsed(
        ::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(made.size())), ::ECDSA_SIG_free);
    require(parsed != nullptr);
    const int half = static_cast<int>(row_.coordinate_bytes);
    Bytes raw(2 * row_.coordinate_bytes);
    require(::BN_bn2binpad(::ECDSA_SIG_get0_r(parsed.get()), raw.data(), half) == half);
    require(::BN_bn2binpad(::ECDSA_SIG_get0_s(parsed.get()), raw.data() + half, half) == half);
    return raw;
  }

  [[nodiscard]] std::string token(std::string_view header, std::string_view payload) const {
    const std::string input = jose::base64url_encode(header) + "." + jose::base64url_encode(payload);
    return input + "." + jose::base64url_encode(signature(input));
  }

 private:
  static EVP_PKEY* make(const jose::AlgorithmRow& row, unsigned rsa_bits) {
    if (row.scheme == jose::Scheme::kEddsa) return ::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    if (row.scheme != jose::Scheme::kEcdsa) return ::EVP_RSA_gen(rsa_bits);
    return ::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", row.coordinate_bytes == 48 ? "P-384" : "P-256");
  }

  static std::string text_of_bio(BIO* memory) {
    std::string text(16384, '\0');
    const int size = ::BIO_read(memory, text.data(), static_cast<int>(text.size()));
    require(size > 0);
    text.resize(static_cast<std::size_t>(size));
    return text;
  }

  [[nodiscard]] Bytes number(const char* name, std::size_t size_min) const {
    BIGNUM* value = nullptr;
    require(::EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1);
    Bytes bytes(std::max(size_min, static_cast<std::size_t>(BN_num_bytes(value))));
    ::BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size()));
    ::BN_free(value);
    return bytes;
  }

  const jose::AlgorithmRow& row_;
  std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key_;
};

}  // namespace signer::test
