// SPDX-License-Identifier: Apache-2.0

#include "certificate_maker.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdlib>

#include "jose/openssl.h"

namespace signer::evidence::test {

namespace {

using CertificatePtr = std::unique_ptr<X509, Freer<&::X509_free>>;
using NamePtr = std::unique_ptr<X509_NAME, Freer<&::X509_NAME_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<&::X509_EXTENSION_free>>;
using AlternativeNamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<&::GENERAL_NAMES_free>>;

void must(bool ok) {
  if (!ok) std::abort();  // A broken helper must not look like a refusal.
}

void add_entry(X509_NAME* name, const char* attribute, const std::string& text) {
  must(::X509_NAME_add_entry_by_txt(name, attribute, MBSTRING_UTF8, bytes_of(text).data(),
                                    static_cast<int>(text.size()), -1, 0) == 1);
}

NamePtr name_with(const char* attribute, const std::string& text) {
  NamePtr name(::X509_NAME_new());
  add_entry(name.get(), attribute, text);
  return name;
}

void add_extension(X509* certificate, int nid, const char* text) {
  const ExtensionPtr extension(::X509V3_EXT_conf_nid(nullptr, nullptr, nid, text));
  must(extension != nullptr && ::X509_add_ext(certificate, extension.get(), -1) == 1);
}

// TCG EK Credential Profile §3.2.9: a directory name of manufacturer, model and version, in a critical extension.
void add_tpm_name(X509* certificate, const std::string& manufacturer) {
  NamePtr name = name_with("2.23.133.2.1", manufacturer);
  add_entry(name.get(), "2.23.133.2.2", "model");
  add_entry(name.get(), "2.23.133.2.3", "id:00010002");
  const AlternativeNamesPtr names(sk_GENERAL_NAME_new_null());
  GENERAL_NAME* directory = ::GENERAL_NAME_new();
  ::GENERAL_NAME_set0_value(directory, GEN_DIRNAME, name.release());
  must(sk_GENERAL_NAME_push(names.get(), directory) > 0);
  must(::X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 1, X509V3_ADD_DEFAULT) == 1);
}

Bytes der_of(X509* certificate) {
  Bytes der(static_cast<std::size_t>(std::max(0, ::i2d_X509(certificate, nullptr))));
  unsigned char* at = der.data();
  must(!der.empty() && ::i2d_X509(certificate, &at) == static_cast<int>(der.size()));
  return der;
}

}  // namespace

jose::KeyPtr openssl_key(const jose::PublicKey& numbers) {
  const jose::BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (numbers.algorithm == Algorithm::kEs256) {
    Bytes point{4};
    point.insert(point.end(), numbers.x.begin(), numbers.x.end());
    point.insert(point.end(), numbers.y.begin(), numbers.y.end());
    must(::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
         ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1);
    const jose::ParamsPtr params(::OSSL_PARAM_BLD_to_param(builder.get()));
    return jose::key_of_params("EC", EVP_PKEY_PUBLIC_KEY, params.get()).value();
  }
  const jose::BignumPtr n(::BN_bin2bn(numbers.modulus.data(), static_cast<int>(numbers.modulus.size()), nullptr));
  const jose::BignumPtr e(::BN_bin2bn(numbers.exponent.data(), static_cast<int>(numbers.exponent.size()), nullptr));
  must(::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
       ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  const jose::ParamsPtr params(::OSSL_PARAM_BLD_to_param(builder.get()));
  return jose::key_of_params("RSA", EVP_PKEY_PUBLIC_KEY, params.get()).value();
}

Authority::Authority(const std::string& common_name)
    : common_name_(common_name), key_(::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")) {
  certificate_ = sign(key_.get(), {.common_name = common_name, .is_authority = true, .usage = {}, .manufacturer = {}},
                      common_name);
}

Authority::Authority(const std::string& common_name, const Authority& issuer)
    : common_name_(common_name), key_(::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")) {
  certificate_ =
      issuer.sign(key_.get(), {.common_name = common_name, .is_authority = true, .usage = {}, .manufacturer = {}},
                  issuer.common_name_);
}

Bytes Authority::issue(const jose::PublicKey& key, const CertificateWords& words) const {
  return sign(openssl_key(key).get(), words, common_name_);
}

Bytes Authority::sign(EVP_PKEY* key, const CertificateWords& words, const std::string& issuer_name) const {
  const CertificatePtr made(::X509_new());
  must(::X509_set_version(made.get(), X509_VERSION_3) == 1);
  must(::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), 7) == 1);
  must(::ASN1_TIME_set(::X509_getm_notBefore(made.get()), words.not_before) != nullptr);
  must(::ASN1_TIME_set(::X509_getm_notAfter(made.get()), words.not_after) != nullptr);
  must(::X509_set_issuer_name(made.get(), name_with("CN", issuer_name).get()) == 1);
  // A certificate of a TPM has no subject: the alternative name is critical instead.
  if (!words.manufacturer) {
    must(::X509_set_subject_name(made.get(), name_with("CN", words.common_name).get()) == 1);
  }
  must(::X509_set_pubkey(made.get(), key) == 1);
  add_extension(made.get(), NID_basic_constraints, words.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (words.usage) add_extension(made.get(), NID_ext_key_usage, words.usage->c_str());
  if (words.manufacturer) add_tpm_name(made.get(), *words.manufacturer);
  must(::X509_sign(made.get(), key_.get(), words.hash) > 0);
  return der_of(made.get());
}

std::string pem_of(ByteView der, const std::string& label) {
  const jose::BioPtr memory(::BIO_new(::BIO_s_mem()));
  must(::PEM_write_bio(memory.get(), label.c_str(), "", der.data(), static_cast<long>(der.size())) > 0);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace signer::evidence::test
