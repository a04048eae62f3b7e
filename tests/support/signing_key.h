// SPDX-License-Identifier: Apache-2.0
//
// A software RSA key for the tests of the verifier, and tokens made with OpenSSL directly: no code of ours signs them.
#pragma once

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jose/base64url.h"
#include "jose/public_key.h"
#include "signer/bytes.h"

namespace signer::test {

enum class Scheme { kRs256, kRs384, kRs512, kPs256 };

inline void require(bool ok) {
  if (!ok) std::abort();  // A broken helper must not look like a refusal.
}

class SigningKey {
 public:
  explicit SigningKey(unsigned bits) : key_(::EVP_RSA_gen(bits), ::EVP_PKEY_free) { require(key_ != nullptr); }

  // Two keys of the usual size, made once per process.
  static const SigningKey& first() {
    static const SigningKey key(2048);
    return key;
  }

  static const SigningKey& second() {
    static const SigningKey key(2048);
    return key;
  }

  [[nodiscard]] jose::PublicKey public_key() const {
    return {.algorithm = Algorithm::kRs256,
            .modulus = number(OSSL_PKEY_PARAM_RSA_N),
            .exponent = number(OSSL_PKEY_PARAM_RSA_E),
            .x = {},
            .y = {}};
  }

  // {"kty":"RSA","n":...,"e":...<members>}, e.g. members = R"(,"kid":"a","alg":"RS256")".
  [[nodiscard]] std::string jwk(std::string_view members) const {
    const jose::PublicKey key = public_key();
    return R"({"kty":"RSA","n":")" + jose::base64url_encode(key.modulus) + R"(","e":")" +
           jose::base64url_encode(key.exponent) + "\"" + std::string(members) + "}";
  }

  [[nodiscard]] std::string signature(std::string_view input, Scheme scheme = Scheme::kRs256) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context(::EVP_MD_CTX_new(), ::EVP_MD_CTX_free);
    const char* digest = scheme == Scheme::kRs384 ? "SHA384" : scheme == Scheme::kRs512 ? "SHA512" : "SHA256";
    EVP_PKEY_CTX* inner = nullptr;
    require(::EVP_DigestSignInit_ex(context.get(), &inner, digest, nullptr, nullptr, key_.get(), nullptr) == 1);
    if (scheme == Scheme::kPs256) {
      require(::EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1);
      require(::EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    const ByteView bytes = bytes_of(input);
    Bytes out(static_cast<std::size_t>(::EVP_PKEY_get_size(key_.get())));
    std::size_t size = out.size();
    require(::EVP_DigestSign(context.get(), out.data(), &size, bytes.data(), bytes.size()) == 1);
    out.resize(size);
    return jose::base64url_encode(out);
  }

  // The private operation on a block that the caller has padded, well or badly: k bytes below the modulus.
  [[nodiscard]] Bytes raw_signature(const Bytes& block) const {
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&::EVP_PKEY_CTX_free)> context(
        ::EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr), ::EVP_PKEY_CTX_free);
    require(::EVP_PKEY_sign_init(context.get()) == 1);
    require(::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1);
    Bytes out(block.size());
    std::size_t size = out.size();
    require(::EVP_PKEY_sign(context.get(), out.data(), &size, block.data(), block.size()) == 1);
    return out;
  }

  // The public key as PEM files hold it.
  [[nodiscard]] std::string pem() const {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> memory(::BIO_new(::BIO_s_mem()), ::BIO_free);
    require(::PEM_write_bio_PUBKEY(memory.get(), key_.get()) == 1);
    return text_of_bio(memory.get());
  }

  // SubjectPublicKeyInfo, and the older PKCS #1 RSAPublicKey.
  [[nodiscard]] std::string der() const { return encoded(::i2d_PUBKEY); }

  [[nodiscard]] std::string pkcs1_der() const { return encoded(::i2d_PublicKey); }

  [[nodiscard]] std::string pkcs1_pem() const { return pem("RSA PUBLIC KEY", pkcs1_der()); }

  // X.509, signed by the key itself, good for a day.
  [[nodiscard]] std::string certificate_der() const {
    const std::unique_ptr<X509, decltype(&::X509_free)> made(::X509_new(), ::X509_free);
    require(::X509_set_version(made.get(), X509_VERSION_3) == 1 &&
            ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), 0) != nullptr &&
            ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), 86400) != nullptr &&
            ::X509_set_pubkey(made.get(), key_.get()) == 1 && ::X509_sign(made.get(), key_.get(), ::EVP_sha256()) > 0);
    return encoded_by([&made](unsigned char** at) { return ::i2d_X509(made.get(), at); });
  }

  [[nodiscard]] std::string certificate_pem() const { return pem("CERTIFICATE", certificate_der()); }

  // The compact JWS of these texts, signed as they are, however odd.
  [[nodiscard]] std::string token(std::string_view header, std::string_view payload,
                                  Scheme scheme = Scheme::kRs256) const {
    const std::string input = jose::base64url_encode(header) + "." + jose::base64url_encode(payload);
    return input + "." + signature(input, scheme);
  }

 private:
  template <class Write>
  static std::string encoded_by(const Write& write) {
    std::string der(static_cast<std::size_t>(std::max(0, write(nullptr))), '\0');
    auto* at = reinterpret_cast<unsigned char*>(der.data());
    require(!der.empty() && write(&at) == static_cast<int>(der.size()));
    return der;
  }

  [[nodiscard]] std::string encoded(int (*write)(const EVP_PKEY*, unsigned char**)) const {
    return encoded_by([this, write](unsigned char** at) { return write(key_.get(), at); });
  }

  static std::string pem(const char* label, const std::string& der) {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> memory(::BIO_new(::BIO_s_mem()), ::BIO_free);
    require(::PEM_write_bio(memory.get(), label, "", bytes_of(der).data(), static_cast<long>(der.size())) > 0);
    return text_of_bio(memory.get());
  }

  static std::string text_of_bio(BIO* memory) {
    std::string text(4096, '\0');
    const int size = ::BIO_read(memory, text.data(), static_cast<int>(text.size()));
    require(size > 0);
    text.resize(static_cast<std::size_t>(size));
    return text;
  }

  [[nodiscard]] Bytes number(const char* name) const {
    BIGNUM* value = nullptr;
    require(::EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
    ::BN_bn2bin(value, bytes.data());
    ::BN_free(value);
    return bytes;
  }

  std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key_;
};

// The HS256 token that an attacker makes who takes a public text for the secret (CVE-2015-9235 and its kin).
inline std::string hs256_token(std::string_view header, std::string_view payload, std::string_view secret) {
  const std::string input = jose::base64url_encode(header) + "." + jose::base64url_encode(payload);
  Bytes mac(32);
  unsigned size = 32;
  require(::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(input).data(), input.size(),
                 mac.data(), &size) != nullptr);
  return input + "." + jose::base64url_encode(mac);
}

}  // namespace signer::test
