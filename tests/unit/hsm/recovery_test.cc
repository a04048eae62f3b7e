// SPDX-License-Identifier: Apache-2.0
//
// Invariant 9 at the driver: each kind of loss is cured by its rung of the ladder, inside the request that met it.
#include <poll.h>

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;
using test::sign_request;

class Recovery : public ::testing::Test {
 protected:
  Recovery() {
    const auto key = driver_->generate_key(test::key_request(jose::KeyKind::kRsa2048));
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = key->public_key;
    EXPECT_TRUE(signs());
  }

  ~Recovery() override { EXPECT_EQ(control().violations, 0U) << "the module was called in a way that crashes it"; }

  bool signs() {
    const auto signature = driver_->sign(sign_request());
    EXPECT_TRUE(signature) << signature.error().text;
    return signature && test::verifies(key_, "header.payload", *signature);
  }

  std::uint64_t logins() { return control().calls(Function::C_Login); }

  std::uint64_t starts() { return control().calls(Function::C_Initialize); }

  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
  jose::PublicKey key_;
};

TEST_F(Recovery, Invariant09_OpensANewSessionWhenAllAreLost) {
  ++control().sessions_lost;
  EXPECT_TRUE(signs());
  EXPECT_EQ(logins(), 1U);
  EXPECT_EQ(starts(), 1U);
}

TEST_F(Recovery, Invariant09_PassesOverAllDeadSessionsAtOnce) {
  // Four at work together leave four idle sessions behind.
  constexpr std::uint32_t kWorkers = 4;
  control().hang_sign = 1;
  {
    std::vector<std::jthread> workers;
    for (std::uint32_t i = 0; i < kWorkers; ++i) workers.emplace_back([this] { EXPECT_TRUE(signs()); });
    while (control().hanging < kWorkers) std::this_thread::yield();
    control().hang_sign = 0;
  }
  ++control().sessions_lost;
  EXPECT_TRUE(signs());
  EXPECT_EQ(logins(), 1U) << "a second dead session was taken for a dead login";
}

TEST_F(Recovery, ClosesASessionEvenWhenTheRequestIsToBlame) {
  // The operation that C_SignInit began is still active in it.
  const std::uint64_t closed = control().calls(Function::C_CloseSession);
  control().fail_next(Function::C_Sign, 1, CKR_DATA_LEN_RANGE);
  EXPECT_EQ(driver_->sign(sign_request()).error().status, HostStatus::kUnsupported);
  EXPECT_EQ(control().calls(Function::C_CloseSession), closed + 1);
}

TEST_F(Recovery, ClosesASessionInWhichACallFailed) {
  for (const Function function : {Function::C_SignInit, Function::C_Sign}) {
    const std::uint64_t closed = control().calls(Function::C_CloseSession);
    control().fail_next(function, 1, CKR_DEVICE_MEMORY);
    EXPECT_TRUE(signs());
    EXPECT_GE(control().calls(Function::C_CloseSession), closed + 1);
    EXPECT_EQ(logins(), 1U);
  }
}

TEST_F(Recovery, Invariant09_FindsTheKeyAgainWhenItsHandleIsStale) {
  ++control().handles_lost;
  EXPECT_TRUE(signs());
  EXPECT_EQ(starts(), 1U);
}

TEST_F(Recovery, Invariant09_LogsInAgainWhenTheTokenForgotUs) {
  ++control().logins_lost;
  EXPECT_TRUE(signs());
  EXPECT_EQ(logins(), 2U);
  EXPECT_EQ(starts(), 1U);
}

TEST_F(Recovery, Invariant09_StartsTheModuleAnewWhenNothingElseHelps) {
  ++control().wedged;
  EXPECT_TRUE(signs());
  EXPECT_EQ(starts(), 2U);
}

TEST_F(Recovery, Invariant09_SurvivesATokenThatGoesAwayAndComesBack) {
  const auto away = token_.directory() / "away";
  std::filesystem::rename(token_.token_files(), away);
  const auto lost = driver_->sign(sign_request());
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().status, HostStatus::kUnavailable) << lost.error().text;
  std::filesystem::rename(away, token_.token_files());

  const auto back = std::chrono::steady_clock::now();
  auto signature = driver_->sign(sign_request());
  while (!signature && std::chrono::steady_clock::now() < back + std::chrono::seconds(5)) {
    std::this_thread::yield();
    signature = driver_->sign(sign_request());
  }

  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_TRUE(test::verifies(key_, "header.payload", *signature));
}

TEST_F(Recovery, Invariant08_AnswersUnavailableNotMissingWhileTheTokenIsGone) {
  std::filesystem::rename(token_.token_files(), token_.directory() / "away");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(driver_->sign(sign_request()).error().status, HostStatus::kUnavailable);
    EXPECT_EQ(driver_->describe_key(bytes_of("key-1")).error().status, HostStatus::kUnavailable);
    EXPECT_EQ(driver_->describe_key(bytes_of("nobody")).error().status, HostStatus::kUnavailable);
  }
}

TEST_F(Recovery, Invariant08_DoesNotTakeALostLoginForAMissingKey) {
  // Without a login a token shows no private keys and says CKR_OK all the same.
  driver_ = nullptr;
  driver_ = test::opened(token_);
  ++control().logins_lost;
  const auto key = driver_->describe_key(bytes_of("key-1"));
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ(key->public_key, key_);
}

TEST_F(Recovery, GivesUpInTheEndAndDoesNotStormTheToken) {
  control().fail_next(Function::C_Sign, 1'000'000, CKR_DEVICE_REMOVED);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    const auto signature = driver_->sign(sign_request());
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().status, HostStatus::kUnavailable);
    EXPECT_NE(signature.error().text.find("CKR_DEVICE_REMOVED"), std::string::npos) << signature.error().text;
  }
  // A recovery starts the module anew once; the next waits for 100 ms at least.
  const auto pauses = (std::chrono::steady_clock::now() - begin) / std::chrono::milliseconds(100);
  const auto recoveries = static_cast<std::uint64_t>(1 + pauses);
  EXPECT_LE(starts(), 1 + recoveries);
  EXPECT_LE(logins(), 1 + 2 * recoveries);
  control().fail_next(Function::C_Sign, 0, CKR_OK);
  EXPECT_TRUE(signs());
}

TEST_F(Recovery, IsDoneOnceForAllWorkers) {
  constexpr int kWorkers = 4;
  constexpr std::uint64_t kRounds = 10;
  std::atomic<int> good{0};
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    ++control().logins_lost;
    {
      std::latch start(kWorkers);
      std::vector<std::jthread> workers;
      for (int i = 0; i < kWorkers; ++i) {
        workers.emplace_back([&] {
          start.arrive_and_wait();
          if (driver_->sign(sign_request())) ++good;
        });
      }
    }
    ASSERT_EQ(logins(), 1 + round);
  }
  EXPECT_EQ(good, kWorkers * static_cast<int>(kRounds));
}

TEST_F(Recovery, Invariant09_YieldsOnlyGoodSignaturesWhileEverythingIsLostAgainAndAgain) {
  constexpr int kWorkers = 4;
  constexpr int kSignatures = 40;
  constexpr int kLossEvery = 20;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(40);
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::atomic<int> running{kWorkers};
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < kWorkers; ++i) {
      workers.emplace_back([&] {
        for (int mine = 0; mine < kSignatures && std::chrono::steady_clock::now() < give_up;) {
          const auto signature = driver_->sign(sign_request());
          if (signature && test::verifies(key_, "header.payload", *signature)) {
            ++mine;
            ++good;
          } else if (!signature && signature.error().status == HostStatus::kUnavailable) {
            // Told to retry later: a loss may well hit a recovery.  This is the caller's back-off.
            ::poll(nullptr, 0, 20);
          } else {
            ++bad;
          }
        }
        --running;
      });
    }
    for (int loss = 1; running > 0; std::this_thread::yield()) {
      if (good < loss * kLossEvery) continue;
      auto& fault = loss % 4 == 0   ? control().sessions_lost
                    : loss % 4 == 1 ? control().handles_lost
                    : loss % 4 == 2 ? control().logins_lost
                                    : control().wedged;
      ++fault;
      ++loss;
    }
  }
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(good, kWorkers * kSignatures);
}

TEST_F(Recovery, Invariant09_NeverOutlivesTheDeadlineWhileAnotherWorkerHangs) {
  control().hang_sign = 1;
  std::jthread stuck([this] { EXPECT_TRUE(driver_->sign(sign_request())); });
  while (control().hanging == 0) std::this_thread::yield();

  // This one needs the gate alone to recover, and cannot have it.
  control().fail_next(Function::C_SignInit, 2, CKR_SESSION_HANDLE_INVALID);
  auto request = sign_request();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  request.deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  const auto signature = driver_->sign(request);

  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kExpired);
  EXPECT_LT(std::chrono::steady_clock::now(), deadline + std::chrono::seconds(2));
  EXPECT_EQ(starts(), 1U);
  control().hang_sign = 0;
  stuck.join();
  EXPECT_TRUE(signs());
}

TEST_F(Recovery, Invariant05_DoesNotTryThePinOnAnotherTokenOfTheSameName) {
  // The operator's spare with the same label has moved into the place of the first.
  std::filesystem::rename(token_.token_files(), token_.directory() / "away");
  std::filesystem::create_directory(token_.token_files());
  const std::string conf = token_.directory() / "softhsm2.conf";
  {
    Pkcs11Driver* driver = driver_.get();
    driver->close();  // SoftHSM cannot make a token beside a running user
    token_.add("unit", "spare-");
  }
  const auto signature = driver_->sign(sign_request());
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kUnavailable);
  EXPECT_NE(signature.error().text.find("another token answers"), std::string::npos) << signature.error().text;
  EXPECT_EQ(logins(), 0U);
}

TEST(DriverWithACrashingModule, LeavesTheProcessToDie) {
  // A crash is not the driver's to survive: signerd restarts the host.
  const test::TestToken token;
  const auto driver = test::opened(token);
  ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  EXPECT_EXIT(
      {
        control().crash_at_sign = 1;
        (void)driver->sign(sign_request());
      },
      ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_EQ(control().crash_at_sign, 0U) << "the module was not what crashed";
}

}  // namespace
}  // namespace signer::hsm
