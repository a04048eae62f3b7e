// SPDX-License-Identifier: Apache-2.0
//
// The fixture that all TPM tests stand on: if a kill loses keys, or a reset is none, they prove nothing.
#include "tests/support/swtpm.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {
namespace {

constexpr std::uint32_t kPersistent = 0x81000100;
const Bytes kDigest(32, 0x11);

// A key with this auth value at kPersistent; its transient copy is flushed.
void make_key(const Swtpm& tpm, std::string_view auth, std::uint32_t attributes = kSigningKeyNoDa) {
  const TpmAnswer made = tpm.run(create_rsa_key(kOwnerHierarchy, auth, attributes));
  ASSERT_TRUE(made.ok()) << made.code;
  ASSERT_TRUE(tpm.run(evict_control(made.handle, kPersistent)).ok());
  ASSERT_TRUE(tpm.run(flush_context(made.handle)).ok());
}

std::uint32_t sign_code(const Swtpm& tpm, std::string_view auth) {
  const TpmAnswer answer = tpm.run(sign_digest(kPersistent, auth, kDigest));
  return answer.answered ? answer.code : 0xffffffff;
}

TEST(Swtpm, IsFreshForEachTest) {
  const Swtpm one;
  const Swtpm other;
  make_key(one, "a");
  EXPECT_EQ(sign_code(one, "a"), 0U);
  EXPECT_EQ(sign_code(other, "a"), 0x18bU);
}

TEST(Swtpm, IsTheSimulatorAndKnowsAnythingElseByItsManufacturer) {
  const Swtpm tpm;
  TpmAnswer answer = tpm.run(get_manufacturer());
  EXPECT_TRUE(is_simulator(answer));
  answer.parameters[13] ^= 1;
  EXPECT_FALSE(is_simulator(answer));
  EXPECT_FALSE(is_simulator({}));
}

TEST(Swtpm, SignsWithAKeyMadeByTheHelpers) {
  const Swtpm tpm;
  make_key(tpm, "auth");
  const TpmAnswer answer = tpm.run(sign_digest(kPersistent, "auth", kDigest));
  ASSERT_TRUE(answer.ok()) << answer.code;
  EXPECT_EQ(answer.parameters.size(), 2U + 2 + 2 + 256);
}

TEST(Swtpm, KeepsPersistentKeysAndLosesTransientOnesWhenKilled) {
  Swtpm tpm;
  make_key(tpm, "auth");
  const TpmAnswer transient = tpm.run(create_rsa_key(kNullHierarchy));
  ASSERT_TRUE(transient.ok());
  tpm.kill_hard();
  EXPECT_FALSE(tpm.run(get_random(8)).answered);
  tpm.restart();
  EXPECT_EQ(sign_code(tpm, "auth"), 0U);
  EXPECT_EQ(tpm.run(sign_digest(transient.handle, "", kDigest)).code, 0x910U);
}

TEST(Swtpm, LosesTransientKeysInAResetAndWantsStartupFirst) {
  Swtpm tpm;
  const pid_t before = tpm.pid();
  const TpmAnswer transient = tpm.run(create_rsa_key(kOwnerHierarchy));
  ASSERT_TRUE(transient.ok());
  tpm.reset_without_startup();
  EXPECT_EQ(tpm.run(get_random(8)).code, 0x100U);
  tpm.startup();
  EXPECT_TRUE(tpm.run(get_random(8)).ok());
  EXPECT_EQ(tpm.run(sign_digest(transient.handle, "", kDigest)).code, 0x910U);
  tpm.reset();
  EXPECT_TRUE(tpm.run(get_random(8)).ok());
  EXPECT_EQ(tpm.pid(), before);
}

TEST(Swtpm, LosesItsKeysToClearAndToEviction) {
  const Swtpm tpm;
  make_key(tpm, "auth");
  ASSERT_TRUE(tpm.run(evict_control(kPersistent, kPersistent)).ok());
  EXPECT_EQ(sign_code(tpm, "auth"), 0x18bU);
  make_key(tpm, "auth");
  EXPECT_EQ(sign_code(tpm, "auth"), 0U);
  ASSERT_TRUE(tpm.run(clear_owner()).ok());
  EXPECT_EQ(sign_code(tpm, "auth"), 0x18bU);
}

TEST(Swtpm, LocksOutAfterWrongAuthsOfAKeyThatIsNotExempt) {
  const Swtpm tpm;
  make_key(tpm, "auth", kSigningKey);
  EXPECT_EQ(sign_code(tpm, "wrong"), 0x922U) << "RETRY, once: it first notes on NV that such keys are in use";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sign_code(tpm, "wrong"), 0x98eU);
  EXPECT_EQ(sign_code(tpm, "auth"), 0x921U);
}

TEST(Swtpm, NeverLocksOutAKeyThatIsExempt) {
  const Swtpm tpm;
  make_key(tpm, "auth");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(sign_code(tpm, "wrong"), 0x9a2U);
  EXPECT_EQ(sign_code(tpm, "auth"), 0U);
}

TEST(Swtpm, AnswersNothingWhilePausedAndEverythingAfterwards) {
  Swtpm tpm;
  tpm.pause();
  EXPECT_FALSE(tpm.run(get_random(8), std::chrono::milliseconds(50)).answered);
  tpm.resume();
  EXPECT_TRUE(tpm.run(get_random(8)).ok());
  tpm.pause();
  EXPECT_FALSE(tpm.run(get_random(8), std::chrono::milliseconds(50)).answered);
  tpm.restart();
  EXPECT_TRUE(tpm.run(get_random(8)).ok());
}

TEST(Swtpm, StaysInFailureModeUntilItIsReplaced) {
  Swtpm tpm;
  make_key(tpm, "auth");
  tpm.fail();
  EXPECT_EQ(sign_code(tpm, "auth"), 0x101U);
  tpm.restart();
  EXPECT_EQ(sign_code(tpm, "auth"), 0x18bU);
}

TEST(Swtpm, DiesWithTheTestProgramThatStartedIt) {
  const TemporaryDirectory directory;  // the child cannot tidy up after itself
  int handover[2] = {-1, -1};
  ASSERT_EQ(::pipe(handover), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TMPDIR", directory.path().c_str(), 1);
    const Swtpm tpm;
    const pid_t pid = tpm.pid();
    (void)!::write(handover[1], &pid, sizeof(pid));
    ::raise(SIGKILL);
  }
  pid_t pid = -1;
  ASSERT_EQ(::read(handover[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
  ::close(handover[0]);
  ::close(handover[1]);
  EXPECT_TRUE(eventually([&] {
    const std::string status = read_text("/proc/" + std::to_string(pid) + "/status");
    return status.empty() || status.find("State:\tZ") != std::string::npos;  // some containers never reap orphans
  }));
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

}  // namespace
}  // namespace signer::test
