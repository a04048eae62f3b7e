// SPDX-License-Identifier: Apache-2.0
//
// What the token service does when more is asked of a token than it can sign in time (invariant 10).  Without these
// callers would wait for a turn that comes too late, and one caller's flood would be another's refusal.

#include "tests/conformance/token_fixture.h"

namespace signer::test {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSlow{100};
constexpr std::size_t kWorkers = 2;  // of the fixture's fake

class TokenOverload : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(token_.ready());
    ASSERT_TRUE(*token_.generate(jose::KeyKind::kRsa2048, kKeyId));
    be_slow();
  }

  void be_slow() { write_text(token_.file("slow"), std::to_string(kSlow.count())); }

  void be_fast() { std::filesystem::remove(token_.file("slow")); }

  // So many signatures one after the other, from which the service learns the pace.
  void sign_some(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(token_.sign(kKeyId, kInput));
  }

  TokenUnderTest::Answer ask(milliseconds patience, uid_t uid = 1) {
    return token_.start_sign(kKeyId, kInput, Algorithm::kRs256, patience, uid);
  }

  [[nodiscard]] static bool is_overloaded(const TokenUnderTest::Answer& answer) {
    return answer->has_value() && !**answer && (*answer)->error().code == ErrorCode::kOverloaded;
  }

  [[nodiscard]] static bool is_signed(const TokenUnderTest::Answer& answer) {
    return answer->has_value() && static_cast<bool>(**answer);
  }

  TokenUnderTest token_{Backend::kFake};
};

TEST_F(TokenOverload, WhoseTurnWouldComeTooLateIsRefusedAtOnceAndTheOthersAreServed) {
  sign_some(10);
  std::vector<TokenUnderTest::Answer> taken;
  std::vector<TokenUnderTest::Answer> refused;
  for (int i = 0; i < 60; ++i) {
    auto answer = ask(milliseconds(1000));
    (answer->has_value() ? refused : taken).push_back(std::move(answer));
  }
  const std::size_t fit = static_cast<std::size_t>(milliseconds(1000) / kSlow) * kWorkers;
  EXPECT_GE(taken.size(), fit / 2);
  EXPECT_LE(taken.size(), fit);
  for (const auto& answer : refused) {
    ASSERT_TRUE(is_overloaded(answer));
    EXPECT_GE((*answer)->error().retry_after, std::chrono::seconds(1));
    EXPECT_LE((*answer)->error().retry_after, std::chrono::seconds(2));
  }
  ASSERT_TRUE(token_.all_answered(taken));
  for (const auto& answer : taken) EXPECT_TRUE(is_signed(answer));
}

TEST_F(TokenOverload, NobodyIsRefusedForAPaceThatIsNotKnownYet) {
  sign_some(3);
  std::vector<TokenUnderTest::Answer> answers;
  for (int i = 0; i < 60; ++i) answers.push_back(ask(milliseconds(300)));
  EXPECT_FALSE(std::ranges::any_of(answers, is_overloaded));
  ASSERT_TRUE(token_.all_answered(answers));
  EXPECT_TRUE(token_.service().status().degraded) << "some were too late";
}

TEST_F(TokenOverload, ARequestThatIsAlreadyLateIsLateAndNotOverloaded) {
  sign_some(10);
  std::vector<TokenUnderTest::Answer> ahead;
  for (int i = 0; i < 6; ++i) ahead.push_back(ask(milliseconds(20'000)));
  const auto late = ask(milliseconds(-1));
  ASSERT_TRUE(token_.all_answered({late}));
  EXPECT_EQ((*late)->error().code, ErrorCode::kDeadlineExceeded);
  ASSERT_TRUE(token_.all_answered(ahead));
}

TEST_F(TokenOverload, Invariant10_AFloodOfOneCallerIsNotAnothersRefusal) {
  sign_some(10);
  std::vector<TokenUnderTest::Answer> flood;
  for (int i = 0; i < 60; ++i) flood.push_back(ask(milliseconds(2000), 1));
  ASSERT_TRUE(is_overloaded(flood.back()));
  const auto other = ask(milliseconds(2000), 2);
  EXPECT_FALSE(other->has_value());
  ASSERT_TRUE(token_.all_answered({other}));
  EXPECT_TRUE(is_signed(other));
  const auto answered = std::ranges::count_if(flood, is_signed);
  EXPECT_LT(answered, 20) << "the other caller waited behind the flood";
  ASSERT_TRUE(token_.all_answered(flood));
}

TEST_F(TokenOverload, ATokenIsBehindAfterARefusalAndNotBefore) {
  sign_some(10);
  EXPECT_FALSE(token_.service().status().degraded);
  std::vector<TokenUnderTest::Answer> answers;
  for (int i = 0; i < 60; ++i) answers.push_back(ask(milliseconds(1000)));
  EXPECT_TRUE(token_.service().status().degraded);
  EXPECT_TRUE(token_.service().ready());
  ASSERT_TRUE(token_.all_answered(answers));
  be_fast();
  EXPECT_TRUE(token_.run_until([&] { return !token_.service().status().degraded; },
                               token::kDegradedFor + std::chrono::seconds(10)));
}

// Callers in a hurry are the only ones: from them the service must learn that the token is fast again.
TEST_F(TokenOverload, ATokenThatWasSlowIsAskedAgainAndFoundFast) {
  sign_some(20);
  const std::uint64_t before = token_.service().status().signatures;
  const auto late = ask(kSlow / 2);
  EXPECT_FALSE(late->has_value()) << "refused, so nobody would ever know";
  ASSERT_TRUE(token_.all_answered({late}));
  EXPECT_EQ((*late)->error().code, ErrorCode::kDeadlineExceeded);
  ASSERT_TRUE(token_.run_until([&] { return token_.service().status().signatures > before; }));
  be_fast();
  for (int i = 0; i < 40; ++i) {
    const auto answer = ask(kSlow / 2);
    ASSERT_TRUE(token_.all_answered({answer}));
    EXPECT_TRUE(is_signed(answer)) << i;
  }
  std::vector<TokenUnderTest::Answer> answers;
  for (int i = 0; i < 8; ++i) answers.push_back(ask(kSlow * 5));
  EXPECT_FALSE(std::ranges::any_of(answers, is_overloaded));
  ASSERT_TRUE(token_.all_answered(answers));
  EXPECT_TRUE(std::ranges::all_of(answers, is_signed));
}

// Between two hosts there is no worker at work, but as many as ever will be.
TEST_F(TokenOverload, Invariant09_TheLossOfAHostMakesNoRoomSmaller) {
  sign_some(10);
  std::vector<TokenUnderTest::Answer> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(ask(milliseconds(20'000)));
  token_.service().distrust("the test says so");
  ASSERT_FALSE(token_.service().ready());
  const auto fits = ask(kSlow * 9);  // after five rounds of two, and a host that starts
  EXPECT_FALSE(is_overloaded(fits));
  answers.push_back(fits);
  ASSERT_TRUE(token_.all_answered(answers));
}

}  // namespace

}  // namespace signer::test
