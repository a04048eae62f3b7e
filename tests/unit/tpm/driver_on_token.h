// SPDX-License-Identifier: Apache-2.0
//
// The driver in the test's own process on a TPM of the test's own, and what requests to it look like.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "jose/hash.h"
#include "tests/support/tpm_token.h"
#include "tpm/tpm2_driver.h"
#include "verify/verification_key.h"

namespace signer::test {

[[nodiscard]] inline channel::TokenSpec spec_of(const TpmToken& token) {
  channel::TokenSpec spec;
  spec.name = "under-test";
  spec.uri = token.tcti();
  spec.pin_file = token.auth_file();
  spec.key_directory = token.key_directory();
  return spec;
}

// The driver, open; the test has failed, and the driver serves nothing, if it does not open.
[[nodiscard]] inline std::unique_ptr<tpm::Tpm2Driver> opened(const channel::TokenSpec& spec) {
  auto driver = std::make_unique<tpm::Tpm2Driver>();
  const auto token = driver->open(spec);
  EXPECT_TRUE(token.has_value()) << token.error().text;
  return driver;
}

// A request that expires in twenty seconds.
[[nodiscard]] inline channel::SignRequest sign_request(const Bytes& key_id, std::string_view input) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch());
  return {key_id, Algorithm::kRs256, nanoseconds.count(), std::string(input)};
}

// An RSA-2048 key that a driver made; whatever signs with it is checked.
class CheckedKey {
 public:
  // The test has failed, and no signature passes, if there is no key.
  explicit CheckedKey(tpm::Tpm2Driver& driver) {
    const auto key = driver.generate_key({jose::KeyKind::kRsa2048, "checked", kId, false});
    EXPECT_TRUE(key.has_value()) << key.error().text;
    if (!key) return;
    if (auto verifier = verify::VerificationKey::make(key->public_key)) verifier_.emplace(std::move(*verifier));
  }

  // What the driver answers for the input with this number.  A signature that does not verify fails the test.
  [[nodiscard]] channel::HostResult<Bytes> sign(tpm::Tpm2Driver& driver, unsigned number) const {
    const std::string input = "header." + std::to_string(number);
    auto signature = driver.sign(sign_request(kId, input));
    if (signature) {
      EXPECT_TRUE(verifier_ && verifier_->verify_digest(jose::sha256(bytes_of(input)), *signature)) << number;
    }
    return signature;
  }

 private:
  inline static const Bytes kId = {7, 0};
  std::optional<verify::VerificationKey> verifier_;
};

}  // namespace signer::test
