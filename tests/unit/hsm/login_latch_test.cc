// SPDX-License-Identifier: Apache-2.0
//
// The latch is all that stands between a crash loop and a locked token.
#include "hsm/login_latch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;

constexpr PinFingerprint kPin{.device = 1, .inode = 2, .size = 3, .modified_ns = 4, .changed_ns = 5};
constexpr PinFingerprint kOtherPin{.device = 1, .inode = 9, .size = 3, .modified_ns = 4, .changed_ns = 5};

// Each test opens the latch anew where a process would have died.
class Latch : public ::testing::Test {
 protected:
  LoginLatch latch() { return LoginLatch(path_); }

  HostStatus begin(const PinFingerprint& pin) {
    const auto begun = latch().begin(pin);
    return begun ? HostStatus::kOk : begun.error().status;
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.path() / "latch";
};

TEST_F(Latch, IsOnDiskBeforeTheAttemptAndGoneAfterSuccess) {
  auto attempt = latch();
  ASSERT_TRUE(attempt.begin(kPin));
  EXPECT_TRUE(std::filesystem::exists(path_));
  attempt.answered_yes();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Latch, Invariant05_StopsAfterTwoAttemptsWhoseAnswerWasNeverSeen) {
  EXPECT_EQ(begin(kPin), HostStatus::kOk);
  EXPECT_EQ(begin(kPin), HostStatus::kOk);
  EXPECT_EQ(begin(kPin), HostStatus::kPinRefused);
  EXPECT_EQ(begin(kPin), HostStatus::kPinRefused);
}

TEST_F(Latch, Invariant05_StaysShutAfterARefusal) {
  auto attempt = latch();
  ASSERT_TRUE(attempt.begin(kPin));
  attempt.answered_no(kPin, "CKR_PIN_INCORRECT");
  const auto again = latch().begin(kPin);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().status, HostStatus::kPinRefused);
  EXPECT_NE(again.error().text.find("CKR_PIN_INCORRECT"), std::string::npos);
  EXPECT_NE(again.error().text.find(path_), std::string::npos) << "must say which file to remove";
}

TEST_F(Latch, OpensForAnotherPinFile) {
  auto attempt = latch();
  ASSERT_TRUE(attempt.begin(kPin));
  attempt.answered_no(kPin, "CKR_PIN_INCORRECT");
  EXPECT_EQ(begin(kOtherPin), HostStatus::kOk);
}

TEST_F(Latch, OpensWhenTheOperatorRemovesIt) {
  auto attempt = latch();
  ASSERT_TRUE(attempt.begin(kPin));
  attempt.answered_no(kPin, "CKR_PIN_LOCKED");
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  EXPECT_EQ(begin(kPin), HostStatus::kOk);
}

TEST_F(Latch, StartsToCountAgainAfterASuccess) {
  EXPECT_EQ(begin(kPin), HostStatus::kOk);
  auto attempt = latch();
  ASSERT_TRUE(attempt.begin(kPin));
  attempt.answered_yes();
  EXPECT_EQ(begin(kPin), HostStatus::kOk);
  EXPECT_EQ(begin(kPin), HostStatus::kOk);
  EXPECT_EQ(begin(kPin), HostStatus::kPinRefused);
}

TEST_F(Latch, Invariant09_DoesNotCountATokenThatCouldNotAnswer) {
  for (int i = 0; i < 10; ++i) {
    auto attempt = latch();
    ASSERT_TRUE(attempt.begin(kPin)) << i;
    attempt.not_answered(kPin);
  }
}

TEST_F(Latch, KeepsTheCountOfLostAttemptsAcrossATokenThatCouldNotAnswer) {
  EXPECT_EQ(begin(kPin), HostStatus::kOk);  // lost
  auto attempt = latch();
  ASSERT_TRUE(attempt.begin(kPin));
  attempt.not_answered(kPin);
  EXPECT_EQ(begin(kPin), HostStatus::kOk);  // lost
  EXPECT_EQ(begin(kPin), HostStatus::kPinRefused);
}

TEST_F(Latch, Invariant05_TreatsADamagedFileAsARefusal) {
  for (const std::string_view content :
       {"", "signer-login-latch-1\n", "junk junk junk", "signer-login-latch-1\nok 0 -\n"}) {
    [[maybe_unused]] const auto file = directory_.file("latch", content);
    EXPECT_EQ(begin(kPin), HostStatus::kPinRefused) << content;
  }
}

TEST_F(Latch, AllowsNoAttemptThatItCannotRecord) {
  LoginLatch nowhere(directory_.path() / "absent" / "latch");
  const auto begun = nowhere.begin(kPin);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().status, HostStatus::kUnavailable);
  EXPECT_FALSE(LoginLatch("").begin(kPin));
}

TEST_F(Latch, IsReadableByItsOwnerAlone) {
  ASSERT_EQ(begin(kPin), HostStatus::kOk);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace signer::hsm
