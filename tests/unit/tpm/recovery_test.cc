// SPDX-License-Identifier: Apache-2.0
//
// Invariant 9 at the TPM driver: each way of losing the TPM, its sessions or a key is cured inside the request that met
// it, or ends in an error that signerd can act on; and whatever a TPM says, nothing on disk is given up (invariant 8).
#include <gtest/gtest.h>

#include <thread>

#include "test_token.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using std::chrono::milliseconds;
using test::sign_request;
using test::cc::kReadPublic;
using test::cc::kSign;
using test::cc::kStartAuthSession;

class Recovery : public ::testing::Test {
 protected:
  Recovery() {
    const auto key = driver_->generate_key(test::key_request());
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = key->public_key;
    EXPECT_TRUE(signs());
    bus().forget_counts();
  }

  test::TpmInterposer& bus() { return token_.bus(); }

  test::Swtpm& tpm() { return token_.tpm(); }

  bool signs() {
    const auto signature = driver_->sign(sign_request());
    EXPECT_TRUE(signature) << signature.error().text;
    return signature && test::verifies(key_, "header.payload", *signature);
  }

  // For after a failure: the driver may answer with it for a moment.
  bool signs_again() {
    return test::eventually([this] {
      const auto signature = driver_->sign(sign_request());
      EXPECT_TRUE(!signature || test::verifies(key_, "header.payload", *signature)) << "a wrong signature";
      return signature.has_value();
    });
  }

  channel::HostError refusal(milliseconds time = std::chrono::seconds(10)) {
    const auto signature = driver_->sign(sign_request(time));
    return signature ? channel::HostError{HostStatus::kOk, ""} : signature.error();
  }

  test::TestToken token_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_);
  jose::PublicKey key_;
};

TEST_F(Recovery, Invariant09_WaitsForATpmThatIsBusy) {
  // The library sends the first three codes up to five times more by itself; seven are more than it has patience for.
  for (const auto& [code, times] : {std::pair{0x922U, 7U}, {0x90aU, 7U}, {0x908U, 7U}, {0x923U, 2U}, {0x920U, 2U}}) {
    const auto busy = bus().answer({.code = kSign, .times = times}, code);
    EXPECT_TRUE(signs()) << code;
    EXPECT_EQ(bus().hits(busy), times) << code;
    bus().drop_rules();
  }
}

TEST_F(Recovery, SaysThatTheDeadlineHasPassedWhileTheTpmIsBusy) {
  for (const std::uint32_t code : {0x922U, 0x90aU, 0x908U, 0x923U, 0x920U}) {
    (void)bus().answer({.code = kSign}, code);
    bus().forget_counts();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(refusal(milliseconds(300)).status, HostStatus::kExpired) << code;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << code;
    // At 0, 50, 150 ms; each may be six of the library's.
    EXPECT_GE(bus().count(kSign), 1U) << code;
    EXPECT_LE(bus().count(kSign), 3U * 6) << code << ": it does not back off";
    bus().drop_rules();
    EXPECT_TRUE(signs()) << code;
  }
}

TEST_F(Recovery, AsksOnceMoreAfterACancelledCommandAndNotTwice) {
  (void)bus().answer({.code = kSign, .times = 1}, 0x909);
  EXPECT_TRUE(signs());
  EXPECT_EQ(bus().count(kSign), 2U);
  bus().forget_counts();
  (void)bus().answer({.code = kSign}, 0x909);
  EXPECT_EQ(refusal().status, HostStatus::kUnavailable);
  EXPECT_EQ(bus().count(kSign), 2U);
}

TEST_F(Recovery, Invariant09_StartsAnotherSessionWhenTheTpmCannotServeThisOne) {
  for (const std::uint32_t code : {0x901U, 0x903U, 0x905U}) {
    bus().forget_counts();
    (void)bus().answer({.code = kSign, .times = 1}, code);
    EXPECT_TRUE(signs()) << code;
    EXPECT_EQ(bus().count(kStartAuthSession), 1U) << code;
    EXPECT_EQ(bus().count(kReadPublic), 0U) << code << ": the context was good";
    EXPECT_EQ(test::handles_from(tpm(), test::kLoadedSessionFirst).size(), 1U) << code << ": the old one was left";
  }
}

TEST_F(Recovery, Invariant09_ConnectsAnewWhenTheTpmHasNoRoomForTheKey) {
  for (const std::uint32_t code : {0x902U, 0x904U, 0x906U}) {
    bus().forget_counts();
    (void)bus().answer({.code = kSign, .times = 1}, code);
    EXPECT_TRUE(signs()) << code;
    EXPECT_EQ(bus().count(kReadPublic), 3U) << code << ": storage root, twice, and key are compared again";
  }
}

TEST_F(Recovery, Invariant09_RebuildsAfterStaleHandlesAndSessions) {
  for (const std::uint32_t code : {0x910U, 0x911U, 0x912U, 0x913U, 0x914U, 0x915U, 0x916U, 0x918U, 0x919U, 0x91aU}) {
    bus().forget_counts();
    (void)bus().answer({.code = kSign, .times = 1}, code);
    EXPECT_TRUE(signs()) << code;
    EXPECT_EQ(bus().count(kReadPublic), 3U) << code << ": storage root, twice, and key are compared again";
    EXPECT_EQ(bus().count(kStartAuthSession), 1U) << code;
  }
}

TEST_F(Recovery, Invariant09_NeverLoopsWhateverCodeComesForEver) {
  for (const std::uint32_t code :
       {0x901U, 0x902U, 0x903U, 0x905U, 0x909U, 0x910U, 0x918U, 0x18bU, 0x921U,   0x9a2U,      0x98eU,   0x101U,
        0x100U, 0x12dU, 0x1d5U, 0x2d2U, 0x143U, 0x01eU, 0x1ffU, 0xfffU, 0xb0143U, 0xdeadbeefU, 0x7001bU, 0xa000aU}) {
    for (const std::uint32_t command : {kSign, kStartAuthSession}) {
      // Whatever it was, a session of the last round is not to be used by this one.
      (void)bus().answer({.code = kSign, .times = 1}, 0x901);
      (void)bus().answer({.code = command}, code);
      bus().forget_counts();
      EXPECT_NE(refusal().status, HostStatus::kOk) << code;
      EXPECT_LE(bus().count(command), 6U) << code;
      EXPECT_LE(bus().count(), 60U) << code;
      bus().drop_rules();
      EXPECT_TRUE(signs_again()) << code;
    }
  }
}

TEST_F(Recovery, NeverRetriesInLockout) {
  (void)bus().answer({.code = kSign}, 0x921);
  const auto refused = refusal();
  EXPECT_EQ(refused.status, HostStatus::kRefused);
  EXPECT_NE(refused.text.find("TPM_RC_LOCKOUT"), std::string::npos) << refused.text;
  EXPECT_EQ(bus().count(kSign), 1U);
  // Each request asks again at most, and those that follow at once do not.
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(refusal().status, HostStatus::kRefused);
  const auto pauses = (std::chrono::steady_clock::now() - start) / milliseconds(100);
  EXPECT_LE(bus().count(kSign), 2U + static_cast<unsigned>(pauses));
}

TEST_F(Recovery, Invariant09_GoesOnWhenOthersWrongGuessesLockTheTpm) {
  constexpr std::uint32_t kOthersKey = 0x81000300;
  const auto made =
      tpm().run(signer::test::create_rsa_key(signer::test::kOwnerHierarchy, "a", signer::test::kSigningKey));
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE(tpm().run(test::evict_control(made.handle, kOthersKey)).ok());
  ASSERT_TRUE(tpm().run(test::flush_context(made.handle)).ok());
  const Bytes digest(32, 0x11);
  for (int i = 0; i < 4; ++i) (void)tpm().run(test::sign_digest(kOthersKey, "wrong", digest));
  ASSERT_EQ(tpm().run(test::sign_digest(kOthersKey, "a", digest)).code, 0x921U) << "not in lockout";
  EXPECT_TRUE(signs());
  driver_.reset();
  driver_ = test::opened(token_);
  EXPECT_TRUE(signs());
  EXPECT_TRUE(driver_->generate_key(test::key_request(jose::KeyKind::kP256, "another")));
}

TEST_F(Recovery, TriesAWrongAuthValueTwiceAndFailsClosed) {
  for (const char* mode : {"hmac", "password"}) {
    const std::string right = test::read_text(token_.auth_file());
    test::write_text(token_.auth_file(), std::string(64, 'a') + "\n");
    driver_.reset();
    driver_ = test::opened(token_, mode);
    bus().forget_counts();
    const auto refused = refusal();
    EXPECT_EQ(refused.status, HostStatus::kRefused) << mode;
    EXPECT_NE(refused.text.find("TPM_RC_BAD_AUTH"), std::string::npos) << refused.text;
    EXPECT_EQ(bus().count(kSign), 2U) << mode;
    test::write_text(token_.auth_file(), right);
    EXPECT_TRUE(signs_again()) << mode << ": the file is read again";
  }
}

TEST_F(Recovery, Invariant08_ReportsAFailedTpmAndKeepsItsKeysFiles) {
  const std::string files = token_.key_directory_content();
  tpm().fail();
  bus().forget_counts();
  const auto failed = refusal();
  EXPECT_EQ(failed.status, HostStatus::kUnavailable);
  EXPECT_NE(failed.text.find("TPM_RC_FAILURE"), std::string::npos) << failed.text;
  EXPECT_EQ(bus().count(kSign), 1U);
  tpm().restart();  // as a new TPM without any key
  EXPECT_TRUE(test::eventually([&] { return refusal().status == HostStatus::kNotFound; })) << refusal().text;
  EXPECT_EQ(token_.key_directory_content(), files);
}

TEST_F(Recovery, Invariant09_WaitsForStartupWhichIsNotItsToSend) {
  tpm().reset_without_startup();
  const auto refused = refusal();
  EXPECT_EQ(refused.status, HostStatus::kUnavailable);
  EXPECT_NE(refused.text.find("TPM_RC_INITIALIZE"), std::string::npos) << refused.text;
  EXPECT_EQ(bus().count(test::cc::kStartup), 0U);
  tpm().startup();
  EXPECT_TRUE(signs_again());
}

TEST_F(Recovery, Invariant09_SignsAfterAPowerCycleThatItDidNotSee) {
  tpm().reset();
  EXPECT_TRUE(signs());
  tpm().restart();
  EXPECT_TRUE(signs());
}

TEST_F(Recovery, Invariant09_IsUnavailableWhileTheTpmIsGoneAndSignsWhenItIsBack) {
  tpm().kill_hard();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(refusal().status, HostStatus::kUnavailable);
    EXPECT_EQ(driver_->describe_key(bytes_of("key-1")).error().status, HostStatus::kUnavailable);
    EXPECT_EQ(driver_->describe_key(bytes_of("nobody")).error().status, HostStatus::kUnavailable) << "not: missing";
  }
  tpm().restart();
  EXPECT_TRUE(signs_again());
}

TEST_F(Recovery, Invariant09_SignsAgainWhatTheTpmDiedOver) {
  (void)bus().hold({.code = kSign});
  std::jthread caller([this] { EXPECT_TRUE(signs()); });
  ASSERT_TRUE(test::eventually([this] { return bus().holds(); }));
  tpm().restart();
  bus().release();
}

TEST_F(Recovery, Invariant09_GivesNoSignatureWhenTheTpmDiesOverItForGood) {
  for (const auto moment : {test::Moment::kBefore, test::Moment::kAfter}) {
    (void)bus().drop({.code = kSign}, moment);
    EXPECT_EQ(refusal().status, HostStatus::kUnavailable);
    bus().drop_rules();
    EXPECT_TRUE(signs_again());
  }
}

TEST_F(Recovery, Invariant09_SignsAgainWhenTheAnswerIsLost) {
  for (const auto moment : {test::Moment::kBefore, test::Moment::kAfter}) {
    for (const std::uint32_t command : {kSign, kStartAuthSession, kReadPublic, test::cc::kFlushContext}) {
      (void)bus().answer({.code = kSign, .times = 1}, 0x910);  // so that the other commands are sent
      const auto lost = bus().drop({.code = command, .times = 1}, moment);
      EXPECT_TRUE(signs()) << command;
      // The first Sign is answered before it can be lost.
      EXPECT_EQ(bus().hits(lost), command == kSign && moment == test::Moment::kAfter ? 0U : 1U) << command;
      bus().drop_rules();
    }
  }
}

TEST_F(Recovery, NeverOutlivesTheDeadlineWhileTheTpmHangs) {
  (void)bus().hold({.code = kSign});
  std::jthread stuck([this] { EXPECT_TRUE(signs()); });
  ASSERT_TRUE(test::eventually([this] { return bus().holds(); }));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(milliseconds(200)).status, HostStatus::kExpired);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(bus().count(kSign), 1U);
  bus().release();
  stuck.join();
  EXPECT_TRUE(signs());
}

TEST_F(Recovery, AsksTheTpmNothingAfterTheDeadline) {
  EXPECT_EQ(refusal(milliseconds(-1)).status, HostStatus::kExpired);
  EXPECT_EQ(refusal(milliseconds(0)).status, HostStatus::kExpired);
  EXPECT_EQ(bus().count(), 0U);
}

}  // namespace
}  // namespace signer::tpm
