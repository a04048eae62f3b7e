// SPDX-License-Identifier: Apache-2.0

#include "jose/evp_key.h"

#include <openssl/core_names.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "jose/openssl.h"

namespace signer::jose {

namespace {

Failure<Error> evp_failed(std::string_view call) {
  return fail(ErrorCode::kInternal, std::string(call) + " failed");
}

// CVE-2017-15361: primes made by the faulty Infineon library are powers of 65537 modulo every small prime, and so is
// their product.  A good modulus passes for one by chance with a probability of about 2^-28.
bool has_roca_fingerprint(const BIGNUM* modulus) {
  constexpr std::array<unsigned, 17> kPrimes = {11, 13, 17,  19,  37,  53,  61,  71, 73,
                                                79, 97, 103, 107, 109, 127, 151, 157};
  return std::ranges::all_of(kPrimes, [modulus](unsigned prime) {
    const auto remainder = static_cast<unsigned>(::BN_mod_word(modulus, prime));
    unsigned power = 1;
    do {
      if (power == remainder) return true;
      power = power * (65537U % prime) % prime;
    } while (power != 1);
    return false;
  });
}

}  // namespace

void FreeKey::operator()(EVP_PKEY* key) const noexcept {
  ::EVP_PKEY_free(key);
}

Result<KeyPtr> key_of_params(const char* type, int selection, OSSL_PARAM* params) {
  const QuietErrors quiet;
  const ContextPtr loader(::EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  if (params == nullptr || loader == nullptr || ::EVP_PKEY_fromdata_init(loader.get()) != 1) {
    return evp_failed("EVP_PKEY_fromdata_init");
  }
  EVP_PKEY* raw = nullptr;
  const int outcome = ::EVP_PKEY_fromdata(loader.get(), &raw, selection, params);
  KeyPtr loaded(raw);
  if (outcome != 1) return fail(ErrorCode::kInvalidRequest, "EVP_PKEY_fromdata refused the numbers");
  return loaded;
}

Result<void> check_public_part(EVP_PKEY* key) {
  const QuietErrors quiet;
  const ContextPtr checker(::EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (checker == nullptr) return evp_failed("EVP_PKEY_CTX_new_from_pkey");
  if (::EVP_PKEY_public_check(checker.get()) != 1) {
    return fail(ErrorCode::kInvalidRequest, "EVP_PKEY_public_check refused the numbers");
  }
  return {};
}

Result<KeyPtr> load_rsa_key(const PublicKey& key) {
  const BignumPtr n(::BN_bin2bn(key.modulus.data(), static_cast<int>(key.modulus.size()), nullptr));
  const BignumPtr e(::BN_bin2bn(key.exponent.data(), static_cast<int>(key.exponent.size()), nullptr));
  const BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || builder == nullptr) return evp_failed("allocation");
  if (has_roca_fingerprint(n.get())) {
    return fail(ErrorCode::kInvalidRequest, "RSA modulus made by a faulty library (CVE-2017-15361)");
  }
  if (::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return evp_failed("OSSL_PARAM_BLD_push_BN");
  }
  const ParamsPtr params(::OSSL_PARAM_BLD_to_param(builder.get()));
  SIGNER_ASSIGN_OR_RETURN(KeyPtr loaded, key_of_params("RSA", EVP_PKEY_PUBLIC_KEY, params.get()));
  SIGNER_RETURN_IF_ERROR(check_public_part(loaded.get()));
  return loaded;
}

}  // namespace signer::jose
