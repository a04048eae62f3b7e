// SPDX-License-Identifier: Apache-2.0
//
// Rooms that others fill: without these one leaky program beside us stops all signing until somebody restarts
// something, and a session kept too long stops it for everybody on the host (CONTEXT_GAP).
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "test_token.h"
#include "tpm/capabilities.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::kLoadedMax;
using test::sign_request;
using test::cc::kFlushContext;
using test::cc::kSign;
using test::cc::kStartAuthSession;

constexpr std::uint32_t kSavedSessionFirst = 0x03000000;
constexpr std::size_t kActiveSessionsMax = 64;

class Exhaustion : public ::testing::Test {
 protected:
  Exhaustion() {
    const auto key = driver_->generate_key(test::key_request());
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = key->public_key;
    reopen();
  }

  // A driver without a session yet.
  void reopen(const std::string& authorization = "hmac", SessionLimits limits = {}) {
    driver_.reset();
    driver_ = test::opened(token_, authorization, limits);
    token_.bus().forget_counts();
  }

  test::Swtpm& tpm() { return token_.tpm(); }

  bool signs() {
    const auto signature = driver_->sign(sign_request());
    EXPECT_TRUE(signature) << signature.error().text;
    return signature && test::verifies(key_, "header.payload", *signature);
  }

  std::size_t loaded_sessions() { return test::handles_from(tpm(), test::kLoadedSessionFirst).size(); }

  // Others' sessions until the TPM has no room for one more.
  void fill_session_slots() {
    while (loaded_sessions() < kLoadedMax) ASSERT_TRUE(tpm().run(test::start_session()).ok());
    ASSERT_EQ(tpm().run(test::start_session()).code, 0x903U);
  }

  void fill_object_slots() {
    for (std::size_t i = 0; i < kLoadedMax; ++i) {
      ASSERT_TRUE(tpm().run(signer::test::create_rsa_key(signer::test::kNullHierarchy)).ok());
    }
    ASSERT_EQ(tpm().run(signer::test::create_rsa_key(signer::test::kNullHierarchy)).code, 0x902U);
  }

  // Others' sessions, saved away as a resource manager does, until the TPM knows as many as it can.
  std::vector<std::uint32_t> fill_session_handles() {
    std::vector<std::uint32_t> handles;
    while (handles.size() < kActiveSessionsMax) {
      const auto started = tpm().run(test::start_session());
      EXPECT_TRUE(started.ok()) << started.code;
      EXPECT_TRUE(tpm().run(test::TpmCommand(test::cc::kContextSave, {started.handle})).ok());
      handles.push_back(started.handle);
    }
    EXPECT_EQ(tpm().run(test::start_session()).code, 0x905U);
    return handles;
  }

  test::TestToken token_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_);
  jose::PublicKey key_;
};

TEST_F(Exhaustion, Invariant09_TakesBackTheSessionSlotsThatOthersLeftFull) {
  fill_session_slots();
  EXPECT_TRUE(signs());
  EXPECT_EQ(loaded_sessions(), 1U);
  // And when its own session was there already.
  fill_session_slots();
  EXPECT_TRUE(signs());
  tpm().reset();  // the session is lost, and one that others start next has its handle
  fill_session_slots();
  EXPECT_TRUE(signs());
}

TEST_F(Exhaustion, Invariant09_TakesBackTheObjectSlotsThatOthersLeftFull) {
  for (const char* mode : {"hmac", "password"}) {
    reopen(mode);
    fill_object_slots();
    EXPECT_TRUE(signs()) << mode;
    EXPECT_TRUE(test::handles_from(tpm(), test::kTransientFirst).empty()) << mode;
  }
}

TEST_F(Exhaustion, Invariant09_MakesAndFindsKeysWhenAllSlotsAreFull) {
  fill_object_slots();
  fill_session_slots();
  const auto key = driver_->generate_key(test::key_request(jose::KeyKind::kP256, "new"));
  ASSERT_TRUE(key) << key.error().text;
  fill_object_slots();
  EXPECT_TRUE(driver_->describe_key(bytes_of("key-1")));
  EXPECT_TRUE(signs());
}

TEST_F(Exhaustion, Invariant09_GoesOnOnceOthersLetGoOfTheirSavedSessions) {
  const auto others = fill_session_handles();
  const auto refused = driver_->sign(sign_request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kUnavailable);
  EXPECT_NE(refused.error().text.find("TPM_RC_SESSION_HANDLES"), std::string::npos) << refused.error().text;
  EXPECT_LE(token_.bus().count(kStartAuthSession), 3U);
  EXPECT_EQ(test::handles_from(tpm(), kSavedSessionFirst).size(), kActiveSessionsMax) << "they are not ours to flush";
  ASSERT_TRUE(tpm().run(test::flush_context(others.front())).ok());
  EXPECT_TRUE(test::eventually([this] { return driver_->sign(sign_request()).has_value(); }));
  EXPECT_TRUE(signs());
}

TEST_F(Exhaustion, NeverSendsTheAuthValueInTheClearForWantOfASession) {
  // The way out that a forged code must not open: signing with the password instead.
  const std::string auth = token_.auth_value();
  const auto shown = std::make_shared<std::atomic<bool>>(false);  // the rule sees the driver leave after the test's end
  (void)token_.bus().edit_command({}, [=](std::uint32_t, Bytes& command) {
    if (std::string(command.begin(), command.end()).find(auth) != std::string::npos) *shown = true;
    return false;
  });
  for (const std::uint32_t code : {0x901U, 0x903U, 0x905U, 0x902U, 0x9a2U, 0x18bU}) {
    (void)token_.bus().answer({.code = kStartAuthSession}, code);
    EXPECT_FALSE(driver_->sign(sign_request(std::chrono::seconds(2))));
  }
  EXPECT_EQ(token_.bus().count(kSign), 0U);
  EXPECT_FALSE(*shown);
}

TEST_F(Exhaustion, PasswordModeNeedsNoSessionToSign) {
  reopen("password");
  fill_session_slots();
  EXPECT_TRUE(signs());
  EXPECT_EQ(token_.bus().count(kStartAuthSession), 0U);
  EXPECT_EQ(loaded_sessions(), kLoadedMax) << "nobody's session was in the way";
}

TEST_F(Exhaustion, ReplacesTheSessionAfterSoManyUses) {
  reopen("hmac", {.uses_max = 3, .idle_max = std::chrono::minutes(1)});
  for (const unsigned sessions : {1U, 1U, 1U, 2U, 2U, 2U, 3U}) {
    EXPECT_TRUE(signs());
    EXPECT_EQ(token_.bus().count(kStartAuthSession), sessions);
    EXPECT_EQ(loaded_sessions(), 1U) << "the old one was left";
  }
  EXPECT_EQ(token_.bus().count(kFlushContext), 2U);
}

TEST_F(Exhaustion, LeavesNoSessionBehindWhenIdle) {
  reopen("hmac", {.uses_max = 1000, .idle_max = std::chrono::milliseconds(20)});
  for (unsigned stretch = 1; stretch <= 2; ++stretch) {
    EXPECT_TRUE(signs());
    EXPECT_TRUE(test::eventually([this] { return loaded_sessions() == 0; }));
    EXPECT_EQ(token_.bus().count(kStartAuthSession), stretch);
  }
}

TEST_F(Exhaustion, LeavesNoSessionBehindWhenItCloses) {
  EXPECT_TRUE(signs());
  EXPECT_EQ(loaded_sessions(), 1U);
  driver_->close();
  EXPECT_EQ(loaded_sessions(), 0U);
}

TEST_F(Exhaustion, SpendsOneSessionAndOneConnectionOnManyCallersAtOnce) {
  constexpr int kCallers = 4;
  constexpr unsigned kEach = 5;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([this] {
        for (unsigned n = 0; n < kEach; ++n) EXPECT_TRUE(signs());
      });
    }
  }
  EXPECT_EQ(token_.bus().count(kSign), kCallers * kEach);
  EXPECT_EQ(token_.bus().count(kStartAuthSession), 1U);
}

TEST_F(Exhaustion, FlushesSessionsAndObjectsAlike) {
  fill_object_slots();
  fill_session_slots();
  auto context = EsysContext::open(tpm().tcti());
  ASSERT_TRUE(context);
  flush_all_loaded(*context);
  EXPECT_FALSE(context->poisoned());
  EXPECT_EQ(loaded_sessions(), 0U);
  EXPECT_TRUE(test::handles_from(tpm(), test::kTransientFirst).empty());
}

}  // namespace
}  // namespace signer::tpm
