// SPDX-License-Identifier: Apache-2.0
//
// The driver in the test's own process on a TPM of the test's own, and what requests to it look like.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/tpm_token.h"
#include "tpm/tpm2_driver.h"

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

}  // namespace signer::test
