// SPDX-License-Identifier: Apache-2.0
//
// Keys that change.  Without these a stranger could make a verifier fetch for every token, a failing issuer could leave
// it without keys or with old ones for ever, and a kid could come to mean another key.
#include "signer/key_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <stdexcept>
#include <thread>

#include "signer/jwt.h"
#include "tests/support/algorithm_key.h"
#include "tests/support/signing_key.h"
#include "tests/support/temporary_directory.h"

namespace signer {
namespace {

using namespace std::chrono_literals;
using test::SigningKey;

std::string set_of(const SigningKey& key, std::string_view kid) {
  return R"({"keys":[)" + key.jwk(R"(,"alg":"RS256","kid":")" + std::string(kid) + "\"") + "]}";
}

// A source whose clock and answers the test sets.
class KeySourceTest : public testing::Test {
 protected:
  static KeySourceOptions options(const std::chrono::steady_clock::time_point& now) {
    KeySourceOptions options;
    options.clock = [&now] { return now; };
    return options;
  }

  [[nodiscard]] std::vector<std::string> kids() {
    const auto keys = source_.keys();
    return keys ? keys->kids() : std::vector<std::string>{};
  }

  // Whether the current set verifies a token with kid "a" by this key.
  [[nodiscard]] bool accepts_a(const SigningKey& key) {
    const auto keys = source_.keys();
    return keys && jws::verify(key.token(R"({"alg":"RS256","kid":"a"})", "{}"), *keys,
                               {{Algorithm::kRs256}, jws::TypeRule::absent()})
                       .has_value();
  }

  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::time_point(1000h);
  Result<std::string> answer_ = set_of(SigningKey::first(), "a");
  int asked_ = 0;
  KeySource source_{[this] {
                      ++asked_;
                      return answer_;
                    },
                    options(now_)};
};

TEST_F(KeySourceTest, FetchesOnceUntilTheSetIsOld) {
  EXPECT_FALSE(source_.status().usable);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(kids(), std::vector<std::string>{"a"});
  now_ += 599s;
  EXPECT_EQ(kids(), std::vector<std::string>{"a"});
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(source_.status().age, 599s);
  now_ += 1s;
  answer_ = set_of(SigningKey::second(), "b");
  EXPECT_EQ(kids(), std::vector<std::string>{"b"});
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(source_.status().age, 0s);
}

TEST_F(KeySourceTest, KeepsTheLastGoodSetUntilItIsStale) {
  ASSERT_EQ(kids(), std::vector<std::string>{"a"});
  for (const Result<std::string>& bad : {Result<std::string>(fail(ErrorCode::kInternal, "no route")),
                                         Result<std::string>(std::string("{}")), Result<std::string>(std::string())}) {
    answer_ = bad;
    now_ += 700s;
    EXPECT_EQ(kids(), std::vector<std::string>{"a"});
    EXPECT_TRUE(source_.status().usable);
    EXPECT_FALSE(source_.status().last_failure.empty());
  }
  EXPECT_EQ(source_.status().failures, 3U);
  EXPECT_EQ(source_.status().age, 2100s);
  now_ += 86'400s - 2100s;
  EXPECT_EQ(kids(), std::vector<std::string>{"a"}) << "just not too old";
  now_ += 1s;
  answer_ = fail(ErrorCode::kInternal, "no route");
  const auto none = source_.keys();
  ASSERT_FALSE(none);
  EXPECT_FALSE(source_.status().usable);
  answer_ = set_of(SigningKey::first(), "a");
  now_ += 1s;  // without keys the pause is short
  EXPECT_EQ(kids(), std::vector<std::string>{"a"});
  EXPECT_TRUE(source_.status().last_failure.empty());
}

TEST_F(KeySourceTest, AFailingSourceIsNotAskedMoreThanOnceACooldown) {
  ASSERT_EQ(kids(), std::vector<std::string>{"a"});
  answer_ = fail(ErrorCode::kInternal, "no route");
  now_ += 600s;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(kids(), std::vector<std::string>{"a"});
    now_ += 1s;
  }
  EXPECT_EQ(asked_, 1 + 4);  // after 0, 30, 60 and 90 seconds
}

TEST_F(KeySourceTest, WithoutAnyKeysItSaysWhy) {
  answer_ = fail(ErrorCode::kInternal, "no route to issuer.example");
  const auto none = source_.keys();
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text.find("no route to issuer.example"), std::string::npos);
  EXPECT_FALSE(source_.keys());
  EXPECT_EQ(asked_, 1) << "not twice within a second";
}

TEST_F(KeySourceTest, UnknownKidsFetchAtMostOnceACooldown) {
  ASSERT_TRUE(source_.keys());
  now_ += 30s;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(source_.keys_newer_than(*source_.keys()));
  EXPECT_EQ(asked_, 2);
  now_ += 29s;
  ASSERT_TRUE(source_.keys_newer_than(*source_.keys()));
  EXPECT_EQ(asked_, 2);
  now_ += 1s;
  ASSERT_TRUE(source_.keys_newer_than(*source_.keys()));
  EXPECT_EQ(asked_, 3);
}

TEST_F(KeySourceTest, ASetThatSomebodyElseFetchedIsTakenWithoutAsking) {
  const KeySet old = *source_.keys();
  answer_ = set_of(SigningKey::second(), "b");
  ASSERT_TRUE(source_.reload());
  const auto newer = source_.keys_newer_than(old);
  ASSERT_TRUE(newer);
  EXPECT_EQ(newer->kids(), std::vector<std::string>{"b"});
  EXPECT_EQ(asked_, 2);
}

TEST_F(KeySourceTest, AKidThatMeansAnotherKeyIsAnError) {
  ASSERT_EQ(kids(), std::vector<std::string>{"a"});
  answer_ = set_of(SigningKey::second(), "a");
  const auto refused = source_.reload();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("kid a"), std::string::npos);
  EXPECT_TRUE(accepts_a(SigningKey::first()));
  EXPECT_FALSE(accepts_a(SigningKey::second()));
}

TEST_F(KeySourceTest, AKidThatWasAwayStillMeansItsKey) {
  ASSERT_EQ(kids(), std::vector<std::string>{"a"});
  answer_ = set_of(SigningKey::second(), "b");
  ASSERT_TRUE(source_.reload());
  answer_ = set_of(SigningKey::second(), "a");
  EXPECT_FALSE(source_.reload());
  EXPECT_EQ(kids(), std::vector<std::string>{"b"});
  answer_ = set_of(SigningKey::first(), "a");
  EXPECT_TRUE(source_.reload());
}

TEST_F(KeySourceTest, AKeyThatChangesItsAlgorithmIsAnotherKey) {
  ASSERT_EQ(kids(), std::vector<std::string>{"a"});
  answer_ = R"({"keys":[)" + SigningKey::first().jwk(R"(,"alg":"PS256","kid":"a")") + "]}";
  EXPECT_FALSE(source_.reload());
}

// Whoever can edit the set cannot make it forget a kid that is in it by publishing many others.
TEST_F(KeySourceTest, AKidInUseIsNeverForgotten) {
  const test::AlgorithmKey cheap(Algorithm::kEd25519);
  const auto made_of = [&cheap](std::size_t set) {
    std::string keys = SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")");
    for (std::size_t i = 1; i < KeySet::kKeysMax; ++i) {
      keys += "," + jose::dump_json(cheap.jwk("o" + std::to_string(set * KeySet::kKeysMax + i)));
    }
    return R"({"keys":[)" + keys + "]}";
  };
  for (std::size_t set = 0; set < 70; ++set) {
    answer_ = made_of(set);
    ASSERT_TRUE(source_.reload());
  }
  answer_ = set_of(SigningKey::second(), "a");
  EXPECT_FALSE(source_.reload());
}

TEST_F(KeySourceTest, DurationsWithoutEndDoNotWrapRound) {
  KeySourceOptions options = KeySourceTest::options(now_);
  options.cooldown = std::chrono::seconds::max();
  options.refresh_after = std::chrono::seconds::max();
  options.stale_max = std::chrono::seconds::max();
  options.wait_max = std::chrono::milliseconds::max();
  KeySource source([this] { return ++asked_, answer_; }, options);
  const auto keys = source.keys();
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_TRUE(source.status().usable);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(source.keys_newer_than(*keys));
  EXPECT_EQ(asked_, 1);
}

TEST_F(KeySourceTest, ThePauseCountsFromTheEndOfAFetch) {
  KeySource source(
      [this]() -> Result<std::string> {
        ++asked_;
        now_ += 5s;
        return fail(ErrorCode::kInternal, "slow");
      },
      options(now_));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(source.keys());
  EXPECT_EQ(asked_, 1);
  now_ += 1s;
  EXPECT_FALSE(source.keys());
  EXPECT_EQ(asked_, 2);
}

TEST_F(KeySourceTest, AClockThatThrowsLeavesNothingLocked) {
  bool broken = false;
  KeySourceOptions options;
  options.refresh_after = 0s;
  options.cooldown = 0s;
  options.stale_max = 1h;
  options.clock = [this, &broken] {
    if (broken) throw std::runtime_error("no clock");
    return now_;
  };
  KeySource source([this] { return ++asked_, answer_; }, options);
  ASSERT_TRUE(source.keys());
  broken = true;
  EXPECT_FALSE(source.keys());
  EXPECT_FALSE(source.reload());
  broken = false;
  EXPECT_TRUE(source.reload());
  EXPECT_TRUE(source.keys());
}

TEST_F(KeySourceTest, AFetchThatThrowsIsAFailure) {
  KeySource odd(
      []() -> Result<std::string> { throw 42; });  // NOLINT(hicpp-exception-baseclass): the worst a caller does
  EXPECT_FALSE(odd.reload());
  EXPECT_FALSE(odd.reload()) << "and not a second time either";

  KeySource throwing([]() -> Result<std::string> { throw std::runtime_error("secret"); });
  const auto outcome = throwing.reload();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().text.find("secret"), std::string::npos);
  EXPECT_FALSE(throwing.keys());
}

// An issuer that names no key has no new kid to show.
TEST_F(KeySourceTest, ABadSignatureWithoutAKidLooksForNewerKeysToo) {
  jwt::TokenProfile profile({Algorithm::kRs256}, {"i"}, {"a"}, jws::TypeRule::absent());
  profile.signature.kid_may_be_absent = true;
  const auto verifier = jwt::Verifier::make(profile);
  const std::chrono::system_clock::time_point time{1'700'000'000s};
  const auto token = [](const SigningKey& key, std::string_view header) {
    return key.token(header, R"({"iss":"i","aud":"a","iat":1700000000,"exp":1700000060})");
  };
  EXPECT_TRUE(verifier->verify(token(SigningKey::first(), R"({"alg":"RS256"})"), source_, time));
  answer_ = set_of(SigningKey::second(), "b");
  now_ += 30s;
  const auto with_kid = verifier->verify(token(SigningKey::second(), R"({"alg":"RS256","kid":"a"})"), source_, time);
  EXPECT_EQ(with_kid.error(), VerifyError::kBadSignature);
  EXPECT_EQ(asked_, 1) << "a token that names a key we have";
  EXPECT_TRUE(verifier->verify(token(SigningKey::second(), R"({"alg":"RS256"})"), source_, time));
  EXPECT_EQ(asked_, 2);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(verifier->verify(token(SigningKey::first(), R"({"alg":"RS256"})"), source_, time).error(),
              VerifyError::kBadSignature);
  }
  EXPECT_EQ(asked_, 2) << "the cooldown holds";
}

// The verifier's part: a token by a new key is accepted at its first showing, a made-up kid costs no fetch.
TEST_F(KeySourceTest, TheVerifierLooksForNewerKeysOnce) {
  const auto verifier = jwt::Verifier::make({{Algorithm::kRs256}, {"i"}, {"a"}, jws::TypeRule::absent()});
  ASSERT_TRUE(verifier);
  const std::chrono::system_clock::time_point time{1'700'000'000s};
  const std::string claims = R"({"iss":"i","aud":"a","iat":1700000000,"exp":1700000060})";
  const auto token = [&claims](const SigningKey& key, std::string_view kid) {
    return key.token(R"({"alg":"RS256","kid":")" + std::string(kid) + R"("})", claims);
  };
  EXPECT_TRUE(verifier->verify(token(SigningKey::first(), "a"), source_, time));
  answer_ = set_of(SigningKey::second(), "b");
  const auto too_soon = verifier->verify(token(SigningKey::second(), "b"), source_, time);
  ASSERT_FALSE(too_soon);
  EXPECT_EQ(too_soon.error(), VerifyError::kUnknownKey);
  now_ += 30s;
  EXPECT_TRUE(verifier->verify(token(SigningKey::second(), "b"), source_, time));
  EXPECT_EQ(asked_, 2);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(verifier->verify(token(SigningKey::second(), "made-up"), source_, time).error(),
              VerifyError::kUnknownKey);
  }
  EXPECT_EQ(asked_, 2);
  KeySource none([]() -> Result<std::string> { return fail(ErrorCode::kInternal, "down"); });
  EXPECT_EQ(verifier->verify(token(SigningKey::first(), "a"), none, time).error(), VerifyError::kKeysUnavailable);
}

TEST(KeySourceThreads, OneFetchesTheOthersGoOn) {
  std::latch begun(1);
  std::latch may_end(1);
  std::atomic<int> asked{0};
  KeySourceOptions options;
  options.refresh_after = 0s;
  options.cooldown = 0s;
  options.stale_max = 1h;
  KeySource source(
      [&]() -> Result<std::string> {
        if (asked++ == 1) {
          begun.count_down();
          may_end.wait();
        }
        return set_of(SigningKey::first(), "a");
      },
      options);
  ASSERT_TRUE(source.keys());
  std::jthread slow([&source] { EXPECT_TRUE(source.keys()); });
  begun.wait();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(source.keys());
  EXPECT_EQ(asked, 2);
  may_end.count_down();
}

TEST(KeySourceThreads, WithoutKeysTheOthersWaitForTheFirst) {
  std::latch begun(1);
  std::latch may_end(1);
  KeySourceOptions options;
  options.wait_max = 60s;
  KeySource source(
      [&]() -> Result<std::string> {
        begun.count_down();
        may_end.wait();
        return set_of(SigningKey::first(), "a");
      },
      options);
  std::atomic<int> served{0};
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { served += source.keys() ? 1 : 0; });
  begun.wait();
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { served += source.keys() ? 1 : 0; });
  may_end.count_down();
  threads.clear();
  EXPECT_EQ(served, 5);
  EXPECT_EQ(source.status().fetches, 1U);
}

TEST(KeySourceFile, FollowsTheFileAndOutlivesIt) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("jwks.json", set_of(SigningKey::first(), "a"));
  std::chrono::steady_clock::time_point now(1h);
  KeySourceOptions options = KeySourceOptions::for_file();
  options.clock = [&now] { return now; };
  const auto source = KeySource::from_file(path, options);
  EXPECT_EQ(source->keys()->kids(), std::vector<std::string>{"a"});
  std::ofstream(path) << set_of(SigningKey::second(), "b");
  now += 10s;
  EXPECT_EQ(source->keys()->kids(), std::vector<std::string>{"b"});
  ASSERT_EQ(std::remove(path.c_str()), 0);
  now += 10s;
  EXPECT_EQ(source->keys()->kids(), std::vector<std::string>{"b"});
  EXPECT_NE(source->status().last_failure.find("ENOENT"), std::string::npos);
  std::ofstream(path) << "{";
  now += 10s;
  EXPECT_EQ(source->keys()->kids(), std::vector<std::string>{"b"});
  EXPECT_EQ(source->status().failures, 2U);
}

}  // namespace
}  // namespace signer
