// SPDX-License-Identifier: Apache-2.0
//
// What strictness costs: full verification of ~1 kB RS256 tokens against the bare mathematics, EVP_PKEY_verify and
// SHA-256 with everything OpenSSL lets one keep kept, and against the verifiers that Debian packages.  Slices
// alternate, so that all meet the same machine; CPU time of one thread; best and median of the slices, ratios of
// neighbouring slices.  Then two threads against one, by wall time.  Usage: verify-bench [slices]
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "jose/base64url.h"
#include "signer/jwt.h"
#include "tests/bench/verify_peers.h"
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

struct Contender {
  std::string name;
  std::function<void(std::size_t)> operation;
  std::vector<double> rates;
  std::vector<double> ratios;  // to the bare operation's slice of the same round
};

// Tokens a wall second that `threads` threads verify together.
double together(int threads, const std::function<void(std::size_t)>& operation) {
  const auto start = std::chrono::steady_clock::now();
  const auto end = start + std::chrono::duration<double>(kSliceSeconds);
  std::atomic<std::size_t> done{0};
  {
    std::vector<std::jthread> all;
    for (int thread = 0; thread < threads; ++thread) {
      all.emplace_back([&] {
        std::size_t mine = 0;
        while (std::chrono::steady_clock::now() < end) {
          for (std::size_t i = 0; i < kTokens; ++i) operation(i);
          mine += kTokens;
        }
        done += mine;
      });
    }
  }
  return static_cast<double>(done) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const int slices = argc > 1 ? std::max(1, std::atoi(argv[1])) : 20;
  const std::string kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
  const SigningKey& key = SigningKey::first();
  std::vector<std::string> tokens;
  std::vector<signer::Bytes> signatures;
  for (std::size_t i = 0; i < kTokens; ++i) {
    // libjwt 1 refuses any typ but JWT.
    tokens.push_back(key.token(R"({"alg":"RS256","kid":")" + kid + R"(","typ":"JWT"})", claims(i)));
    signatures.push_back(*signer::jose::base64url_decode(std::string_view(tokens[i]).substr(tokens[i].rfind('.') + 1)));
  }
  const std::string jwk = key.jwk(R"(,"alg":"RS256","kid":")" + kid + "\"");
  const auto keys = signer::KeySet::from_jwks(R"({"keys":[)" + jwk + "]}");
  require(keys.has_value());
  const auto verifier = signer::jwt::Verifier::make({{signer::Algorithm::kRs256},
                                                     {"https://idp.example"},
                                                     {"https://fhir.example/r4"},
                                                     signer::jws::TypeRule::is("JWT")});
  require(verifier.has_value());
  const std::chrono::system_clock::time_point now{std::chrono::seconds(kNow)};

  Bare bare(key.public_key());
  std::vector<Contender> contenders;
  contenders.push_back({"bare EVP_PKEY_verify + SHA-256",
                        [&](std::size_t i) {
                          const std::string_view token = tokens[i];
                          bare.verify(signer::bytes_of(token.substr(0, token.rfind('.'))), signatures[i]);
                        },
                        {},
                        {}});
  const auto strict = [&](std::size_t i) { require(verifier->verify(tokens[i], *keys, now).has_value()); };
  contenders.push_back({"signer::verify, all checks", strict, {}, {}});
  for (const auto& peer :
       signer::bench::peers({key.pem(), jwk, "https://idp.example", "https://fhir.example/r4", kNow})) {
    contenders.push_back({peer.name, [&tokens, peer](std::size_t i) { require(peer.verify(tokens[i])); }, {}, {}});
  }

  std::vector<double> speedups;
  for (int round = -1; round < slices; ++round) {  // round -1 warms up
    double bare_rate = 0;
    for (Contender& contender : contenders) {
      const double rate = slice(contender.operation);
      if (&contender == contenders.data()) bare_rate = rate;
      if (round < 0) continue;
      contender.rates.push_back(rate);
      contender.ratios.push_back(rate / bare_rate);
    }
    const double alone = together(1, strict);
    const double both = together(2, strict);
    if (round >= 0) speedups.push_back(both / alone);
  }
  std::printf("token_bytes %zu claims_bytes %zu slices %d\n", tokens[0].size(), claims(0).size(), slices);
  std::printf("%-32s %12s %12s %14s\n", "", "median/s", "best/s", "ratio, median");
  for (const Contender& contender : contenders) {
    std::printf("%-32s %12.0f %12.0f %14.3f\n", contender.name.c_str(), median(contender.rates),
                std::ranges::max(contender.rates), median(contender.ratios));
  }
  std::printf("two threads / one thread, wall time: median %.2f, best %.2f\n", median(speedups),
              std::ranges::max(speedups));
  return 0;
}
