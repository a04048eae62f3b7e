// SPDX-License-Identifier: Apache-2.0
//
// What encryption costs: wrapping a token of usual size for a recipient, opening and verifying it, against verifying
// the inner token alone.  Then whether a refusal tells by its time what was wrong: an encrypted key that does not
// unwrap against a tag that is bad.  Slices alternate, so that all meet the same machine; CPU time of one thread;
// median and best of the slices, ratios of neighbouring slices.  Usage: jwe-bench [slices]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "jose/jwe.h"
#include "signer/decryption_keys.h"
#include "signer/encrypted_claims.h"
#include "signer/jwt.h"
#include "tests/support/encryption_key.h"
#include "tests/support/signing_key.h"

namespace {

using signer::test::EncryptionKey;
using signer::test::require;
using signer::test::SigningKey;

constexpr double kSliceSeconds = 0.2;
constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1'700'000'000)};

constexpr std::string_view kHeader = R"({"alg":"RS256","kid":"issuer-key-of-the-benchmark","typ":"at+jwt"})";
constexpr std::string_view kPlainClaims =
    R"({"iss":"https://idp.example","aud":"https://api.example","sub":"u-1000042-7c9e6679-7425-40de","exp":1700000600,)"
    R"("iat":1700000000,"jti":"b6f1c1f4-3d27-4c5e-9a56-1000042","client_id":"smart-app-launcher",)"
    R"("scope":"openid fhirUser launch/patient patient/Observation.rs patient/Condition.rs")";
constexpr std::string_view kHiddenClaims =
    R"("patient":"a1b2c3d4-e5f6","fhirUser":"Practitioner/9f8e7d6c","org":"ward-7")";

struct Row {
  std::string name;
  std::function<void()> operation;
  std::vector<double> microseconds;  // of each slice
};

double cpu_seconds() {
  timespec time{};
  require(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Microseconds for one operation, of one slice.
double slice(const std::function<void()>& operation) {
  constexpr int kAtOnce = 16;
  long done = 0;
  const double start = cpu_seconds();
  double now = start;
  while (now - start < kSliceSeconds) {
    for (int i = 0; i < kAtOnce; ++i) operation();
    done += kAtOnce;
    now = cpu_seconds();
  }
  return (now - start) * 1e6 / static_cast<double>(done);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void measure(std::vector<Row>& rows, int slices) {
  for (int round = -1; round < slices; ++round) {  // round -1 warms up
    for (Row& row : rows) {
      const double time = slice(row.operation);
      if (round >= 0) row.microseconds.push_back(time);
    }
  }
}

void print(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < row.microseconds.size(); ++i) {
      ratios.push_back(row.microseconds[i] / rows.front().microseconds[i]);
    }
    std::printf("%-44s %10.1f %10.1f %12.3f\n", row.name.c_str(), median(row.microseconds),
                std::ranges::min(row.microseconds), median(ratios));
  }
}

std::string flipped(signer::test::JweParts parts, signer::Bytes signer::test::JweParts::*part) {
  (parts.*part)[0] ^= 1;
  return parts.compact();
}

}  // namespace

int main(int argc, char** argv) {
  const int slices = argc > 1 ? std::max(1, std::atoi(argv[1])) : 10;
  const SigningKey& issuer = SigningKey::first();
  const std::string jwks = R"({"keys":[)" + issuer.jwk(R"(,"alg":"RS256","kid":"issuer-key-of-the-benchmark")") + "]}";
  const auto keys = signer::KeySet::from_jwks(jwks);
  const auto verifier = signer::jwt::Verifier::make({{signer::Algorithm::kRs256},
                                                     {"https://idp.example"},
                                                     {"https://api.example"},
                                                     signer::jws::TypeRule::is("at+jwt")});
  require(keys.has_value() && verifier.has_value());
  const std::string inner = issuer.token(kHeader, std::string(kPlainClaims) + "," + std::string(kHiddenClaims) + "}");

  for (const unsigned bits : {2048U, 3072U, 4096U}) {
    const EncryptionKey reader(bits);
    const auto recipient = signer::jose::JweRecipient::from_jwk(reader.jwk(R"(,"kid":"r1")"));
    const auto private_keys = signer::DecryptionKeys::from_pem(reader.private_pem(), "r1");
    require(recipient.has_value() && private_keys.has_value());
    const auto encrypt = [&](std::string_view cty, std::string_view text) {
      auto jwe = signer::jose::jwe_encrypt(*recipient, {.cty = cty, .typ = {}}, text);
      require(jwe.has_value());
      return *std::move(jwe);
    };
    const std::string hidden = std::string("{").append(kHiddenClaims).append("}");
    const std::string nested = encrypt(signer::jose::kNestedTokenContent, inner);
    const std::string selective =
        issuer.token(kHeader, std::string(kPlainClaims) + ",\"" + std::string(signer::kEncryptedClaims) + "\":\"" +
                                  encrypt(signer::jose::kClaimsContent, hidden) + "\"}");
    const signer::test::JweParts parts = signer::test::jwe_parts(nested);
    const std::string bad_key = flipped(parts, &signer::test::JweParts::encrypted_key);
    const std::string bad_tag = flipped(parts, &signer::test::JweParts::tag);
    const auto refused = [&](const std::string& token) {
      require(!verifier->verify_nested(token, *private_keys, *keys, kNow));
    };
    std::vector<Row> rows = {
        {"verify the inner token alone", [&] { require(verifier->verify(inner, *keys, kNow).has_value()); }, {}},
        {"encrypt a nested token", [&] { encrypt(signer::jose::kNestedTokenContent, inner); }, {}},
        {"open and verify a nested token",
         [&] { require(verifier->verify_nested(nested, *private_keys, *keys, kNow).has_value()); },
         {}},
        {"encrypt claims", [&] { encrypt(signer::jose::kClaimsContent, hidden); }, {}},
        {"verify a token and open its claims",
         [&] {
           const auto claims = verifier->verify(selective, *keys, kNow);
           require(claims && signer::jwt::open_encrypted_claims(*claims, *private_keys));
         },
         {}}};
    measure(rows, slices);
    std::printf("\nrecipient RSA-%u: inner %zu bytes, nested %zu, selective %zu; slices %d\n", bits, inner.size(),
                nested.size(), selective.size(), slices);
    std::printf("%-44s %10s %10s %12s\n", "", "median us", "best us", "ratio, median");
    print(rows);
    std::vector<Row> refusals = {{"refuse: bad tag", [&] { refused(bad_tag); }, {}},
                                 {"refuse: key does not unwrap", [&] { refused(bad_key); }, {}}};
    measure(refusals, slices);
    print(refusals);
  }
  return 0;
}
