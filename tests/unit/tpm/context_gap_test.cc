// SPDX-License-Identifier: Apache-2.0
//
// The context gap: a TPM saves no session once another one, saved and left alone, lies 65,535 saves behind, and the
// kernel's resource manager saves ours after each command.  No driver can mend what another user left; without this
// test it could answer wrongly, flush what is not ours or need a restart afterwards.

#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/support/session_swapper.h"
#include "tests/support/tpm_sessions.h"
#include "tests/unit/tpm/driver_on_token.h"

namespace signer::tpm {
namespace {

constexpr std::uint64_t kGap = 65'535;
constexpr unsigned kSavesLeft = 40;

// A session of somebody else, left alone until the TPM has saved kGap - kSavesLeft others.
test::IdleSession leave_almost_behind(const test::Swtpm& tpm) {
  auto idle = test::IdleSession::leave(tpm);
  auto busy = test::IdleSession::leave(tpm);
  while (busy.number() - idle.number() < kGap - kSavesLeft && busy.load(tpm)) {
    busy.context = tpm.run(test::save_context(busy.handle)).parameters;
  }
  EXPECT_TRUE(tpm.run(test::flush_context(busy.handle)).ok());
  return idle;
}

TEST(ContextGap, Invariant09_DoesNoHarmAndEndsWithItsCause) {
  test::TpmToken token(SIGNER_TPM_PROGRAM);
  const test::Swtpm& tpm = token.tpm();
  test::SessionSwapper manager(tpm);
  test::TpmInterposer bus(tpm);
  manager.serve(bus);
  channel::TokenSpec spec = test::spec_of(token);
  const test::CheckedKey key(*test::opened(spec));  // past the manager, which knows one session at a time
  spec.uri = bus.tcti();
  const auto driver = test::opened(spec);
  const auto idle = leave_almost_behind(tpm);

  unsigned signatures = 0;
  auto answer = key.sign(*driver, 0);
  while (answer && signatures < 2 * kSavesLeft) answer = key.sign(*driver, ++signatures);
  ASSERT_TRUE(manager.met_gap());
  EXPECT_GT(signatures, 0U);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().status, channel::HostStatus::kUnavailable) << answer.error().text;
  spec.authorization = "password";
  EXPECT_TRUE(key.sign(*test::opened(spec), 1).has_value()) << "needs no session";

  EXPECT_TRUE(idle.load(tpm)) << "the other's session is lost";
  ASSERT_TRUE(tpm.run(test::flush_context(idle.handle)).ok());
  EXPECT_TRUE(test::eventually([&] { return key.sign(*driver, 2).has_value(); }, std::chrono::seconds(2)));
}

}  // namespace
}  // namespace signer::tpm
