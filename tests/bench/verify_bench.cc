// SPDX-License-Identifier: Apache-2.0
//
// What strictness costs: full verification of ~1 kB RS256 tokens against the bare mathematics, EVP_PKEY_verify and
// SHA-256 with everything OpenSSL lets one keep kept.  Slices alternate, so that both meet the same machine; CPU time
// of one thread; best and median of the slices.  Usage: verify-bench [slices]
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "jose/base64url.h"
#include "signer/jwt.h"
#include "tests/support/signing_key.h"

namespace {

using signer::test::require;
using signer::test::SigningKey;

constexpr std::size_t kTokens = 64;
constexpr double kSliceSeconds = 0.2;
constexpr long long kNow = 1'700'000'000;

double cpu_seconds() {
  timespec time{};
  require(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::string claims(std::size_t number) {
  const std::string id = std::to_string(1'000'000 + number);
  return R"({"iss":"https://idp.example","aud":["https://api.example","https://fhir.example/r4"],"sub":"u-)" + id +
         R"(-7c9e6679-7425-40de","exp":1700000600,"iat":1700000000,"nbf":1700000000,"jti":"b6f1c1f4-3d27-4c5e-9a56-)" +
         id + R"(","client_id":"smart-app-launcher","scope":"openid fhirUser launch/patient patient/Observation.rs )" +
         R"(patient/Condition.rs offline_access","azp":"smart-app-launcher","acr":"urn:example:loa:2","auth_time":)" +
         R"(1699999000,"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},"sid":"8d3c2a","ver":"1.0"})";
}

// Operations per CPU second of one slice.
template <class Operation>
double slice(Operation&& operation) {
  std::size_t done = 0;
  const double start = cpu_seconds();
  double now = start;
  while (now - start < kSliceSeconds) {
    for (std::size_t i = 0; i < kTokens; ++i) operation(i);
    done += kTokens;
    now = cpu_seconds();
  }
  return static_cast<double>(done) / (now - start);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The reference: one context for the key, one for the digest, the signature already decoded.
class Bare {
 public:
  explicit Bare(const signer::jose::PublicKey& key) {
    const auto builder_free = [](BIGNUM* number) { ::BN_free(number); };
    const std::unique_ptr<BIGNUM, decltype(builder_free)> n(
        ::BN_bin2bn(key.modulus.data(), static_cast<int>(key.modulus.size()), nullptr), builder_free);
    std::vector<unsigned char> native(key.modulus.size());
    require(::BN_bn2nativepad(n.get(), native.data(), static_cast<int>(native.size())) > 0);
    unsigned long exponent = 65537;
    OSSL_PARAM params[] = {::OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native.data(), native.size()),
                           ::OSSL_PARAM_construct_ulong(OSSL_PKEY_PARAM_RSA_E, &exponent),
                           ::OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX* loader = ::EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* pkey = nullptr;
    require(::EVP_PKEY_fromdata_init(loader) == 1);
    require(::EVP_PKEY_fromdata(loader, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1);
    ::EVP_PKEY_CTX_free(loader);
    context_ = ::EVP_PKEY_CTX_new_from_pkey(nullptr, pkey, nullptr);
    ::EVP_PKEY_free(pkey);
    require(::EVP_PKEY_verify_init(context_) == 1);
    require(::EVP_PKEY_CTX_set_rsa_padding(context_, RSA_PKCS1_PADDING) == 1);
    require(::EVP_PKEY_CTX_set_signature_md(context_, ::EVP_sha256()) == 1);
    hash_ = ::EVP_MD_CTX_new();
    algorithm_ = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
    require(hash_ != nullptr && algorithm_ != nullptr);
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;
  ~Bare() {
    ::EVP_PKEY_CTX_free(context_);
    ::EVP_MD_CTX_free(hash_);
    ::EVP_MD_free(algorithm_);
  }

  void verify(signer::ByteView input, signer::ByteView signature) {
    unsigned char digest[32];
    require(::EVP_DigestInit_ex2(hash_, algorithm_, nullptr) == 1);
    require(::EVP_DigestUpdate(hash_, input.data(), input.size()) == 1);
    require(::EVP_DigestFinal_ex(hash_, digest, nullptr) == 1);
    require(::EVP_PKEY_verify(context_, signature.data(), signature.size(), digest, sizeof digest) == 1);
  }

 private:
  EVP_PKEY_CTX* context_ = nullptr;
  EVP_MD_CTX* hash_ = nullptr;
  EVP_MD* algorithm_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  const int slices = argc > 1 ? std::max(1, std::atoi(argv[1])) : 20;
  const SigningKey& key = SigningKey::first();
  std::vector<std::string> tokens;
  std::vector<signer::Bytes> signatures;
  for (std::size_t i = 0; i < kTokens; ++i) {
    tokens.push_back(
        key.token(R"({"alg":"RS256","kid":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs","typ":"at+jwt"})", claims(i)));
    signatures.push_back(*signer::jose::base64url_decode(std::string_view(tokens[i]).substr(tokens[i].rfind('.') + 1)));
  }
  const auto keys = signer::KeySet::from_jwks(
      R"({"keys":[)" + key.jwk(R"(,"alg":"RS256","kid":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")") + "]}");
  require(keys.has_value());
  const auto verifier = signer::jwt::Verifier::make({{signer::Algorithm::kRs256},
                                                     signer::jwt::Issuers{"https://idp.example"},
                                                     signer::jwt::Audiences{"https://fhir.example/r4"},
                                                     signer::jws::TypeRule::is("at+jwt")});
  require(verifier.has_value());
  const std::chrono::system_clock::time_point now{std::chrono::seconds(kNow)};

  Bare bare(key.public_key());
  std::vector<double> bare_rates;
  std::vector<double> strict_rates;
  std::vector<double> ratios;
  for (int round = -1; round < slices; ++round) {  // round -1 warms up
    const double bare_rate = slice([&](std::size_t i) {
      bare.verify(signer::bytes_of(std::string_view(tokens[i]).substr(0, tokens[i].rfind('.'))), signatures[i]);
    });
    const double strict_rate =
        slice([&](std::size_t i) { require(verifier->verify(tokens[i], *keys, now).has_value()); });
    if (round < 0) continue;
    bare_rates.push_back(bare_rate);
    strict_rates.push_back(strict_rate);
    ratios.push_back(strict_rate / bare_rate);
  }
  std::printf("token_bytes %zu claims_bytes %zu slices %d\n", tokens[0].size(), claims(0).size(), slices);
  std::printf("bare   verify+sha256  median %8.0f/s  best %8.0f/s\n", median(bare_rates), std::ranges::max(bare_rates));
  std::printf("strict jwt verify     median %8.0f/s  best %8.0f/s\n", median(strict_rates),
              std::ranges::max(strict_rates));
  std::printf("ratio  strict/bare    median %.3f  of bests %.3f\n", median(ratios),
              std::ranges::max(strict_rates) / std::ranges::max(bare_rates));
  return 0;
}
