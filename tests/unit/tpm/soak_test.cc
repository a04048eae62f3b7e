// SPDX-License-Identifier: Apache-2.0
//
// More signatures than a TPM counts: 70,000, where its count of saved sessions ends at 65,535, with an idle session of
// somebody else in it.  What the driver leaks at each signature or each new session, in the TPM or in memory, shows
// here and nowhere else.  Takes minutes; label nightly.

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>

#include "tests/support/tpm_sessions.h"
#include "tests/unit/tpm/driver_on_token.h"

namespace signer::tpm {
namespace {

constexpr unsigned kSignatures = 70'000;
constexpr unsigned kStep = 10'000;
constexpr std::size_t kLeakMax = 512UL * 1024;  // nine bytes a signature, after the first kStep of them

TEST(TpmSoak, SignsBeyondTheContextGapBesideAnIdleSession) {
  test::TpmToken token(SIGNER_TPM_PROGRAM);
  const auto idle = test::IdleSession::leave(token.tpm());
  ASSERT_FALSE(idle.context.empty());
  const auto driver = test::opened(test::spec_of(token));
  const test::CheckedKey key(*driver);
  const auto started = std::chrono::steady_clock::now();
  std::size_t heap = 0;
  for (unsigned i = 1; i <= kSignatures; ++i) {
    const auto signature = key.sign(*driver, i);
    ASSERT_TRUE(signature.has_value()) << i << ": " << signature.error().text;
    ASSERT_FALSE(HasFailure());
    if (i % kStep != 0) continue;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - started;
    std::printf("%u signatures, %.0f/s, %zu bytes of heap\n", i, i / time.count(), ::mallinfo2().uordblks);
    std::fflush(stdout);
    if (i == kStep) heap = ::mallinfo2().uordblks;
  }
  EXPECT_LE(::mallinfo2().uordblks, heap + kLeakMax);

  driver->close();
  EXPECT_EQ(test::count_loaded(token.tpm(), test::kLoadedSessions), 0U);
  EXPECT_EQ(test::count_loaded(token.tpm(), test::kTransientObjects), 0U);
  EXPECT_TRUE(idle.load(token.tpm())) << "the other's session is lost";
  const auto next = test::IdleSession::leave(token.tpm());
  EXPECT_EQ(next.number(), idle.number() + 1) << "the driver saved sessions: each brings every user nearer to the gap";
}

}  // namespace
}  // namespace signer::tpm
