// SPDX-License-Identifier: Apache-2.0
//
// Other tests believe the fault module's counters; these show that its watch for forbidden calls does bark.
#include <gtest/gtest.h>

#include <thread>

#include "hsm/session_pool.h"
#include "hsm/token_select.h"
#include "test_token.h"

namespace signer::hsm {
namespace {

using fault::Function;
using test::control;

class FaultModule : public ::testing::Test {
 protected:
  void SetUp() override {
    auto module = Module::load(test::fault_module_path());
    ASSERT_TRUE(module);
    module_ = std::move(*module);
    ASSERT_TRUE(module_->initialize());
    const auto uri = TokenUri::parse(token_.spec().uri);
    const auto found = uri->find(module_->api());
    ASSERT_TRUE(found);
    slot_ = found->slot;
    ASSERT_EQ(Session::open(module_->api(), slot_, session_), CKR_OK);
  }

  void TearDown() override { session_.close(); }

  // A thread inside C_Sign; SoftHSM itself answers it with an error once it is let go.
  std::jthread hang() {
    control().hang_sign = 1;
    std::jthread thread([this] {
      CK_BYTE data[1]{};
      CK_ULONG size = 0;
      EXPECT_NE(module_->api().C_Sign(session_.handle(), data, sizeof data, nullptr, &size), CKR_OK);
    });
    while (control().hanging == 0) std::this_thread::yield();
    return thread;
  }

  test::TestToken token_;
  std::unique_ptr<Module> module_;
  CK_SLOT_ID slot_ = 0;
  Session session_;
};

TEST_F(FaultModule, CountsFinalizeUnderARunningCallAsAViolation) {
  const std::jthread stuck = hang();
  module_->finalize();
  EXPECT_EQ(control().violations, 1U);
  control().hang_sign = 0;
}

TEST_F(FaultModule, CountsCloseAllSessionsUnderARunningCallAsAViolation) {
  const std::jthread stuck = hang();
  module_->api().C_CloseAllSessions(slot_);
  EXPECT_EQ(control().violations, 1U);
  control().hang_sign = 0;
}

TEST_F(FaultModule, CountsTwoCallsInOneSessionAsAViolation) {
  const std::jthread stuck = hang();
  CK_SESSION_INFO info{};
  module_->api().C_GetSessionInfo(session_.handle(), &info);
  EXPECT_EQ(control().violations, 1U);
  control().hang_sign = 0;
}

TEST_F(FaultModule, FailsExactlyAsManyCallsAsToldAndCountsAll) {
  control().fail_next(Function::C_GetSessionInfo, 2, CKR_DEVICE_MEMORY);
  CK_SESSION_INFO info{};
  EXPECT_EQ(module_->api().C_GetSessionInfo(session_.handle(), &info), CKR_DEVICE_MEMORY);
  EXPECT_EQ(module_->api().C_GetSessionInfo(session_.handle(), &info), CKR_DEVICE_MEMORY);
  EXPECT_EQ(module_->api().C_GetSessionInfo(session_.handle(), &info), CKR_OK);
  EXPECT_EQ(control().calls(Function::C_GetSessionInfo), 3U);
  EXPECT_EQ(control().violations, 0U);
}

TEST(FaultModuleSignatures, AreSpoiledOnDemand) {
  // The driver passes them on: signerd's self-check must catch them.
  const test::TestToken token;
  const auto driver = test::opened(token);
  const auto key = driver->generate_key(test::key_request(jose::KeyKind::kRsa2048));
  ASSERT_TRUE(key);
  for (auto* fault : {&control().flip_signatures, &control().sign_other_digests}) {
    *fault = 1;
    const auto bad = driver->sign(test::sign_request());
    const auto good = driver->sign(test::sign_request());
    ASSERT_TRUE(bad && good);
    EXPECT_FALSE(test::verifies(key->public_key, "header.payload", *bad));
    EXPECT_TRUE(test::verifies(key->public_key, "header.payload", *good));
  }
}

}  // namespace
}  // namespace signer::hsm
