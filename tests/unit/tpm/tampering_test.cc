// SPDX-License-Identifier: Apache-2.0
//
// What somebody on the bus can do.  With a session: delay us, and nothing else.  With a password: more, which is why
// signerd verifies every signature and why the password is for TPMs without a bus.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>

#include "test_token.h"
#include "tests/support/seed.h"
#include "tpm/session.h"
#include "tpm/storage_root.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using std::chrono::milliseconds;
using test::sign_request;
using test::cc::kFlushContext;
using test::cc::kReadPublic;
using test::cc::kSign;
using test::cc::kStartAuthSession;

constexpr std::size_t kFirstSignatureByte = 6;  // of TPM2_Sign's parameters: algorithm, hash, size

class Tampering : public ::testing::TestWithParam<const char*> {
 protected:
  Tampering() {
    const auto key = driver_->generate_key(test::key_request());
    EXPECT_TRUE(key) << key.error().text;
    if (key) key_ = key->public_key;
    EXPECT_TRUE(signs());
    bus().forget_counts();
  }

  test::TpmInterposer& bus() { return token_.bus(); }

  [[nodiscard]] static bool has_session() { return std::string_view(GetParam()) == "hmac"; }

  bool is_right(ByteView signature) { return test::verifies(key_, "header.payload", signature); }

  bool signs() {
    const auto signature = driver_->sign(sign_request());
    EXPECT_TRUE(signature) << signature.error().text;
    return signature && is_right(*signature);
  }

  bool signs_again() {
    return test::eventually([this] {
      const auto signature = driver_->sign(sign_request());
      return signature && is_right(*signature);
    });
  }

  // Makes the next request send every kind of command that signing can need.
  void forget_everything() { (void)bus().answer({.code = kSign, .times = 1}, 0x910); }

  // Whether the request after forget_everything() sends it.
  [[nodiscard]] static bool is_sent(std::uint32_t command) {
    return has_session() || command == kSign || command == kReadPublic;
  }

  test::TestToken token_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_, GetParam());
  jose::PublicKey key_;
};

INSTANTIATE_TEST_SUITE_P(Authorization, Tampering, ::testing::Values("hmac", "password"),
                         [](const auto& mode) { return std::string(mode.param); });

// What only a session shows, or only a session can suffer from.
class TamperingWithASession : public Tampering {};

INSTANTIATE_TEST_SUITE_P(Authorization, TamperingWithASession, ::testing::Values("hmac"));

TEST_P(Tampering, Invariant02_FindsAChangedSignatureOrLeavesThatToSignerd) {
  const auto once = bus().corrupt({.code = kSign, .times = 1}, kFirstSignatureByte + 100);
  const auto signature = driver_->sign(sign_request());
  ASSERT_TRUE(signature) << signature.error().text;
  EXPECT_EQ(bus().hits(once), 1U);
  EXPECT_EQ(bus().count(kSign), has_session() ? 2U : 1U);
  EXPECT_EQ(is_right(*signature), has_session());
  bus().drop_rules();
  EXPECT_TRUE(signs());
}

TEST_P(Tampering, Invariant02_GivesUpOnABusThatChangesEverySignature) {
  (void)bus().corrupt({.code = kSign}, kFirstSignatureByte + 100);
  const auto signature = driver_->sign(sign_request());
  if (has_session()) {
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().status, HostStatus::kUnavailable);
    EXPECT_NE(signature.error().text.find("RSP_AUTH_FAILED"), std::string::npos) << signature.error().text;
    EXPECT_LE(bus().count(kSign), 3U);
  } else {
    ASSERT_TRUE(signature);
    EXPECT_FALSE(is_right(*signature));
  }
  bus().drop_rules();
  EXPECT_TRUE(signs_again());
}

TEST_P(Tampering, Invariant03_SignsNoDigestThatTheBusPutsInPlaceOfOurs) {
  const Bytes theirs(32, 0x5a);
  std::atomic<unsigned> signed_by_tpm{0};
  (void)bus().swap_digest(theirs);
  (void)bus().edit_response({.code = kSign}, [&](std::uint32_t, Bytes& response) {
    if (signer::test::code_of(response) == 0) ++signed_by_tpm;
    return false;
  });
  const auto signature = driver_->sign(sign_request());
  if (has_session()) {
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().status, HostStatus::kRefused) << signature.error().text;
    EXPECT_EQ(signed_by_tpm, 0U) << "the attacker has a signature";
    EXPECT_EQ(bus().count(kSign), 2U);
  } else {
    ASSERT_TRUE(signature);
    EXPECT_FALSE(is_right(*signature)) << "signerd must see it";
    EXPECT_EQ(signed_by_tpm, 1U);
  }
  bus().drop_rules();
  EXPECT_TRUE(signs_again());
}

TEST_P(TamperingWithASession, Invariant09_SignsOnceTheBusLetsTheDigestThrough) {
  (void)bus().swap_digest(Bytes(32, 0x5a), {.code = kSign, .times = 1});
  EXPECT_TRUE(signs());
}

TEST_P(Tampering, Invariant09_SurvivesAResponseCutShortAnywhere) {
  for (const std::uint32_t command : {kSign, kStartAuthSession, kReadPublic, kFlushContext}) {
    for (const std::size_t size : {0UL, 1UL, 2UL, 5UL, 9UL, 10UL, 11UL, 13UL, 14UL, 17UL, 40UL, 270UL}) {
      forget_everything();
      const auto cut = bus().truncate({.code = command, .skip = command == kSign ? 1U : 0U, .times = 1}, size);
      EXPECT_TRUE(signs()) << command << " cut at " << size;
      if (size < 10 && is_sent(command)) {
        EXPECT_EQ(bus().hits(cut), 1U) << command << " cut at " << size;
      }
      bus().drop_rules();
    }
  }
}

TEST_P(Tampering, Invariant09_SurvivesSizesThatLie) {
  for (const std::uint32_t command : {kSign, kStartAuthSession, kReadPublic, kFlushContext}) {
    for (const auto field : {test::SizeField::kMessage, test::SizeField::kParameters}) {
      for (const std::uint32_t size :
           {0U, 1U, 9U, 10U, 11U, 100U, 300U, 4096U, 4097U, 0x7fffffffU, 0x80000000U, 0xfffffff6U, 0xffffffffU}) {
        forget_everything();
        const auto lie =
            bus().claim_size({.code = command, .skip = command == kSign ? 1U : 0U, .times = 1}, field, size);
        EXPECT_TRUE(signs()) << command << " claims " << size << " in field " << static_cast<int>(field);
        if (field == test::SizeField::kMessage && size == 9 && is_sent(command)) {
          EXPECT_EQ(bus().hits(lie), 1U) << command;
        }
        bus().drop_rules();
      }
    }
  }
}

TEST_P(Tampering, Invariant09_SurvivesAForgedSuccessWithNothingInIt) {
  for (const std::uint16_t tag : {std::uint16_t{0x8001}, std::uint16_t{0x8002}, std::uint16_t{0x00c4}}) {
    for (const std::uint32_t command : {kSign, kStartAuthSession, kReadPublic}) {
      forget_everything();
      (void)bus().edit_response({.code = command, .skip = command == kSign ? 1U : 0U, .times = 1},
                                [tag](std::uint32_t, Bytes& response) {
                                  response.clear();
                                  signer::test::put(response, tag);
                                  signer::test::put<std::uint32_t>(response, 10);
                                  signer::test::put<std::uint32_t>(response, 0);
                                  return true;
                                });
      EXPECT_TRUE(signs()) << command << " with tag " << tag;
      bus().drop_rules();
    }
  }
}

TEST_P(Tampering, Invariant09_GoesOnAfterAForgedErrorForACommandThatTheTpmCarriedOut) {
  // Nonces of session and library no longer agree.
  for (const std::uint32_t code : {0x922U, 0x909U, 0x901U, 0x902U, 0x910U, 0x18bU, 0x9a2U}) {
    (void)bus().edit_response({.code = kSign, .times = 1}, [code](std::uint32_t, Bytes& response) {
      response.clear();
      signer::test::put<std::uint16_t>(response, 0x8001);
      signer::test::put<std::uint32_t>(response, 10);
      signer::test::put(response, code);
      return true;
    });
    EXPECT_TRUE(signs()) << code;
    bus().drop_rules();
  }
}

TEST_P(TamperingWithASession, NeedsAnotherSessionAndNoMoreWhenTheNoncesNoLongerAgree) {
  const auto forged = bus().edit_response({.code = kSign, .times = 1}, [](std::uint32_t, Bytes& response) {
    response.clear();
    signer::test::put<std::uint16_t>(response, 0x8001);
    signer::test::put<std::uint32_t>(response, 10);
    signer::test::put<std::uint32_t>(response, 0x909);
    return true;
  });
  EXPECT_TRUE(signs());
  EXPECT_EQ(bus().hits(forged), 1U);
  EXPECT_EQ(bus().count(kSign), 2U) << "the old session was tried again";
  EXPECT_EQ(bus().count(kStartAuthSession), 1U);
  EXPECT_EQ(bus().count(kReadPublic), 0U);
}

TEST_P(Tampering, Invariant09_SurvivesAnyBitFlippedInAnyResponse) {
  const unsigned seed = test::seed();
  std::mt19937 random(seed);
  constexpr int kRounds = 150;
  unsigned hit = 0;
  for (int round = 0; round < kRounds; ++round) {
    if (round % 3 == 0) forget_everything();
    const std::uint32_t which = static_cast<std::uint32_t>(random());
    const auto flip = bus().edit_response({.skip = which % 5, .times = 1}, [which](std::uint32_t, Bytes& response) {
      std::uint8_t& byte = response[which / 8 % response.size()];
      byte = static_cast<std::uint8_t>(byte ^ 1U << which % 8);
      return true;
    });
    const auto signature = driver_->sign(sign_request());
    if (has_session() && signature) {
      EXPECT_TRUE(is_right(*signature)) << "seed " << seed << " round " << round;
    }
    if (!signature) {
      EXPECT_EQ(signature.error().status, HostStatus::kUnavailable)
          << signature.error().text << " seed " << seed << " round " << round;
    }
    hit += bus().hits(flip);
    bus().drop_rules();
  }
  EXPECT_GT(hit, static_cast<unsigned>(kRounds) / 4) << "seed " << seed;
  EXPECT_TRUE(signs_again()) << "seed " << seed;
}

TEST_P(Tampering, Invariant08_StopsNoKeyForOneWrongAnswer) {
  // signerd stops a key that is reported missing or another.  The answers to ReadPublic: storage root, twice, key.
  const std::string files = token_.key_directory_content();
  for (const unsigned skip : {0U, 1U, 2U}) {
    forget_everything();
    const auto wrong = bus().corrupt({.code = kReadPublic, .skip = skip, .times = 1}, 50);
    EXPECT_TRUE(signs()) << skip;
    EXPECT_EQ(bus().hits(wrong), 1U);
    bus().drop_rules();
  }
  EXPECT_EQ(token_.key_directory_content(), files);
}

TEST_P(TamperingWithASession, IsNotSpoiledByASessionThatDidNotStart) {
  // The library keeps the salt of a StartAuthSession that failed and would take it for the next session's.
  for (const std::uint32_t code : {0x903U, 0x905U, 0x922U, 0x902U}) {
    (void)bus().answer({.code = kSign, .times = 1}, 0x901);
    const auto failed = bus().answer({.code = kStartAuthSession, .times = 1}, code);
    bus().forget_counts();
    EXPECT_TRUE(signs()) << code;
    EXPECT_EQ(bus().hits(failed), 1U) << code;
    EXPECT_GE(bus().count(kReadPublic), code == 0x922 ? 0U : 3U) << code << ": the same context was used again";
    bus().drop_rules();
  }
}

TEST(StorageRootPin, IsNotMadeOfOneWrongAnswer) {
  for (const unsigned skip : {0U, 1U}) {
    test::TestToken token;
    (void)token.bus().corrupt({.code = kReadPublic, .skip = skip, .times = 1}, 50);
    const auto first = test::opened(token);
    const auto second = test::opened(token);
    EXPECT_TRUE(second->generate_key(test::key_request(jose::KeyKind::kP256)));
  }
}

TEST(StorageRootPin, IsNotMadeOfAnswersThatNeverAgree) {
  test::TestToken token;
  std::atomic<std::uint8_t> change{0};
  (void)token.bus().edit_response({.code = kReadPublic}, [&change](std::uint32_t, Bytes& response) {
    response[60] = ++change;
    return true;
  });
  Tpm2Driver driver;
  const auto opened = driver.open(token.spec());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().status, HostStatus::kUnavailable) << opened.error().text;
  EXPECT_FALSE(std::filesystem::exists(token.key_directory() + "/storage-root.json"));
}

TEST(SessionStart, PoisonsItsContextWhenItFails) {
  test::TestToken token;
  auto context = EsysContext::open(token.bus().tcti());
  ASSERT_TRUE(context);
  const auto root = read_storage_root(*context);
  ASSERT_TRUE(root) << root.error().text;
  (void)token.bus().answer({.code = kStartAuthSession}, 0x903);
  EXPECT_FALSE(Session::start(*context, root->handle));
  EXPECT_TRUE(context->poisoned());
}

TEST(SessionStart, LeavesAContextAloneThatATpmErrorDidNotHarm) {
  test::TestToken token;
  auto context = EsysContext::open(token.bus().tcti());
  ASSERT_TRUE(context);
  (void)token.bus().answer({.code = kReadPublic, .times = 1}, 0x902);
  EXPECT_FALSE(read_storage_root(*context));
  EXPECT_FALSE(context->poisoned());
  (void)token.bus().drop({.code = kReadPublic, .times = 1}, test::Moment::kBefore);
  EXPECT_FALSE(read_storage_root(*context));
  EXPECT_TRUE(context->poisoned());
}

}  // namespace
}  // namespace signer::tpm
