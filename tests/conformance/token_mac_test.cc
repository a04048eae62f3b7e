// SPDX-License-Identifier: Apache-2.0
//
// MACs through the token service with real hosts and false ones.  Without these a host that dies would cost callers
// their pseudonyms, or give some of them another one.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <set>

#include "tests/conformance/token_fixture.h"

namespace signer::test {

namespace {

using std::chrono::milliseconds;

const Bytes kHmacId{0x51, 0x52};

class TokenMac : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(token_.ready());
    key_ = token_.generate_hmac_key(kHmacId);
    ASSERT_TRUE(key_);
  }

  Judged<channel::Mac> mac(const std::string& message, milliseconds patience = std::chrono::seconds(20)) {
    return token_.mac(kHmacId, key_->known_answer, message, patience);
  }

  std::vector<TokenUnderTest::MacAnswer> start(int count) {
    std::vector<TokenUnderTest::MacAnswer> answers;
    for (int i = 0; i < count; ++i)
      answers.push_back(token_.start_mac(kHmacId, key_->known_answer, "m" + std::to_string(i % 10)));
    return answers;
  }

  // Every answer came and is the MAC of its message; prints why, if not.
  void expect_all_good(const std::vector<TokenUnderTest::MacAnswer>& answers) {
    ASSERT_TRUE(
        token_.run_until([&] { return std::ranges::all_of(answers, [](const auto& a) { return a->has_value(); }); }));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_TRUE(**answers[i]) << (*answers[i])->error().reason;
      EXPECT_EQ(***answers[i], mac("m" + std::to_string(i % 10)).value());
    }
  }

  TokenUnderTest token_{GetParam(), milliseconds(1500)};
  std::shared_ptr<channel::HmacKeyDescription> key_;
};

INSTANTIATE_TEST_SUITE_P(Tokens, TokenMac, testing::Values(Backend::kFake, Backend::kSoftHsm),
                         [](const auto& backend) { return name_of(backend.param); });

TEST_P(TokenMac, EachMessageHasOneMacThatOutlivesTheHost) {
  std::set<channel::Mac> macs;
  std::vector<channel::Mac> first;
  for (int i = 0; i < 20; ++i) first.push_back(mac("message " + std::to_string(i)).value());
  macs.insert(first.begin(), first.end());
  EXPECT_EQ(macs.size(), first.size());
  token_.kill_host();
  ASSERT_TRUE(token_.run_until([this] { return token_.service().status().restarts == 1 && token_.service().ready(); }));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(mac("message " + std::to_string(i)).value(), first[static_cast<std::size_t>(i)]);
}

TEST_P(TokenMac, Invariant09_AHostThatIsKilledCostsNoMac) {
  for (int round = 0; round < 5; ++round) {
    const auto answers = start(100);
    token_.kill_host();
    expect_all_good(answers);
  }
  EXPECT_GE(token_.service().status().restarts, 5U);
}

TEST_P(TokenMac, Invariant09_AHostThatHangsIsReplacedAndTheMacIsTheSame) {
  const channel::Mac before = mac("m").value();
  ASSERT_TRUE(token_.stop_host());
  EXPECT_EQ(mac("m").value(), before);
  EXPECT_EQ(token_.service().status().restarts, 1U);
  EXPECT_NE(token_.service().status().host_pid, -1);
}

TEST_P(TokenMac, SignaturesAndMacsShareTheWorkersAndAreCountedApart) {
  const Bytes signing_id{0x61};
  ASSERT_TRUE(token_.generate(jose::KeyKind::kRsa2048, signing_id)->has_value());
  const std::uint64_t before = token_.service().status().signatures;
  std::vector<TokenUnderTest::Answer> signatures;
  std::vector<TokenUnderTest::MacAnswer> macs;
  for (int i = 0; i < 20; ++i) {
    signatures.push_back(token_.start_sign(signing_id, "header.payload"));
    macs.push_back(token_.start_mac(kHmacId, key_->known_answer, "m" + std::to_string(i % 10)));
  }
  ASSERT_TRUE(token_.all_answered(signatures));
  for (const auto& signature : signatures) {
    ASSERT_TRUE(**signature);
    EXPECT_EQ((**signature)->size(), 256U);
  }
  expect_all_good(macs);
  EXPECT_EQ(token_.service().status().signatures - before, 20U);
}

TEST_P(TokenMac, WithAnotherKnownAnswerNothingIsMadeAndTheKeyIsReported) {
  std::vector<std::string> reported;
  token::TokenEvents events;
  events.key_missing = [&](const Bytes& key_id, const std::string& reason) {
    EXPECT_EQ(key_id, kHmacId);
    reported.push_back(reason);
  };
  token_.service().listen(std::move(events));
  ASSERT_TRUE(mac("m"));
  key_->known_answer[31] ^= 1U;
  const auto refused = mac("m");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  EXPECT_EQ(reported.size(), 1U);
  EXPECT_EQ(token_.service().status().restarts, 0U) << "no other host would find another key";
}

TEST_P(TokenMac, ADeadlineThatPassesIsSaidAndTheTokenGoesOn) {
  ASSERT_TRUE(token_.stop_host());
  const auto late = mac("m", milliseconds(100));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(mac("m"));
}

class FakeTokenMac : public TokenMac {};

INSTANTIATE_TEST_SUITE_P(Tokens, FakeTokenMac, testing::Values(Backend::kFake),
                         [](const auto& backend) { return name_of(backend.param); });

TEST_P(FakeTokenMac, Invariant09_CrashesAndNonsenseAreSurvived) {
  const channel::Mac before = mac("m").value();
  for (const char* fault : {"crash", "hang", "nonsense"}) {
    token_.ask_for(fault);
    const auto after = mac("m");
    ASSERT_TRUE(after) << fault << ": " << after.error().reason;
    EXPECT_EQ(*after, before) << fault;
  }
  EXPECT_EQ(token_.service().status().restarts, 3U);
}

// With MACs alone too, hosts that were lost long ago must not count for ever.
TEST_P(FakeTokenMac, AGoodMacMakesUpForHostsThatWereLost) {
  for (int i = 0; i < 6; ++i) {
    token_.ask_for("crash");
    const auto made = mac("m");
    ASSERT_TRUE(made) << "loss " << i << ": " << made.error().reason;
  }
}

TEST_P(FakeTokenMac, AKeyThatVanishesIsReportedAndRefused) {
  int reported = 0;
  token::TokenEvents events;
  events.key_missing = [&](const Bytes&, const std::string&) { ++reported; };
  token_.service().listen(std::move(events));
  token_.ask_for("vanish");
  const auto refused = mac("m");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  EXPECT_EQ(reported, 1);
}

TEST_P(FakeTokenMac, AJobThatWasInHandWhenFiveHostsDiedIsRefused) {
  token_.ask_for("lose");
  const auto refused = mac("m");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
}

TEST(TpmTokenMac, ATpmSaysThatItHoldsNoHmacKeys) {
  TokenUnderTest token(Backend::kSwtpm);
  ASSERT_TRUE(token.ready());
  std::optional<channel::HostResult<channel::HmacKeyDescription>> answer;
  token.service().generate_hmac_key({"pairwise", kHmacId}, [&](const auto& result) { answer = result; });
  ASSERT_TRUE(token.run_until([&] { return answer.has_value(); }));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().status, channel::HostStatus::kUnsupported);
  const auto refused = token.mac(kHmacId, {}, "m");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  EXPECT_EQ(token.service().status().restarts, 0U);
}

}  // namespace

}  // namespace signer::test
