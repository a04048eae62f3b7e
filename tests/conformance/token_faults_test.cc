// SPDX-License-Identifier: Apache-2.0
//
// What signerd's side of the channel does when a host fails in ways that no real driver makes on demand (invariants 5,
// 9 and 10).

#include <signal.h>

#include <array>

#include "tests/conformance/token_fixture.h"
#include "tests/support/eventually.h"

namespace signer::test {

namespace {

const Bytes kKeyId = {5, 6};
const std::string kInput = "header.payload";

class TokenFaults : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(token_.ready());
    ASSERT_TRUE(*token_.generate(jose::KeyKind::kRsa2048, kKeyId));
    expected_ = *token_.sign(kKeyId, kInput);
  }

  // SIGSTOP, and until the kernel says that it is stopped: a thread may run on for a moment.
  void stop_host() {
    const pid_t host = token_.service().status().host_pid;
    ::kill(host, SIGSTOP);
    ASSERT_TRUE(eventually([host] {
      const std::string stat = read_text("/proc/" + std::to_string(host) + "/stat");
      return stat.substr(stat.rfind(')') + 2, 1) == "T";
    }));
  }

  [[nodiscard]] std::size_t count(const std::string& what) const { return read_text(token_.file(what)).size(); }

  TokenUnderTest token_{Backend::kFake, std::chrono::milliseconds(1500)};
  Bytes expected_;
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

TEST_F(TokenFaults, Invariant09_AStoppedHostIsKilledAndItsWorkServed) {
  stop_host();
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
  stop_host();
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
  ::kill(token_.service().status().host_pid, SIGKILL);
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
  ::kill(token_.service().status().host_pid, SIGKILL);
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

TEST_F(TokenFaults, Invariant10_ACallerThatFillsItsPlacesLeavesTheOthersTheirs) {
  stop_host();
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

}  // namespace

}  // namespace signer::test
