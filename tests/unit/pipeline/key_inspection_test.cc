// SPDX-License-Identifier: Apache-2.0
//
// A key that somebody made weaker in its token must not sign on, and nothing but an inspection that finds it good may
// start it again.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/key_watch.h"
#include "tests/unit/pipeline/pipeline_under_test.h"

namespace signer::pipeline {
namespace {

class KeyInspection : public PipelineUnderTest {
 protected:
  void SetUp() override {
    PipelineUnderTest::SetUp();
    listen_to_keys();
  }

  void listen_to_keys() {
    keys_->on_stopped = [this](const KeyEntry& entry) { stops_.push_back(entry.reason); };
    keys_->on_ready_again = [this](const KeyEntry& entry) {
      EXPECT_EQ(entry.reason, "");
      ++ready_again_;
    };
  }

  void ask_for(const std::string& fault, const std::string& text = "") { test::write_text(fake_ / fault, text); }

  void take_back(const std::string& fault) { ASSERT_TRUE(std::filesystem::remove(fake_ / fault)); }

  std::uintmax_t counted(const std::string& what) {
    std::error_code none;
    const auto size = std::filesystem::file_size(fake_ / what, none);
    return none ? 0 : size;
  }

  KeyEntry& key() { return *keys_->find("issuer"); }

  // Has the token look, and waits for what it says.
  bool inspect() {
    keys_->check_token(token());
    return run_until([this] { return !token().has_calls(); });
  }

  // Asked now and answered at once or in the end.
  ErrorCode refusal_now() {
    const Answer answer = issue();
    if (!run_until([&] { return answer->has_value(); }) || (*answer)->has_value()) return ErrorCode{};
    EXPECT_EQ((*answer)->error().detail, "the key cannot sign now") << "callers hear nothing of the token";
    return (*answer)->error().code;
  }

  bool signs() {
    const Answer answer = issue();
    return run_until([&] { return answer->has_value(); }) && (*answer)->has_value();
  }

  const std::filesystem::path fake_{directory_ / "fake"};
  std::vector<std::string> stops_;
  int ready_again_ = 0;
};

TEST_F(KeyInspection, Invariant08_AWeakenedKeyIsStoppedOnceAndSignsAgainWhenItIsFoundGood) {
  ASSERT_TRUE(inspect());
  EXPECT_TRUE(stops_.empty());
  EXPECT_EQ(ready_again_, 0) << "it never was anything else";
  ask_for("weakened");
  ASSERT_TRUE(inspect());
  ASSERT_EQ(stops_.size(), 1U);
  EXPECT_TRUE(key().stopped);
  EXPECT_FALSE(key().can_sign());
  EXPECT_TRUE(key().reason.starts_with(
      "token main: fake: the key reads back weaker: FAKE_EXTRACTABLE=1; nothing was changed: "))
      << key().reason;
  const auto before = counted("signatures");
  EXPECT_EQ(refusal_now(), ErrorCode::kTokenUnavailable);
  EXPECT_EQ(counted("signatures"), before);
  ASSERT_TRUE(inspect());
  EXPECT_EQ(stops_.size(), 1U) << "what is known already is not recorded again";

  take_back("weakened");
  EXPECT_EQ(refusal_now(), ErrorCode::kTokenUnavailable) << "nobody has looked yet";
  ASSERT_TRUE(inspect());
  EXPECT_EQ(ready_again_, 1);
  EXPECT_TRUE(key().can_sign());
  EXPECT_TRUE(signs());
  ASSERT_TRUE(inspect());
  EXPECT_EQ(ready_again_, 1);
}

TEST_F(KeyInspection, ATokenThatWouldNotLookStopsNoKeyAndStartsNone) {
  ask_for("refuse-inspection");
  ASSERT_TRUE(inspect());
  EXPECT_TRUE(stops_.empty());
  EXPECT_TRUE(signs());
  take_back("refuse-inspection");

  ask_for("weakened");
  ASSERT_TRUE(inspect());
  const std::string reason = key().reason;
  take_back("weakened");
  ask_for("refuse-inspection");
  ASSERT_TRUE(inspect());
  EXPECT_TRUE(key().stopped);
  EXPECT_EQ(key().reason, reason);
  EXPECT_EQ(refusal_now(), ErrorCode::kTokenUnavailable);
  take_back("refuse-inspection");

  ask_for("weakened");
  ask_for("lose-inspection");
  token().distrust("the test says so");
  ASSERT_TRUE(run_until([this] { return token().ready() && !token().has_calls(); }));
  EXPECT_TRUE(key().stopped) << "another host is no reason to trust the key";
  EXPECT_EQ(key().reason, reason);
  take_back("weakened");
  token().distrust("the test says so");
  ASSERT_TRUE(run_until([this] { return key().ready; })) << "the second host that opens the token looks again";
  EXPECT_EQ(counted("opens"), 4U) << "the first one's answer was that the token is lost";
  EXPECT_EQ(stops_.size(), 1U);
  EXPECT_EQ(ready_again_, 1);
}

TEST_F(KeyInspection, Invariant08_WhatIsSignedAlreadyGoesOutAndNothingElseDoes) {
  disk_.hold_syncs();
  const Answer is_signed = issue();
  ASSERT_TRUE(run_until([this] { return token().status().signatures == 1; }));
  ask_for("slow", "400");
  std::vector<Answer> waiting;  // two with each worker, the others in the queue
  for (int i = 0; i < 7; ++i) waiting.push_back(issue());
  ask_for("weakened");
  ASSERT_TRUE(inspect());
  for (const Answer& answer : waiting) {
    ASSERT_TRUE(answer->has_value()) << "it hears of it at once, not after a signature";
    ASSERT_FALSE(**answer);
    EXPECT_EQ((*answer)->error().code, ErrorCode::kTokenUnavailable);
  }
  EXPECT_FALSE(is_signed->has_value());
  disk_.release_syncs();
  ASSERT_TRUE(run_until([&] { return is_signed->has_value(); }));
  EXPECT_TRUE(**is_signed) << (*is_signed)->error().reason;
  EXPECT_EQ(pipeline_->under_way(), 0U);

  take_back("slow");
  take_back("weakened");
  ASSERT_TRUE(inspect());
  EXPECT_TRUE(signs()) << "what was dropped does not confuse the channel";
  EXPECT_LE(counted("signatures"), 6U) << "what was in the queue was never sent: 1, 2 for each worker, 1";
}

TEST_F(KeyInspection, Invariant08_AReloadStartsNoKeyBeforeItsTokenWasAsked) {
  ask_for("weakened");
  ASSERT_TRUE(inspect());
  const std::string reason = key().reason;
  ASSERT_TRUE(keys_->load(config_.keys));
  EXPECT_EQ(key().reason, reason);
  EXPECT_EQ(refusal_now(), ErrorCode::kTokenUnavailable);
  ASSERT_TRUE(run_until([this] { return !token().has_calls(); }));
  EXPECT_TRUE(key().stopped);
  EXPECT_EQ(stops_.size(), 1U);

  take_back("weakened");
  ASSERT_TRUE(keys_->load(config_.keys));
  ASSERT_TRUE(run_until([this] { return key().ready; }));
  EXPECT_EQ(ready_again_, 1);
  EXPECT_TRUE(signs());
}

TEST_F(KeyInspection, Invariant08_AKeyThatAReloadBringsIsInspectedBeforeItSigns) {
  ASSERT_TRUE(keys_->load({}));
  ask_for("weakened");
  ask_for("slow-inspection", "100");
  const auto before = counted("signatures");
  ASSERT_TRUE(keys_->load(config_.keys));
  EXPECT_FALSE(key().can_sign());
  EXPECT_EQ(refusal_now(), ErrorCode::kTokenUnavailable);
  ASSERT_TRUE(run_until([this] { return !token().has_calls(); }));
  EXPECT_TRUE(key().stopped);
  EXPECT_EQ(counted("signatures"), before);
}

TEST_F(KeyInspection, Invariant08_WhatWaitsAtAStartIsNotSignedBeforeTheKeyWasInspected) {
  close();
  const auto before = counted("signatures");
  ask_for("weakened");
  ask_for("slow-inspection", "200");
  open();
  listen_to_keys();
  token().start();
  Answer early = issue();
  ASSERT_FALSE(early->has_value()) << "it waits for the token";
  ASSERT_TRUE(run_until([&] { return early->has_value(); }));
  ASSERT_FALSE(**early);
  EXPECT_EQ((*early)->error().code, ErrorCode::kTokenUnavailable);
  EXPECT_EQ(counted("signatures"), before);

  close();
  take_back("weakened");
  open();
  token().start();
  early = issue();
  ASSERT_TRUE(run_until([&] { return early->has_value(); }));
  EXPECT_TRUE(**early) << "a good key serves what waited for it";
}

TEST_F(KeyInspection, TheWatchLooksAgainAndAgainWhileTheTokenIsReady) {
  ask_for("slow-inspection", "20");
  int looks = 0;
  KeyWatch watch(loop_, [&](token::TokenService& looked_at) {
    EXPECT_FALSE(looked_at.has_calls()) << "questions pile up";
    ++looks;
    keys_->check_token(looked_at);
  });
  watch.token_ready(token(), milliseconds(1));
  EXPECT_EQ(looks, 1) << "at once";
  ASSERT_TRUE(run_until([&] { return looks >= 4; }));
  ask_for("weakened");
  ASSERT_TRUE(run_until([&] { return !stops_.empty(); })) << "though nobody asked for anything";
  watch.token_lost(token());
  const int seen = looks;
  ASSERT_TRUE(run_until([this] { return !token().has_calls(); }));
  loop_.restart();
  loop_.run_for(milliseconds(30));
  EXPECT_EQ(looks, seen);
}

TEST_F(KeyInspection, Invariant08_WhoeverAsksForEvidenceAllTheTimeDoesNotSwitchTheWatchOff) {
  int attested = 0;
  std::function<void()> attest_on = [&] {
    token().attest_key({key().active->version.key_id, Bytes(16, 1), {}, channel::Probes::kNone},
                       clock_.steady() + std::chrono::seconds(20), [&](const auto& attestation) {
                         if (!attestation) return;  // the test is over
                         ++attested;
                         attest_on();
                       });
  };
  ask_for("slow-attest", "5");
  attest_on();
  attest_on();  // one of them waits whenever the other is answered
  int looks = 0;
  KeyWatch watch(loop_, [&](token::TokenService& looked_at) {
    EXPECT_FALSE(looked_at.has_checks()) << "questions pile up";
    EXPECT_TRUE(looked_at.has_calls());
    ++looks;
    keys_->check_token(looked_at);
  });
  watch.token_ready(token(), milliseconds(1));
  ASSERT_TRUE(run_until([&] { return looks >= 4; }));
  ask_for("weakened");
  ASSERT_TRUE(run_until([&] { return !stops_.empty(); }));
  EXPECT_GT(attested, 0);
  watch.token_lost(token());
  token().stop(clock_.steady() + std::chrono::seconds(5));  // its last answers go to what this test holds
}

}  // namespace
}  // namespace signer::pipeline
