// SPDX-License-Identifier: Apache-2.0
//
// What signerd's side of the channel makes of a TPM that hangs, goes away, is reset or refuses, through a real host
// (invariants 5, 8 and 9).  Without it the driver could recover for itself alone, in a way that signerd gives up on.

#include "base/hex.h"
#include "tests/conformance/token_fixture.h"

namespace signer::test {

namespace {

class TpmFaults : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(token_.ready());
    ASSERT_TRUE(*token_.generate(jose::KeyKind::kRsa2048, kKeyId));
    expected_ = *token_.sign(kKeyId, kInput);
  }

  void expect_served() {
    const auto signature = token_.sign(kKeyId, kInput);
    ASSERT_TRUE(signature) << signature.error().reason;
    EXPECT_EQ(*signature, expected_);
  }

  Swtpm& tpm() { return token_.tpm().tpm(); }

  TokenUnderTest token_{Backend::kSwtpm, std::chrono::milliseconds(1500)};
  Bytes expected_;
};

TEST_F(TpmFaults, Invariant09_AHangOfTheTpmCostsItsHostAndNotTheRequest) {
  tpm().pause();
  const auto answer = token_.start_sign(kKeyId, kInput);
  ASSERT_TRUE(token_.run_until([&] { return token_.service().status().restarts >= 1; }));
  EXPECT_FALSE(answer->has_value());
  tpm().resume();
  ASSERT_TRUE(token_.all_answered({answer}));
  ASSERT_TRUE(**answer) << (*answer)->error().reason;
  EXPECT_EQ(***answer, expected_);
}

TEST_F(TpmFaults, Invariant09_AHangBeyondTheDeadlineIsAnsweredAtTheDeadline) {
  tpm().pause();
  const auto answer = token_.start_sign(kKeyId, kInput, Algorithm::kRs256, std::chrono::milliseconds(300));
  ASSERT_TRUE(token_.all_answered({answer}, std::chrono::seconds(1)));
  ASSERT_FALSE(**answer);
  EXPECT_EQ((*answer)->error().code, ErrorCode::kDeadlineExceeded);
  tpm().resume();
  expect_served();
}

TEST_F(TpmFaults, Invariant09_AResetIsNoLossOfTheHost) {
  tpm().reset();
  expect_served();
  EXPECT_EQ(token_.service().status().restarts, 0U);
}

TEST_F(TpmFaults, Invariant09_ATpmThatGoesAwayIsInUseSoonAfterItsReturn) {
  tpm().kill_hard();
  ASSERT_TRUE(token_.run_until([&] {
    const auto signature = token_.sign(kKeyId, kInput, Algorithm::kRs256, std::chrono::seconds(2));
    return !signature && signature.error().code == ErrorCode::kTokenUnavailable;
  }));
  ASSERT_TRUE(token_.run_until([&] { return !token_.service().ready(); }));
  tpm().restart();
  EXPECT_TRUE(token_.run_until([&] { return token_.service().ready(); }, std::chrono::seconds(3)));
  expect_served();
}

TEST_F(TpmFaults, Invariant09_ATpmInFailureModeIsRefusedAndNotReplacedByAnother) {
  tpm().fail();
  const auto refused = token_.sign(kKeyId, kInput);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable) << refused.error().reason;
  tpm().restart();  // with other seeds: another TPM
  EXPECT_FALSE(token_.run_until([&] { return token_.service().ready(); }, std::chrono::seconds(3)));
  EXPECT_FALSE(token_.sign(kKeyId, kInput));
}

TEST_F(TpmFaults, AnAuthFileThatIsNoneIsReadAgainWhenAnOperatorActs) {
  const std::string auth = read_text(token_.tpm().auth_file());
  write_text(token_.tpm().auth_file(), "not the auth value\n");
  token_.kill_host();
  ASSERT_TRUE(
      token_.run_until([&] { return token_.service().status().reason.find("auth file") != std::string::npos; }));
  const auto refused = token_.sign(kKeyId, kInput);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  write_text(token_.tpm().auth_file(), auth);
  EXPECT_FALSE(token_.run_until([&] { return token_.service().ready(); }, std::chrono::seconds(3)))
      << "it is looked at twice a minute, unless somebody says that it was put right";
  token_.service().operator_acted();
  ASSERT_TRUE(token_.run_until([&] { return token_.service().ready(); }));
  expect_served();
}

// The host keeps the value until it has to connect anew.
TEST_F(TpmFaults, AnAuthFileThatIsGoneWhenTheTpmComesBackMakesTheTokenUnavailable) {
  const std::string file = token_.tpm().auth_file();
  const std::string auth = read_text(file);
  std::filesystem::remove(file);
  tpm().kill_hard();
  tpm().restart();
  ASSERT_TRUE(token_.run_until([&] {
    const auto signature = token_.sign(kKeyId, kInput, Algorithm::kRs256, std::chrono::seconds(2));
    return !signature && token_.service().status().reason.find("auth file " + file) != std::string::npos;
  })) << token_.service().status().reason;
  EXPECT_FALSE(token_.service().ready());
  write_text(file, auth);
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  token_.service().operator_acted();
  ASSERT_TRUE(token_.run_until([&] { return token_.service().ready(); }));
  expect_served();
}

TEST_F(TpmFaults, Invariant08_AKeyWhoseFileIsGoneIsReportedAndSignsAgainOnceItIsBack) {
  Bytes missing;
  token::TokenEvents events;
  events.key_missing = [&missing](const Bytes& key_id, const std::string&) { missing = key_id; };
  token_.service().listen(std::move(events));
  const std::string file = token_.tpm().key_directory() + "/" + to_hex(kKeyId) + ".pem";
  std::filesystem::rename(file, file + ".away");
  token_.kill_host();
  EXPECT_FALSE(token_.sign(kKeyId, kInput));
  EXPECT_EQ(missing, kKeyId);
  EXPECT_TRUE(token_.service().ready());
  std::filesystem::rename(file + ".away", file);
  expect_served();
}

}  // namespace

}  // namespace signer::test
