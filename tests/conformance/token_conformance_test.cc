// SPDX-License-Identifier: Apache-2.0
//
// What every token must do, whatever is behind it: the same questions to the fake, to SoftHSM2 and to a simulated
// TPM, through real processes. Without it a driver could answer something that only its own tests call right.

#include <signal.h>

#include <array>

#include "jose/hash.h"
#include "tests/conformance/token_fixture.h"
#include "verify/verification_key.h"

namespace signer::test {

namespace {

class TokenConformance : public testing::TestWithParam<Backend> {
 protected:
  TokenConformance() : token_(GetParam()) {}

  bool verifies(const jose::PublicKey& key, const Bytes& signature, const std::string& input = kInput) {
    const auto verifier = verify::VerificationKey::make(key);
    return verifier && verifier->verify_digest(jose::sha256(bytes_of(input)), signature);
  }

  TokenUnderTest token_;
};

TEST_P(TokenConformance, MakesEveryKindOfKeyAndSignsWithIt) {
  ASSERT_TRUE(token_.ready());
  const std::array kinds = {jose::KeyKind::kRsa2048, jose::KeyKind::kRsa3072, jose::KeyKind::kRsa4096,
                            jose::KeyKind::kP256};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const Bytes key_id = {9, static_cast<std::uint8_t>(i)};
    const auto made = token_.generate(kinds[i], key_id);
    if (GetParam() == Backend::kSwtpm && kinds[i] == jose::KeyKind::kRsa4096 && made && !*made) {
      EXPECT_EQ(made->error().status, channel::HostStatus::kUnsupported) << "swtpm has RSA-4096 since libtpms 0.11";
      continue;
    }
    ASSERT_TRUE(made && *made) << "kind " << i << (made ? ": " + made->error().text : ": no answer");
    EXPECT_EQ((*made)->public_key.algorithm, jose::algorithm_of(kinds[i]));
    const auto signature = token_.sign(key_id, kInput, (*made)->public_key.algorithm);
    ASSERT_TRUE(signature) << signature.error().reason;
    EXPECT_TRUE(verifies((*made)->public_key, *signature));
    EXPECT_FALSE(verifies((*made)->public_key, *signature, kInput + "x"));
  }
}

TEST_P(TokenConformance, DescribesAKeyAsItWasMade) {
  ASSERT_TRUE(token_.ready());
  const auto made = token_.generate(jose::KeyKind::kRsa2048, kKeyId);
  ASSERT_TRUE(made && *made);
  const auto described = token_.describe(kKeyId);
  ASSERT_TRUE(described && *described);
  EXPECT_EQ((*described)->public_key, (*made)->public_key);
}

TEST_P(TokenConformance, RefusesAKeyIdThatIsTaken) {
  ASSERT_TRUE(token_.ready());
  const auto made = token_.generate(jose::KeyKind::kRsa2048, kKeyId);
  ASSERT_TRUE(made && *made);
  const auto again = token_.generate(jose::KeyKind::kRsa2048, kKeyId);
  ASSERT_TRUE(again && !*again);
  EXPECT_EQ(again->error().status, channel::HostStatus::kInvalid);
  EXPECT_EQ((*token_.describe(kKeyId))->public_key, (*made)->public_key);
}

TEST_P(TokenConformance, SaysNotFoundOfAKeyThatIsNotThere) {
  ASSERT_TRUE(token_.ready());
  const auto described = token_.describe({7, 7});
  ASSERT_TRUE(described && !*described);
  EXPECT_EQ(described->error().status, channel::HostStatus::kNotFound);
  const auto signature = token_.sign({7, 7}, kInput);
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, ErrorCode::kTokenUnavailable);
  EXPECT_TRUE(token_.service().ready());
}

TEST_P(TokenConformance, SignsTheSameInputToTheSameBytes) {
  ASSERT_TRUE(token_.ready());
  ASSERT_TRUE(*token_.generate(jose::KeyKind::kRsa2048, kKeyId));
  const auto one = token_.sign(kKeyId, kInput);
  const auto two = token_.sign(kKeyId, kInput);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(*one, *two);
}

TEST_P(TokenConformance, AnswersManyCallersEachWithItsOwnSignature) {
  ASSERT_TRUE(token_.ready());
  const auto made = token_.generate(jose::KeyKind::kRsa2048, kKeyId);
  ASSERT_TRUE(made && *made);
  std::vector<TokenUnderTest::Answer> answers;
  for (unsigned i = 0; i < 64; ++i) {
    answers.push_back(
        token_.start_sign(kKeyId, kInput + std::to_string(i), Algorithm::kRs256, std::chrono::seconds(30), i % 3));
  }
  ASSERT_TRUE(token_.all_answered(answers));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Judged<Bytes>& answer = **answers[i];
    ASSERT_TRUE(answer) << answer.error().reason;
    EXPECT_TRUE(verifies((*made)->public_key, *answer, kInput + std::to_string(i)));
  }
}

// The audit log relies on it: a record that nobody hands to the disk holds its reply back.
TEST_P(TokenConformance, SaysOfEachJobThatItBegunBeforeItIsAnswered) {
  ASSERT_TRUE(token_.ready());
  ASSERT_TRUE(token_.generate(jose::KeyKind::kRsa2048, kKeyId)->has_value());
  constexpr std::size_t kJobs = 20;
  std::vector<int> begun(kJobs, 0);
  std::vector<TokenUnderTest::Answer> answers;
  int begun_late = 0;
  token::TokenEvents events;
  events.begun = [&](std::uint64_t record) {
    ++begun[record];
    if (answers.size() > record && answers[record]->has_value()) ++begun_late;
  };
  token_.service().listen(std::move(events));
  for (std::size_t i = 0; i < kJobs; ++i) {
    answers.push_back(
        token_.start_sign(kKeyId, "job " + std::to_string(i), Algorithm::kRs256, std::chrono::seconds(20), 1, i));
  }
  EXPECT_EQ(begun[kJobs - 1], 0) << "it waits behind the others";
  ASSERT_TRUE(token_.all_answered(answers));
  EXPECT_EQ(begun, std::vector<int>(kJobs, 1));
  EXPECT_EQ(begun_late, 0);
}

TEST_P(TokenConformance, FindsItsKeysAgainAfterItsHostWasKilled) {
  ASSERT_TRUE(token_.ready());
  const auto made = token_.generate(jose::KeyKind::kRsa2048, kKeyId);
  ASSERT_TRUE(made && *made);
  token_.kill_host();
  const auto signature = token_.sign(kKeyId, kInput);
  ASSERT_TRUE(signature) << signature.error().reason;
  EXPECT_TRUE(verifies((*made)->public_key, *signature));
  EXPECT_EQ(token_.service().status().restarts, 1U);
}

TEST_P(TokenConformance, LeavesCleanlyWhenItsChannelCloses) {
  ASSERT_TRUE(token_.ready());
  const pid_t host = token_.service().status().host_pid;
  token_.service().stop(std::chrono::steady_clock::now() + std::chrono::seconds(10));
  EXPECT_NE(::kill(host, 0), 0);
}

INSTANTIATE_TEST_SUITE_P(Tokens, TokenConformance, testing::Values(Backend::kFake, Backend::kSoftHsm, Backend::kSwtpm),
                         [](const auto& backend) { return name_of(backend.param); });

}  // namespace

}  // namespace signer::test
