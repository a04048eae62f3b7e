// SPDX-License-Identifier: Apache-2.0

#include "tests/support/openssl_judge.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace signer::test {

namespace {

Bytes der_signature(ByteView raw) {
  ECDSA_SIG* signature = ::ECDSA_SIG_new();
  const int half = static_cast<int>(raw.size() / 2);
  ::ECDSA_SIG_set0(signature, ::BN_bin2bn(raw.data(), half, nullptr), ::BN_bin2bn(raw.data() + half, half, nullptr));
  unsigned char* der = nullptr;
  const int size = ::i2d_ECDSA_SIG(signature, &der);
  Bytes result(der, der + size);
  ::OPENSSL_free(der);
  ::ECDSA_SIG_free(signature);
  return result;
}

EVP_PKEY* load_key(const jose::PublicKey& key) {
  const bool rsa = key.algorithm == Algorithm::kRs256;
  OSSL_PARAM_BLD* build = ::OSSL_PARAM_BLD_new();
  BIGNUM* n = ::BN_bin2bn(key.modulus.data(), static_cast<int>(key.modulus.size()), nullptr);
  BIGNUM* e = ::BN_bin2bn(key.exponent.data(), static_cast<int>(key.exponent.size()), nullptr);
  Bytes point{0x04};
  point.insert(point.end(), key.x.begin(), key.x.end());
  point.insert(point.end(), key.y.begin(), key.y.end());
  if (rsa) {
    ::OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    ::OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
  } else {
    ::OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    ::OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  }
  OSSL_PARAM* params = ::OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX* context = ::EVP_PKEY_CTX_new_from_name(nullptr, rsa ? "RSA" : "EC", nullptr);
  EVP_PKEY* result = nullptr;
  ::EVP_PKEY_fromdata_init(context);
  ::EVP_PKEY_fromdata(context, &result, EVP_PKEY_PUBLIC_KEY, params);
  ::EVP_PKEY_CTX_free(context);
  ::OSSL_PARAM_free(params);
  ::OSSL_PARAM_BLD_free(build);
  ::BN_free(n);
  ::BN_free(e);
  return result;
}

}  // namespace

bool verifies(const jose::PublicKey& key, std::string_view input, ByteView signature) {
  EVP_PKEY* loaded = load_key(key);
  if (loaded == nullptr) return false;
  const Bytes judged =
      key.algorithm == Algorithm::kRs256 ? Bytes(signature.begin(), signature.end()) : der_signature(signature);
  EVP_MD_CTX* context = ::EVP_MD_CTX_new();
  const bool good =
      ::EVP_DigestVerifyInit(context, nullptr, ::EVP_sha256(), nullptr, loaded) == 1 &&
      ::EVP_DigestVerify(context, judged.data(), judged.size(), bytes_of(input).data(), input.size()) == 1;
  ::EVP_MD_CTX_free(context);
  ::EVP_PKEY_free(loaded);
  return good;
}

}  // namespace signer::test
