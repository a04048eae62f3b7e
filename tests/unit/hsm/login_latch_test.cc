// SPDX-License-Identifier: Apache-2.0
//
// The latch is all that stands between a crash loop and a locked token.
#include "hsm/login_latch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;

constexpr PinFingerprint kPin{.device = 1, .inode = 2, .size = 3, .modified_ns = 4, .changed_ns = 5};
constexpr PinFingerprint kOtherPin{.device = 1, .inode = 9, .size = 3, .modified_ns = 4, .changed_ns = 5};
constexpr const char* kFile = "/etc/signer/a pin \"of\" ours";
constexpr const char* kOtherFile = "/root/pin";

// Each test opens the latch anew where a process would have died.
class Latch : public ::testing::Test {
 protected:
  LoginLatch latch(const std::string& pin_file = kFile) { return {path_, pin_file}; }

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

// `signerctl key csr --pin-file` shares the latch with the daemon and may be given a file of its own.
TEST_F(Latch, Invariant05_StaysShutForAFileWhateverAnotherWasTold) {
  auto refused = latch();
  ASSERT_TRUE(refused.begin(kPin));
  refused.answered_no(kPin, "CKR_PIN_INCORRECT");

  auto taken = latch(kOtherFile);
  ASSERT_TRUE(taken.begin(kOtherPin));
  taken.answered_yes();
  EXPECT_EQ(begin(kPin), HostStatus::kPinRefused);

  auto refused_too = latch(kOtherFile);
  ASSERT_TRUE(refused_too.begin(kOtherPin));
  refused_too.answered_no(kOtherPin, "CKR_PIN_LEN_RANGE");
  EXPECT_EQ(begin(kPin), HostStatus::kPinRefused);
  EXPECT_FALSE(latch(kOtherFile).begin(kOtherPin));
  EXPECT_TRUE(latch("credential:pin").begin({}));
  auto credential = latch("credential:pin");
  ASSERT_TRUE(credential.begin({}));
  credential.answered_no({}, "CKR_PIN_INCORRECT");
  EXPECT_TRUE(latch("credential:other").begin({})) << "credentials have no fingerprint";
}

// `signerctl key csr` while the host logs in: with a right PIN neither may count as the other's lost attempt.
TEST_F(Latch, Invariant05_AttemptsUnderWayElsewhereAreNotLostOnes) {
  std::vector<std::thread> processes;
  std::atomic<int> under_way = 0;
  for (int i = 0; i < 4; ++i) {
    processes.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        auto attempt = latch();
        EXPECT_TRUE(attempt.begin(kPin));
        EXPECT_EQ(++under_way, 1);
        std::this_thread::yield();
        --under_way;
        attempt.answered_yes();
      }
    });
  }
  for (std::thread& process : processes) process.join();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Latch, KnowsAFileByWhateverWayItIsNamed) {
  auto refused = latch("/etc/signer/pin");
  ASSERT_TRUE(refused.begin(kPin));
  refused.answered_no(kPin, "CKR_PIN_INCORRECT");
  EXPECT_FALSE(latch("/etc//signer/x/../pin").begin(kPin));
  EXPECT_FALSE(latch("/a/link/to/it").begin(kPin)) << "the same file";
  EXPECT_TRUE(latch("/a/link/to/it").begin(kOtherPin));
}

TEST_F(Latch, GoesWithTheFilesSuccessWhateverTheFileHeldBefore) {
  auto refused = latch();
  ASSERT_TRUE(refused.begin(kPin));
  refused.answered_no(kPin, "CKR_PIN_INCORRECT");
  auto corrected = latch();
  ASSERT_TRUE(corrected.begin(kOtherPin));
  corrected.answered_yes();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Latch, KeepsTheNewestFiles) {
  // As long as the system lets them be, and full of what has to be quoted.
  const auto name = [](std::size_t i) { return "/" + std::string(4000, '"') + std::to_string(i); };
  const auto pin = [](std::size_t i) {
    return PinFingerprint{.device = 1, .inode = i, .size = 0, .modified_ns = 0, .changed_ns = 0};
  };
  for (std::size_t i = 0; i <= LoginLatch::kEntriesMax; ++i) {
    auto refused = latch(name(i));
    ASSERT_TRUE(refused.begin(pin(i))) << i;
    refused.answered_no(pin(i), "CKR_PIN_INCORRECT");
  }
  for (std::size_t i = LoginLatch::kEntriesMax; i > 0; --i) EXPECT_FALSE(latch(name(i)).begin(pin(i))) << i;
  EXPECT_TRUE(latch(name(0)).begin(pin(0)));
  EXPECT_LT(std::filesystem::file_size(path_), kLatchBytesMax);
}

TEST_F(Latch, Invariant05_ThatIsTooLongToBeOursIsARefusal) {
  [[maybe_unused]] const auto file = directory_.file("latch", std::string(kLatchBytesMax + 1, 'x'));
  EXPECT_EQ(begin(kPin), HostStatus::kPinRefused);
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
       {"", "signer-login-latch-2\n", "junk junk junk", "signer-login-latch-1\nrefused 1 -\n1 2 3 4 5\n",
        "signer-login-latch-2\nok 0 - 1 2 3 4 5 \"/p\"\n", "signer-login-latch-2\nrefused 1 - 1 2 3 4 5\n",
        "signer-login-latch-2\nattempting 1 - 1 2 3 4 5 \"/p\"\nrefused"}) {
    [[maybe_unused]] const auto file = directory_.file("latch", content);
    EXPECT_EQ(begin(kPin), HostStatus::kPinRefused) << content;
  }
}

TEST_F(Latch, AllowsNoAttemptThatItCannotRecord) {
  LoginLatch nowhere(directory_.path() / "absent" / "latch", kFile);
  const auto begun = nowhere.begin(kPin);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().status, HostStatus::kUnavailable);
  EXPECT_FALSE(LoginLatch("", kFile).begin(kPin));
}

TEST_F(Latch, IsReadableByItsOwnerAlone) {
  ASSERT_EQ(begin(kPin), HostStatus::kOk);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace signer::hsm
