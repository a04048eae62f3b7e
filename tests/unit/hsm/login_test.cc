// SPDX-License-Identifier: Apache-2.0
//
// Invariant 5: how often C_Login is called, counted by the module itself.
#include <gtest/gtest.h>

#include <fstream>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;

class LoginAttempts : public ::testing::Test {
 protected:
  // What a restarted host does: everything anew.
  channel::HostError open_and_fail() {
    Pkcs11Driver driver;
    const auto described = driver.open(token_.spec());
    EXPECT_FALSE(described) << "opened";
    return described ? channel::HostError{} : described.error();
  }

  std::uint64_t logins() { return control().calls(Function::C_Login); }

  test::TestToken token_;
};

TEST_F(LoginAttempts, AreOneForALifeOfSigning) {
  const auto driver = test::opened(token_);
  ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(driver->sign(test::sign_request()));
  EXPECT_EQ(logins(), 1U);
  EXPECT_FALSE(std::filesystem::exists(token_.latch_file()));
}

TEST_F(LoginAttempts, Invariant05_AreOneForAWrongPinHoweverOftenTheHostIsStarted) {
  token_.write_pin("wrong-pin");
  const auto first = open_and_fail();
  EXPECT_EQ(first.status, HostStatus::kPinRefused);
  EXPECT_NE(first.text.find("CKR_PIN_INCORRECT"), std::string::npos) << first.text;
  EXPECT_EQ(first.text.find("wrong-pin"), std::string::npos) << "a PIN in a text";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(open_and_fail().status, HostStatus::kPinRefused);
  EXPECT_EQ(logins(), 1U);
}

TEST_F(LoginAttempts, GoOnOnceThePinFileIsCorrected) {
  std::string right;
  std::getline(std::ifstream(token_.pin_file()), right);
  token_.write_pin("wrong-pin");
  EXPECT_EQ(open_and_fail().status, HostStatus::kPinRefused);
  token_.write_pin(right);
  const auto driver = test::opened(token_);
  EXPECT_EQ(logins(), 2U);
}

TEST_F(LoginAttempts, Invariant05_AreNoneWhenTheTokenReportsAFinalTryOrALock) {
  for (const CK_FLAGS flag : {CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED}) {
    control().extra_token_flags = flag;
    const auto error = open_and_fail();
    EXPECT_EQ(error.status, HostStatus::kPinRefused);
    EXPECT_NE(error.text.find("reports CKF_USER_PIN_"), std::string::npos) << error.text;
  }
  EXPECT_EQ(logins(), 0U);
}

TEST_F(LoginAttempts, GoAheadWhenTheCountIsLowAndNothingWasRefusedHere) {
  control().extra_token_flags = CKF_USER_PIN_COUNT_LOW;
  const auto driver = test::opened(token_);
  EXPECT_EQ(logins(), 1U);
}

TEST_F(LoginAttempts, Invariant05_StopAfterTwoCrashesInsideLogin) {
  // The latch as two dead hosts would have left it.
  const auto pin = read_pin(token_.pin_file());
  ASSERT_TRUE(pin);
  for (int i = 0; i < LoginLatch::kLostAttemptsMax; ++i) {
    ASSERT_TRUE(LoginLatch(token_.latch_file(), token_.pin_file()).begin(pin->fingerprint));
  }
  EXPECT_EQ(open_and_fail().status, HostStatus::kPinRefused);
  EXPECT_EQ(logins(), 0U);
}

TEST_F(LoginAttempts, Invariant09_GoOnAfterATokenThatWasMerelyGone) {
  for (const CK_RV rv : {CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT}) {
    control().fail_next(Function::C_Login, 1, rv);
    EXPECT_EQ(open_and_fail().status, HostStatus::kUnavailable);
  }
  const auto driver = test::opened(token_);
  EXPECT_EQ(logins(), 4U);
}

TEST_F(LoginAttempts, Invariant05_StopAfterAVagueAnswerThatMovedTheTokensCounter) {
  control().fail_next(Function::C_Login, 1, CKR_GENERAL_ERROR);
  control().flags_after_login = CKF_USER_PIN_COUNT_LOW;
  EXPECT_EQ(open_and_fail().status, HostStatus::kPinRefused);
  EXPECT_EQ(open_and_fail().status, HostStatus::kPinRefused);
  EXPECT_EQ(logins(), 1U);
}

// A token that answers so to a wrong PIN and shows no counter would be locked by a host that is started again and
// again.
TEST_F(LoginAttempts, Invariant05_StopAfterTwoVagueAnswers) {
  for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CK_RV{CKR_VENDOR_DEFINED | 1U}}) {
    std::filesystem::remove(token_.latch_file());
    const std::uint64_t before = logins();
    control().fail_next(Function::C_Login, 100, rv);
    EXPECT_EQ(open_and_fail().status, HostStatus::kUnavailable);
    EXPECT_EQ(open_and_fail().status, HostStatus::kUnavailable);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(open_and_fail().status, HostStatus::kPinRefused);
    EXPECT_EQ(logins() - before, 2U);
  }
}

TEST_F(LoginAttempts, TakeAlreadyLoggedInForSuccess) {
  control().fail_next(Function::C_Login, 1, CKR_USER_ALREADY_LOGGED_IN);
  Pkcs11Driver driver;
  EXPECT_TRUE(driver.open(token_.spec()));
}

TEST_F(LoginAttempts, AreNoneWithoutAPinFile) {
  auto spec = token_.spec();
  spec.pin_file.clear();
  Pkcs11Driver driver;
  const auto described = driver.open(spec);
  ASSERT_FALSE(described);
  EXPECT_EQ(described.error().status, HostStatus::kInvalid);
  EXPECT_NE(described.error().text.find("no pin_file"), std::string::npos);
  EXPECT_EQ(logins(), 0U);
}

// It is no request's fault, so the host is replaced and the next one says at its start what is missing.
TEST_F(LoginAttempts, AreNoneWithoutAPinFileWhenATokenComesToWantOne) {
  auto spec = token_.spec();
  spec.pin_file.clear();
  control().hidden_token_flags = CKF_LOGIN_REQUIRED;
  Pkcs11Driver driver;
  ASSERT_TRUE(driver.open(spec));
  control().hidden_token_flags = 0;
  ++control().wedged;
  const auto signature = driver.sign(test::sign_request());
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().status, HostStatus::kUnavailable) << signature.error().text;
  EXPECT_NE(signature.error().text.find("no pin_file"), std::string::npos) << signature.error().text;
  EXPECT_EQ(logins(), 0U);
}

TEST_F(LoginAttempts, LeaveThePinToADeviceWithAPinPad) {
  control().extra_token_flags = CKF_PROTECTED_AUTHENTICATION_PATH;
  auto spec = token_.spec();
  spec.pin_file.clear();
  Pkcs11Driver driver;
  // SoftHSM has no pad, so it refuses the absent PIN; what counts is that it was asked.
  EXPECT_FALSE(driver.open(spec));
  EXPECT_EQ(logins(), 1U);
}

TEST_F(LoginAttempts, Invariant05_AreNoneWithABadPinFile) {
  std::filesystem::permissions(token_.pin_file(), std::filesystem::perms{0644});
  EXPECT_EQ(open_and_fail().status, HostStatus::kInvalid);
  EXPECT_EQ(logins(), 0U);
}

TEST_F(LoginAttempts, Invariant05_StopForGoodWhenThePinIsRefusedDuringRecovery) {
  const auto driver = test::opened(token_);
  ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  ++control().logins_lost;
  control().fail_next(Function::C_Login, 1, CKR_PIN_INCORRECT);
  for (int i = 0; i < 5; ++i) {
    const auto signature = driver->sign(test::sign_request());
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().status, HostStatus::kPinRefused) << signature.error().text;
  }
  EXPECT_EQ(logins(), 2U);
}

}  // namespace
}  // namespace signer::hsm
