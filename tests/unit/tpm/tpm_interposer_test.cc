// SPDX-License-Identifier: Apache-2.0
//
// Each of the interposer's rules: a fault that is not injected makes the test that relies on it pass for nothing.
#include "tests/support/tpm_interposer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "tests/support/eventually.h"
#include "tests/support/tpm_socket.h"

namespace signer::test {
namespace {

using std::chrono::milliseconds;

constexpr auto kLimit = std::chrono::seconds(20);

// A TPM, an interposer before it, and clients of both.
class Interposer : public ::testing::Test {
 protected:
  [[nodiscard]] Bytes transceive(const TpmCommand& command, milliseconds limit = kLimit) const {
    const UniqueFd connection = connect_unix(bus_.path());
    if (!connection.valid() || !write_all(connection.get(), command.bytes())) return {};
    return read_message(connection.get(), -1, limit).value_or(Bytes{});
  }

  [[nodiscard]] TpmAnswer run(const TpmCommand& command, milliseconds limit = kLimit) const {
    return take_apart(command.code(), transceive(command, limit));
  }

  // Whatever arrives until the connection ends.
  [[nodiscard]] Bytes everything(const TpmCommand& command) const {
    const UniqueFd connection = connect_unix(bus_.path());
    Bytes all;
    if (!write_all(connection.get(), command.bytes())) return all;
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    std::uint8_t byte = 0;
    while (wait_readable(connection.get(), -1, kLimit) && ::read(connection.get(), &byte, 1) == 1) all.push_back(byte);
    EXPECT_LT(std::chrono::steady_clock::now(), deadline) << "the connection did not end";
    return all;
  }

  // A transient signing key without auth value; its handle.
  [[nodiscard]] std::uint32_t make_key() const {
    const TpmAnswer made = tpm_.run(create_rsa_key(kOwnerHierarchy));
    EXPECT_TRUE(made.ok()) << made.code;
    return made.handle;
  }

  Swtpm tpm_;
  TpmInterposer bus_{tpm_};
};

TEST_F(Interposer, PassesCommandsAndResponsesUnchanged) {
  const std::uint32_t key = make_key();
  const Bytes digest(32, 0x22);
  EXPECT_EQ(transceive(sign_digest(key, "", digest)), tpm_.transceive(sign_digest(key, "", digest).bytes()));
  EXPECT_TRUE(is_simulator(run(get_manufacturer())));
}

TEST_F(Interposer, ServesSeveralCommandsOnOneConnection) {
  const UniqueFd connection = connect_unix(bus_.path());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(write_all(connection.get(), get_random(8).bytes()));
    const auto response = read_message(connection.get(), -1, kLimit);
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(code_of(*response), 0U);
  }
}

TEST_F(Interposer, PassesTheControlChannelToo) {
  const UniqueFd control = connect_unix(bus_.path() + ".ctrl");
  ASSERT_TRUE(write_all(control.get(), Bytes{0, 0, 0, 5, 0}));  // CMD_SET_LOCALITY 0, the first thing a TCTI says
  ASSERT_TRUE(wait_readable(control.get(), -1, kLimit));
  Bytes answer(8, 0xff);
  ASSERT_EQ(::read(control.get(), answer.data(), answer.size()), 4);
  EXPECT_EQ(Bytes(answer.begin(), answer.begin() + 4), Bytes(4, 0));
}

TEST_F(Interposer, CountsCommandsByTheirCode) {
  (void)run(get_random(8));
  (void)run(get_random(8));
  (void)run(get_manufacturer());
  EXPECT_EQ(bus_.count(cc::kGetRandom), 2U);
  EXPECT_EQ(bus_.count(cc::kGetCapability), 1U);
  EXPECT_EQ(bus_.count(cc::kSign), 0U);
  EXPECT_EQ(bus_.count(), 3U);
  bus_.forget_counts();
  EXPECT_EQ(bus_.count(), 0U);
}

TEST_F(Interposer, DelaysOneCommandAndNoOther) {
  const auto rule = bus_.delay({.code = cc::kGetRandom}, milliseconds(200));
  EXPECT_FALSE(run(get_random(8), milliseconds(50)).answered);
  EXPECT_EQ(bus_.hits(rule), 1U);
  EXPECT_TRUE(run(get_random(8)).ok()) << "late, but answered";
  EXPECT_TRUE(run(get_manufacturer()).ok());
  EXPECT_EQ(bus_.hits(rule), 2U);
  bus_.drop_rule(rule);
  const auto start = std::chrono::steady_clock::now();
  const auto slow = bus_.delay({}, milliseconds(60));
  EXPECT_TRUE(run(get_manufacturer()).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(60));
  EXPECT_EQ(bus_.hits(slow), 1U);
}

TEST_F(Interposer, AnswersTheNthCommandItselfAndThenNoMore) {
  const auto rule = bus_.answer({.code = cc::kGetRandom, .skip = 2, .times = 2}, 0x922);
  const std::uint32_t codes[] = {0, 0, 0x922, 0x922, 0, 0};
  for (const std::uint32_t code : codes) {
    EXPECT_TRUE(run(get_manufacturer()).ok());
    EXPECT_EQ(run(get_random(8)).code, code);
  }
  EXPECT_EQ(bus_.hits(rule), 2U);
  EXPECT_EQ(bus_.count(cc::kGetRandom), 6U);
}

TEST_F(Interposer, KeepsACommandThatItAnswersFromTheTpm) {
  const std::uint32_t key = make_key();
  (void)bus_.answer({.code = cc::kFlushContext}, 0x922);
  EXPECT_EQ(run(flush_context(key)).code, 0x922U);
  EXPECT_TRUE(tpm_.run(sign_digest(key, "", Bytes(32, 1))).ok()) << "the key was flushed all the same";
}

TEST_F(Interposer, CorruptsOneByteOfTheSignature) {
  const std::uint32_t key = make_key();
  const TpmCommand command = sign_digest(key, "", Bytes(32, 0x33));
  Bytes expected = tpm_.run(command).parameters;
  const auto rule = bus_.corrupt({.code = cc::kSign}, 6 + 255, 0x80);
  expected[6 + 255] ^= 0x80;
  EXPECT_EQ(run(command).parameters, expected);
  EXPECT_EQ(bus_.hits(rule), 1U);
}

TEST_F(Interposer, CountsNoHitWhereThereIsNothingToCorrupt) {
  const auto beyond = bus_.corrupt({.code = cc::kGetRandom}, 10);
  EXPECT_TRUE(run(get_random(8)).ok());
  EXPECT_EQ(bus_.hits(beyond), 0U);
  const auto failed = bus_.corrupt({.code = cc::kSign}, 0);
  EXPECT_EQ(run(sign_digest(0x81000100, "", Bytes(32, 1))).code, 0x18bU);
  EXPECT_EQ(bus_.hits(failed), 0U);
}

TEST_F(Interposer, SwapsTheDigestSoThatTheTpmSignsAnother) {
  const std::uint32_t key = make_key();
  const Bytes ours(32, 0x44);
  const Bytes theirs(32, 0x55);
  const Bytes signature_of_theirs = tpm_.run(sign_digest(key, "", theirs)).parameters;
  const auto rule = bus_.swap_digest(theirs);
  EXPECT_EQ(run(sign_digest(key, "", ours)).parameters, signature_of_theirs);
  EXPECT_EQ(bus_.hits(rule), 1U);
  bus_.drop_rules();
  EXPECT_NE(run(sign_digest(key, "", ours)).parameters, signature_of_theirs);
}

TEST_F(Interposer, CutsAResponseShortAndEndsTheConnection) {
  const Bytes whole = tpm_.transceive(get_manufacturer().bytes());
  for (const std::size_t size : {0UL, 5UL, 10UL, whole.size() - 1}) {
    const auto rule = bus_.truncate({.code = cc::kGetCapability}, size);
    EXPECT_EQ(everything(get_manufacturer()), Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(bus_.hits(rule), 1U);
    bus_.drop_rule(rule);
  }
}

TEST_F(Interposer, LiesAboutSizesAndLeavesTheBytes) {
  const std::uint32_t key = make_key();
  const TpmCommand command = sign_digest(key, "", Bytes(32, 0x66));
  Bytes expected = tpm_.transceive(command.bytes());
  const auto size = static_cast<std::uint32_t>(expected.size());
  const auto message = bus_.claim_size({.code = cc::kSign, .times = 1}, SizeField::kMessage, size + 100);
  overwrite(expected, 2, size + 100);
  EXPECT_EQ(everything(command), expected);
  overwrite(expected, 2, size);
  const auto parameters = bus_.claim_size({.code = cc::kSign, .times = 1}, SizeField::kParameters, 0xffffffff);
  overwrite(expected, kTpmHeaderBytes, 0xffffffffU);
  EXPECT_EQ(transceive(command), expected);
  EXPECT_EQ(bus_.hits(message) + bus_.hits(parameters), 2U);
  const auto none = bus_.claim_size({.code = cc::kGetRandom}, SizeField::kParameters, 1);
  EXPECT_TRUE(run(get_random(8)).ok()) << "without sessions there is no parameterSize";
  EXPECT_EQ(bus_.hits(none), 0U);
}

TEST_F(Interposer, DropsTheConnectionBeforeOrAfterTheTpmActs) {
  const std::uint32_t key = make_key();
  const auto before = bus_.drop({.code = cc::kFlushContext, .times = 1}, Moment::kBefore);
  EXPECT_TRUE(everything(flush_context(key)).empty());
  EXPECT_TRUE(tpm_.run(sign_digest(key, "", Bytes(32, 1))).ok()) << "the TPM saw it";
  const auto after = bus_.drop({.code = cc::kFlushContext, .times = 1}, Moment::kAfter);
  EXPECT_TRUE(everything(flush_context(key)).empty());
  EXPECT_EQ(tpm_.run(sign_digest(key, "", Bytes(32, 1))).code, 0x910U) << "the TPM did not see it";
  EXPECT_EQ(bus_.hits(before) + bus_.hits(after), 2U);
}

TEST_F(Interposer, HoldsACommandUntilItIsReleased) {
  const auto rule = bus_.hold({.code = cc::kGetRandom});
  std::atomic<bool> answered{false};
  std::thread client([&] { answered = run(get_random(8)).ok(); });
  EXPECT_TRUE(eventually([&] { return bus_.holds(); }));
  EXPECT_FALSE(answered);
  EXPECT_FALSE(run(get_manufacturer(), milliseconds(50)).answered) << "one command at a time";
  bus_.release();
  client.join();
  EXPECT_TRUE(answered);
  EXPECT_TRUE(run(get_random(8)).ok()) << "the rule is over";
  EXPECT_FALSE(bus_.holds());
  EXPECT_EQ(bus_.hits(rule), 1U);
}

TEST_F(Interposer, EndsWithACommandInItsHands) {
  auto second = std::make_unique<TpmInterposer>(tpm_);
  (void)second->hold({});
  const UniqueFd connection = connect_unix(second->path());
  ASSERT_TRUE(write_all(connection.get(), get_random(8).bytes()));
  ASSERT_TRUE(eventually([&] { return second->holds(); }));
  second.reset();
  EXPECT_FALSE(read_message(connection.get(), -1, kLimit).has_value());
}

TEST_F(Interposer, AppliesRulesForTheSameCommandTogether) {
  const auto slow = bus_.delay({.code = cc::kGetRandom}, milliseconds(1));
  const auto wrong = bus_.answer({.code = cc::kGetRandom}, 0x921);
  EXPECT_EQ(run(get_random(8)).code, 0x921U);
  EXPECT_EQ(bus_.hits(slow), 1U);
  EXPECT_EQ(bus_.hits(wrong), 1U);
}

TEST_F(Interposer, EditsAnyCommandAndResponse) {
  const auto fewer = bus_.edit_command({.code = cc::kGetRandom}, [](std::uint32_t code, Bytes& command) {
    EXPECT_EQ(code, cc::kGetRandom);
    overwrite<std::uint16_t>(command, kTpmHeaderBytes, 4);
    return true;
  });
  const auto longer = bus_.edit_response({.code = cc::kGetRandom}, [](std::uint32_t, Bytes& response) {
    response.push_back(0xee);
    overwrite(response, 2, static_cast<std::uint32_t>(response.size()));
    return true;
  });
  const TpmAnswer answer = run(get_random(16));
  ASSERT_EQ(answer.parameters.size(), 2U + 4 + 1);
  EXPECT_EQ(answer.parameters.back(), 0xee);
  EXPECT_EQ(bus_.hits(fewer) + bus_.hits(longer), 2U);
}

TEST_F(Interposer, OutlivesTheDeathOfTheTpm) {
  tpm_.kill_hard();
  EXPECT_TRUE(everything(get_random(8)).empty());
  tpm_.restart();
  EXPECT_TRUE(run(get_random(8)).ok());
  tpm_.pause();
  EXPECT_FALSE(run(get_random(8), milliseconds(50)).answered);
  tpm_.restart();
  EXPECT_TRUE(run(get_random(8)).ok());
}

}  // namespace
}  // namespace signer::test
