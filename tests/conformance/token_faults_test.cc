// SPDX-License-Identifier: Apache-2.0
//
// What signerd's side of the channel does when a host fails in ways that no real driver makes on demand (invariants 5,
// 9 and 10).

#include "tests/conformance/token_fixture.h"

namespace signer::test {

namespace {

// A token with a key that has signed once.
class FaultyToken : public testing::Test {
 protected:
  explicit FaultyToken(Backend backend) : token_(backend, std::chrono::milliseconds(1500)) {}

  void SetUp() override {
    ASSERT_TRUE(token_.ready());
    ASSERT_TRUE(*token_.generate(jose::KeyKind::kRsa2048, kKeyId));
    expected_ = *token_.sign(kKeyId, kInput);
  }

  TokenUnderTest token_;
  Bytes expected_;
};

// Faults on request are the fake's.
class TokenFaults : public FaultyToken {
 protected:
  TokenFaults() : FaultyToken(Backend::kFake) {}

  [[nodiscard]] std::size_t count(const std::string& what) const { return read_text(token_.file(what)).size(); }
};

// What can be done to any host.
class HostFaults : public FaultyToken, public testing::WithParamInterface<Backend> {
 protected:
  HostFaults() : FaultyToken(GetParam()) {}
};

TEST_F(TokenFaults, Invariant09_ACrashInASignatureIsServedByTheNextHost) {
  token_.ask_for("crash");
  const auto signature = token_.sign(kKeyId, kInput);
  ASSERT_TRUE(signature) << signature.error().reason;
  EXPECT_EQ(*signature, expected_);
  EXPECT_EQ(token_.service().status().restarts, 1U);
}

TEST_F(TokenFaults, Invariant09_AHangInASignatureIsKilledAndServedByTheNextHost) {
  token_.ask_for("hang");
  const auto signature = token_.sign(kKeyId, kInput);
  ASSERT_TRUE(signature) << signature.error().reason;
  EXPECT_EQ(*signature, expected_);
  EXPECT_EQ(token_.service().status().restarts, 1U);
}

TEST_P(HostFaults, Invariant09_AStoppedHostIsKilledAndItsWorkServed) {
  ASSERT_TRUE(token_.stop_host());
  const auto signature = token_.sign(kKeyId, kInput);
  ASSERT_TRUE(signature) << signature.error().reason;
  EXPECT_EQ(*signature, expected_);
}

TEST_F(TokenFaults, Invariant09_NonsenseOnTheChannelEndsTheHostNotTheRequest) {
  token_.ask_for("nonsense");
  const auto signature = token_.sign(kKeyId, kInput);
  ASSERT_TRUE(signature) << signature.error().reason;
  EXPECT_EQ(*signature, expected_);
  EXPECT_EQ(token_.service().status().restarts, 1U);
}

// What a host that is killed leaves in the token must not fill it: a TPM has room for three sessions.
TEST_P(HostFaults, Invariant09_HostsThatAreKilledOneAfterTheOtherLeaveRoomForTheNext) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    token_.kill_host();
    const auto signature = token_.sign(kKeyId, kInput);
    ASSERT_TRUE(signature) << i << ": " << signature.error().reason;
    EXPECT_EQ(*signature, expected_);
    EXPECT_EQ(token_.service().status().restarts, i);
    token_.service().signature_was_good();
  }
}

TEST_F(TokenFaults, AJobThatEveryHostDiesOfIsGivenUpAndOthersAreServed) {
  token_.ask_for("crash");
  const auto poison = token_.start_sign(kKeyId, kInput);
  std::size_t deaths = 0;
  ASSERT_TRUE(token_.run_until([&] {
    const std::size_t now = token_.service().status().restarts;
    if (!poison->has_value() && now > deaths) token_.ask_for("crash");
    deaths = now;
    return poison->has_value();
  }));
  ASSERT_FALSE(**poison);
  EXPECT_EQ((*poison)->error().code, ErrorCode::kTokenUnavailable);
  ASSERT_TRUE(token_.run_until([&] { return token_.service().ready(); }));
  EXPECT_TRUE(token_.sign(kKeyId, kInput));
}

TEST_F(TokenFaults, ALateJobNeverReachesTheToken) {
  ASSERT_TRUE(token_.stop_host());
  const std::size_t before = count("signatures");
  std::vector<TokenUnderTest::Answer> answers;
  for (int i = 0; i < 16; ++i) {
    answers.push_back(token_.start_sign(kKeyId, kInput, Algorithm::kRs256, std::chrono::milliseconds(100)));
  }
  ASSERT_TRUE(token_.all_answered(answers, std::chrono::seconds(1)));
  for (const auto& answer : answers) EXPECT_EQ((*answer)->error().code, ErrorCode::kDeadlineExceeded);
  ASSERT_TRUE(token_.run_until([&] { return token_.service().status().restarts == 1 && token_.service().ready(); }));
  EXPECT_TRUE(token_.sign(kKeyId, kInput));
  EXPECT_EQ(count("signatures"), before + 1);
}

TEST_F(TokenFaults, Invariant05_ARefusedPinIsTriedOnceUntilAnOperatorActs) {
  token_.ask_for("refuse-pin");
  const std::size_t before = count("opens");
  token_.kill_host();
  ASSERT_TRUE(token_.run_until([&] { return token_.service().status().state == token::TokenState::kPinRefused; }));
  const auto refused = token_.sign(kKeyId, kInput);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  EXPECT_FALSE(token_.run_until([&] { return count("opens") != before + 1; }, std::chrono::seconds(3)));
  std::filesystem::remove(token_.file("refuse-pin"));
  token_.service().operator_acted();
  ASSERT_TRUE(token_.run_until([&] { return token_.service().ready(); }));
  EXPECT_TRUE(token_.sign(kKeyId, kInput));
}

TEST_F(TokenFaults, ATokenThatStaysAwayRefusesAtOnceAndServesSoonAfterItsReturn) {
  token_.ask_for("refuse-open");
  token_.kill_host();
  ASSERT_TRUE(token_.run_until([&] { return token_.service().status().restarts >= 4; }));
  const auto refused_at = std::chrono::steady_clock::now();
  const auto refused = token_.sign(kKeyId, kInput);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - refused_at, std::chrono::seconds(1));
  std::filesystem::remove(token_.file("refuse-open"));
  EXPECT_TRUE(token_.run_until([&] { return token_.service().ready(); }, std::chrono::seconds(3)));
  EXPECT_TRUE(token_.sign(kKeyId, kInput));
}

TEST_P(HostFaults, Invariant10_ACallerThatFillsItsPlacesLeavesTheOthersTheirs) {
  ASSERT_TRUE(token_.stop_host());
  std::vector<TokenUnderTest::Answer> flood;
  for (int i = 0; i < 600; ++i) flood.push_back(token_.start_sign(kKeyId, kInput));
  ASSERT_TRUE(flood.back()->has_value());
  EXPECT_EQ((*flood.back())->error().code, ErrorCode::kOverloaded);
  const auto other = token_.start_sign(kKeyId, kInput, Algorithm::kRs256, std::chrono::seconds(20), 2);
  EXPECT_FALSE(other->has_value());
  ASSERT_TRUE(token_.all_answered({other}));
  EXPECT_TRUE(**other);
  const auto answered = std::count_if(flood.begin(), flood.end(), [](const auto& one) { return one->has_value(); });
  EXPECT_LT(answered, 200) << "the other caller waited behind the flood";
}

TEST_F(TokenFaults, AKeyThatVanishedIsReportedAndTheHostStays) {
  Bytes missing;
  token::TokenEvents events;
  events.key_missing = [&missing](const Bytes& key_id, const std::string&) { missing = key_id; };
  token_.service().listen(std::move(events));
  token_.ask_for("vanish");
  EXPECT_FALSE(token_.sign(kKeyId, kInput));
  EXPECT_EQ(missing, kKeyId);
  EXPECT_TRUE(token_.service().ready());
  EXPECT_EQ(token_.service().status().restarts, 0U);
}

INSTANTIATE_TEST_SUITE_P(Tokens, HostFaults, testing::Values(Backend::kFake, Backend::kSoftHsm, Backend::kSwtpm),
                         [](const auto& backend) { return name_of(backend.param); });

}  // namespace

}  // namespace signer::test
