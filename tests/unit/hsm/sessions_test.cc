// SPDX-License-Identifier: Apache-2.0
//
// Tokens grant few sessions; callers share them, wait no longer than their deadline, and none leak.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;
using test::sign_request;

std::uint64_t open_sessions() {
  return control().calls(Function::C_OpenSession) - control().calls(Function::C_CloseSession);
}

TEST(Sessions, AreSharedWhenTheTokenGrantsFewerThanThereAreWorkers) {
  const test::TestToken token;
  control().sessions_max = 2;  // one holds the login, one is left for four workers
  const auto driver = test::opened(token);
  const auto key = driver->generate_key(test::key_request(jose::KeyKind::kRsa2048));
  ASSERT_TRUE(key) << key.error().text;
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&] {
        for (int n = 0; n < 20; ++n) {
          const auto signature = driver->sign(sign_request());
          if (signature && test::verifies(key->public_key, "header.payload", *signature)) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 80);
  EXPECT_EQ(control().violations, 0U);
  EXPECT_EQ(control().calls(Function::C_Initialize), 1U) << "a full token is no broken token";
}

TEST(Sessions, AreWaitedForUntilTheDeadlineAndNoLonger) {
  const test::TestToken token;
  control().sessions_max = 2;
  const auto driver = test::opened(token);
  ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  control().hang_sign = 1;
  std::jthread stuck([&] { EXPECT_TRUE(driver->sign(sign_request())); });
  while (control().hanging == 0) std::this_thread::yield();
  auto request = sign_request();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  request.deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();

  const auto signature = driver->sign(request);

  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kExpired);
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
  control().hang_sign = 0;
}

TEST(Sessions, AreTooFewWhenTheTokenGrantsOne) {
  const test::TestToken token;
  control().sessions_max = 1;
  const auto driver = test::opened(token);
  const auto key = driver->describe_key(bytes_of("key-1"));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().status, HostStatus::kUnavailable);
  EXPECT_NE(key.error().text.find("CKR_SESSION_COUNT"), std::string::npos) << key.error().text;
}

TEST(Sessions, DoNotLeakOverManySignaturesFailuresAndRecoveries) {
  const test::TestToken token;
  const auto driver = test::opened(token);
  ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  for (int round = 0; round < 60; ++round) {
    if (round % 3 == 0) control().fail_next(Function::C_Sign, 1, CKR_DEVICE_ERROR);
    if (round % 20 == 10) ++control().logins_lost;
    ASSERT_TRUE(driver->sign(sign_request()));
  }
  EXPECT_LE(open_sessions(), 1U + token.spec().sessions + 1U);
}

TEST(Sessions, OfAllKindsAreClosedAtTheEnd) {
  const test::TestToken token;
  {
    const auto driver = test::opened(token);
    ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
    ASSERT_TRUE(driver->sign(sign_request()));
    driver->close();
    EXPECT_EQ(open_sessions(), 0U);
    EXPECT_EQ(control().calls(Function::C_Finalize), 1U);
  }
  EXPECT_EQ(control().calls(Function::C_Finalize), 1U);
}

}  // namespace
}  // namespace signer::hsm
