// SPDX-License-Identifier: Apache-2.0

#include "jose/certificate_chain.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <limits>

#include "jose/openssl.h"
#include "jose/public_key.h"

namespace signer::jose {

namespace {

using CertificatePtr = std::unique_ptr<X509, Freer<&::X509_free>>;

Failure<Error> no_chain(std::string text) {
  return fail(ErrorCode::kInvalidRequest, std::move(text));
}

int no_certificate_password(char*, int, int, void*) {
  return -1;
}

Result<std::vector<CertificatePtr>> certificates_of(std::string_view pem) {
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return no_chain("is too large");
  if (pem.find("PRIVATE KEY") != std::string_view::npos)
    return no_chain("holds a private key; keep certificates alone in it");
  const BioPtr text(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (text == nullptr) return fail(ErrorCode::kInternal, "BIO_new_mem_buf failed");
  std::vector<CertificatePtr> found;
  while (true) {
    CertificatePtr one(::PEM_read_bio_X509(text.get(), nullptr, &no_certificate_password, nullptr));
    if (one == nullptr) break;
    found.push_back(std::move(one));
    if (found.size() > kCertificatesMax) return no_chain("holds more than 8 certificates");
  }
  if (ERR_GET_REASON(::ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    return no_chain("holds a certificate that cannot be read");
  if (found.empty()) return no_chain("holds no certificate; expected PEM, the key's own certificate first");
  return found;
}

std::string base64_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = ::i2d_X509(certificate, &der);
  if (size <= 0) return {};
  std::string text(static_cast<std::size_t>(size + 2) / 3 * 4 + 1, '\0');  // with the zero byte that OpenSSL adds
  text.resize(static_cast<std::size_t>(::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), der, size)));
  ::OPENSSL_free(der);
  return text;
}

Bytes number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (::EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const BignumPtr number(raw);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  ::BN_bn2bin(number.get(), bytes.data());
  return bytes;
}

std::chrono::sys_seconds time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (::ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace

Result<CertificateChain> read_certificate_chain(std::string_view pem) {
  const QuietErrors quiet;
  SIGNER_ASSIGN_OR_RETURN(const std::vector<CertificatePtr> found, certificates_of(pem));
  CertificateChain chain;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (i + 1 < found.size() && ::X509_verify(found[i].get(), ::X509_get0_pubkey(found[i + 1].get())) != 1) {
      return no_chain("certificate " + std::to_string(i + 1) +
                      " was not signed by the one behind it; put the key's own "
                      "first, then its issuer's, and so on");
    }
    chain.certificates.push_back(base64_of(found[i].get()));
    if (chain.certificates.back().empty()) return fail(ErrorCode::kInternal, "i2d_X509 failed");
  }
  X509* leaf = found.front().get();
  const EVP_PKEY* key = ::X509_get0_pubkey(leaf);
  PublicKey numbers;
  if (key != nullptr) {
    numbers.modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    numbers.exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
  }
  if (!check_shape(numbers)) return no_chain("the first certificate is not for an RSA key of 2048 to 4096 bits");
  chain.leaf_thumbprint = thumbprint(numbers);
  chain.not_before = time_of(::X509_get0_notBefore(leaf));
  chain.not_after = time_of(::X509_get0_notAfter(leaf));
  return chain;
}

}  // namespace signer::jose
