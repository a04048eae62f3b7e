// SPDX-License-Identifier: Apache-2.0

#include "verify/verification_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <utility>

namespace signer::verify {

namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using BignumPtr = std::unique_ptr<BIGNUM, Freer<&::BN_free>>;
using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freer<&::OSSL_PARAM_BLD_free>>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<&::EVP_PKEY_CTX_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freer<&::OSSL_PARAM_free>>;

constexpr std::size_t kCoordinateBytes = 32;

// What OpenSSL leaves in the thread's error queue while this lives is removed again: the queue is the caller's.
class QuietErrors {
 public:
  QuietErrors() noexcept { ::ERR_set_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() { ::ERR_pop_to_mark(); }
};

Failure<Error> openssl_failed(std::string_view call) {
  return fail(ErrorCode::kInternal, "verification key: " + std::string(call) + " failed");
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

// One integer of a DER Ecdsa-Sig-Value: shortest form, never negative.  Returns the place after it.
std::uint8_t* put_der_integer(std::uint8_t* out, ByteView number) {
  while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
  const bool padded = (number.front() & 0x80U) != 0;
  *out++ = 0x02;
  *out++ = static_cast<std::uint8_t>(number.size() + (padded ? 1 : 0));
  if (padded) *out++ = 0;
  return std::ranges::copy(number, out).out;
}

// An EVP_PKEY_CTX serves one thread at a time, and making one costs a fifth of a verification, so each thread keeps
// those of the keys it used last.  Keys made one after the other get neighbouring ids and thus different slots.
struct ThreadContext {
  std::uint64_t key_id = 0;
  ContextPtr context;
};

EVP_PKEY_CTX* thread_context(EVP_PKEY* key, std::uint64_t key_id, jose::Algorithm algorithm) {
  constexpr std::size_t kSlots = 32;
  thread_local std::array<ThreadContext, kSlots> contexts;
  ThreadContext& slot = contexts[key_id % kSlots];
  if (slot.key_id == key_id) return slot.context.get();
  ContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (context == nullptr || ::EVP_PKEY_verify_init(context.get()) != 1) return nullptr;
  if (algorithm == jose::Algorithm::kRs256 && ::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) {
    return nullptr;
  }
  if (::EVP_PKEY_CTX_set_signature_md(context.get(), ::EVP_sha256()) != 1) return nullptr;
  slot.context = std::move(context);
  slot.key_id = key_id;
  return slot.context.get();
}

Result<ParamsPtr> rsa_params(const jose::PublicKey& key) {
  const BignumPtr n(::BN_bin2bn(key.modulus.data(), static_cast<int>(key.modulus.size()), nullptr));
  const BignumPtr e(::BN_bin2bn(key.exponent.data(), static_cast<int>(key.exponent.size()), nullptr));
  const BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || builder == nullptr) return openssl_failed("allocation");
  if (has_roca_fingerprint(n.get())) {
    return fail(ErrorCode::kInvalidRequest, "verification key: RSA modulus made by a faulty library (CVE-2017-15361)");
  }
  if (::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return openssl_failed("OSSL_PARAM_BLD_push_BN");
  }
  return ParamsPtr(::OSSL_PARAM_BLD_to_param(builder.get()));
}

Result<ParamsPtr> ec_params(const jose::PublicKey& key) {
  std::array<std::uint8_t, 1 + 2 * kCoordinateBytes> point{0x04};  // SEC 1 §2.3.3, uncompressed
  std::ranges::copy(key.x, point.begin() + 1);
  std::ranges::copy(key.y, point.begin() + 1 + kCoordinateBytes);
  const BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return openssl_failed("OSSL_PARAM_BLD_push");
  }
  return ParamsPtr(::OSSL_PARAM_BLD_to_param(builder.get()));
}

}  // namespace

void VerificationKey::FreeKey::operator()(EVP_PKEY* key) const noexcept {
  ::EVP_PKEY_free(key);
}

VerificationKey::VerificationKey(KeyPtr key, const jose::PublicKey& numbers)
    : key_(std::move(key)), algorithm_(numbers.algorithm), modulus_(numbers.modulus) {
  static std::atomic<std::uint64_t> last_id{0};
  id_ = ++last_id;
}

Result<VerificationKey> VerificationKey::make(const jose::PublicKey& key) {
  SIGNER_RETURN_IF_ERROR(jose::check_shape(key));
  const QuietErrors quiet;
  const bool rsa = key.algorithm == jose::Algorithm::kRs256;
  SIGNER_ASSIGN_OR_RETURN(const ParamsPtr params, rsa ? rsa_params(key) : ec_params(key));
  const ContextPtr loader(::EVP_PKEY_CTX_new_from_name(nullptr, rsa ? "RSA" : "EC", nullptr));
  if (params == nullptr || loader == nullptr || ::EVP_PKEY_fromdata_init(loader.get()) != 1) {
    return openssl_failed("EVP_PKEY_fromdata_init");
  }
  EVP_PKEY* raw = nullptr;
  const int loaded = ::EVP_PKEY_fromdata(loader.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.get());
  KeyPtr pkey(raw);
  // The numbers are whole by now, so a refusal here means a point that is not on the curve.
  if (loaded != 1) return fail(ErrorCode::kInvalidRequest, "verification key: EVP_PKEY_fromdata refused the numbers");
  const ContextPtr checker(::EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
  if (checker == nullptr) return openssl_failed("EVP_PKEY_CTX_new_from_pkey");
  if (::EVP_PKEY_public_check(checker.get()) != 1) {
    return fail(ErrorCode::kInvalidRequest, "verification key: EVP_PKEY_public_check refused the numbers");
  }
  return VerificationKey(std::move(pkey), key);
}

bool VerificationKey::verify_digest(std::span<const std::uint8_t, 32> sha256, ByteView signature) const noexcept {
  if (key_ == nullptr) return false;  // moved from
  std::array<std::uint8_t, 2 + 2 * (3 + kCoordinateBytes)> der{0x30};
  if (algorithm_ == jose::Algorithm::kEs256) {
    // RFC 7518 §3.4: "If the JWS signature value is not a 64-octet sequence, the validation has failed."
    if (signature.size() != 2 * kCoordinateBytes) return false;
    std::uint8_t* end = put_der_integer(der.data() + 2, signature.first(kCoordinateBytes));
    end = put_der_integer(end, signature.last(kCoordinateBytes));
    der[1] = static_cast<std::uint8_t>(end - der.data() - 2);
    signature = {der.data(), end};
  } else if (signature.size() != modulus_.size() || !std::ranges::lexicographical_compare(signature, modulus_)) {
    return false;  // RFC 8017 §8.2.2 step 1 and §5.2.2 step 1
  }
  const QuietErrors quiet;
  EVP_PKEY_CTX* context = thread_context(key_.get(), id_, algorithm_);
  return context != nullptr &&
         ::EVP_PKEY_verify(context, signature.data(), signature.size(), sha256.data(), sha256.size()) == 1;
}

}  // namespace signer::verify
