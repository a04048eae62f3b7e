// SPDX-License-Identifier: Apache-2.0
//
// Tokens whose pseudonym another part of the token makes first.  Without these an internal id could stand in a token,
// or somebody could have two pseudonyms, or a request that waits for one could keep its place for ever.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <openssl/hmac.h>

#include <fstream>

#include "base/file.h"
#include "base/hex.h"
#include "jose/base64url.h"
#include "tests/unit/pipeline/pipeline_under_test.h"

namespace signer::pipeline {
namespace {

class PairwisePipeline : public PipelineUnderTest {
 protected:
  void SetUp() override {
    PipelineUnderTest::SetUp();
    ASSERT_TRUE(create());
  }

  bool create() {
    std::optional<Result<void>> made;
    hmac_keys_->create(*hmac_keys_->find("pairwise"), clock_.wall(), [&](const Result<void>& done) { made = done; });
    return run_until([&] { return made.has_value(); }) && made->has_value();
  }

  [[nodiscard]] const keyring::HmacKey& metadata() const { return hmac_keys_->find("pairwise")->active->metadata; }

  Answer ask(const std::string& id = "id-1", milliseconds patience = seconds(20)) {
    return issue(patience, kPairwise, {{"sub", id}});
  }

  Judged<IssuedToken> answer(const Answer& asked) {
    EXPECT_TRUE(run_until([&] { return asked->has_value(); }));
    if (!asked->has_value()) return refuse(ErrorCode::kInternal, "no answer");
    return **asked;
  }

  static std::string subject_of(const Judged<IssuedToken>& issued) {
    if (!issued) return issued.error().reason;
    const std::string& token = issued->token();
    const std::size_t dot = token.find('.');
    const auto payload =
        jose::base64url_decode(std::string_view(token).substr(dot + 1, token.rfind('.') - dot - 1)).value();
    return jose::parse_json(text_of(payload)).value()["sub"].get<std::string>();
  }

  std::string subject(const std::string& id = "id-1") { return subject_of(answer(ask(id))); }

  // As the page's formula has it, from the secret that the fake host keeps in a file.
  std::string expected(const std::string& id) const {
    const std::string secret =
        read_file(directory_.path() / "fake" / (to_hex(metadata().key_id) + ".hmac"), 64).value();
    const std::string message = std::string("s") + '\0' + id;
    std::array<std::uint8_t, 32> mac{};
    unsigned size = 0;
    ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(message).data(), message.size(),
           mac.data(), &size);
    return jose::base64url_encode(mac).substr(0, 22);
  }

  void ask_for(const std::string& fault, const std::string& value = "") const {
    test::write_text(directory_.path() / "fake" / fault, value);
  }

  void heal(const std::string& fault) const { std::filesystem::remove(directory_.path() / "fake" / fault); }

  std::size_t events(const std::string& event) const {
    std::string all;
    const auto names = list_files(directory_.path() / "audit", ".jsonl");
    for (const std::string& name : *names) all += test::read_text(directory_.path() / "audit" / name);
    std::size_t found = 0;
    const std::string wanted = "\"event\":\"" + event + "\"";
    for (std::size_t at = all.find(wanted); at != std::string::npos; at = all.find(wanted, at + 1)) ++found;
    return found;
  }

  bool all_places_are_free() {
    if (!run_until([this] { return pipeline_->under_way() == 0; })) return false;
    disk_.hold_syncs();
    const std::size_t found = places_of(kPairwise);
    disk_.release_syncs();
    return run_until([this] { return pipeline_->under_way() == 0; }) && found == kPlaces;
  }
};

TEST_F(PairwisePipeline, ThePseudonymIsTheFormulasAndNotTheId) {
  EXPECT_EQ(subject("id-1"), expected("id-1"));
  EXPECT_EQ(subject("id-1"), expected("id-1"));
  EXPECT_EQ(subject("id-2"), expected("id-2"));
  EXPECT_NE(expected("id-1"), expected("id-2"));
}

TEST_F(PairwisePipeline, ClaimsWithoutASubjectAskForNoMac) {
  const auto issued = answer(issue(seconds(20), kPairwise, jose::Json::object()));
  EXPECT_TRUE(issued);
  EXPECT_EQ(test::read_text(directory_.path() / "fake/macs"), "");
}

TEST_F(PairwisePipeline, WhatThePolicyRefusesIsNeverGivenToTheToken) {
  const auto refused = answer(ask("123-45-6789"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kClaimPolicy);
  EXPECT_EQ(test::read_text(directory_.path() / "fake/macs"), "");
  EXPECT_EQ(pipeline_->under_way(), 0U);
}

TEST_F(PairwisePipeline, Invariant09_AHostThatDiesMeanwhileCostsNothing) {
  const std::string before = subject();
  for (const char* fault : {"crash", "nonsense"}) {
    ask_for(fault);
    EXPECT_EQ(subject(), before) << fault;
  }
  std::vector<Answer> asked;
  for (std::size_t i = 0; i < kPlaces; ++i) asked.push_back(ask());
  ask_for("crash");
  for (const Answer& one : asked) EXPECT_EQ(subject_of(answer(one)), before);
}

TEST_F(PairwisePipeline, NothingIsRecordedAsIssuedForWhichThereIsNoPseudonym) {
  ask_for("vanish");
  const auto refused = answer(ask());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  ASSERT_TRUE(run_until([this] { return events("refuse") == 1; })) << "and the refusal is on record";
  EXPECT_EQ(events("issue"), 0U);
  EXPECT_EQ(token().status().signatures, 0U);
  EXPECT_TRUE(hmac_keys_->find("pairwise")->stopped);
  heal("vanish");
  EXPECT_FALSE(answer(ask())) << "it stays stopped until it has been compared";
  hmac_keys_->check_token(token());
  ASSERT_TRUE(run_until([this] { return hmac_keys_->find("pairwise")->ready; }));
  EXPECT_EQ(subject(), expected("id-1"));
}

TEST_F(PairwisePipeline, APlaceComesBackHoweverTheWaitForAPseudonymEnds) {
  EXPECT_TRUE(all_places_are_free()) << "after good ones";
  ask_for("hang");
  const auto late = answer(ask("id-1", milliseconds(200)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
  ASSERT_TRUE(run_until([this] { return token().status().restarts == 1 && token().ready(); }));
  EXPECT_TRUE(all_places_are_free()) << "after a deadline";
  ask_for("lose");
  for (std::size_t i = 0; i < kPlaces; ++i) EXPECT_FALSE(answer(ask()));
  heal("lose");
  ASSERT_TRUE(run_until([this] { return token().ready() && hmac_keys_->find("pairwise")->ready; }));
  EXPECT_TRUE(all_places_are_free()) << "after a token that was lost";
}

TEST_F(PairwisePipeline, WhoIsRefusedForWantOfAPseudonymFindsThePlaceFree) {
  ask_for("vanish");
  std::optional<ErrorCode> again;
  const RequestContext context{"0123456789abcdef", {kPairwise, 1, 4242, {}, "/s"}, clock_.steady() + seconds(20)};
  pipeline_->issue(context, {"issuer", std::nullopt, {{"sub", "x"}}}, [&](const Judged<IssuedToken>& result) {
    EXPECT_FALSE(result);
    const Answer next = ask();
    if (next->has_value()) again = (*next)->error().code;
  });
  std::vector<Answer> others;
  for (std::size_t i = 1; i < kPlaces; ++i) others.push_back(ask());
  ASSERT_TRUE(run_until([this] { return pipeline_->under_way() == 0; }));
  EXPECT_EQ(again, ErrorCode::kTokenUnavailable) << "the key is stopped, and the caller has its place";
}

TEST_F(PairwisePipeline, AnotherKeyUnderItsIdStopsItsProfilesAndNoOthers) {
  const std::filesystem::path secret = directory_.path() / "fake" / (to_hex(metadata().key_id) + ".hmac");
  const std::string right = test::read_text(secret);
  test::write_text(secret, std::string(32, 'x'));
  const auto refused = answer(ask());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTokenUnavailable);
  EXPECT_TRUE(hmac_keys_->find("pairwise")->stopped);
  hmac_keys_->load(configuration().hmac_keys);
  EXPECT_TRUE(hmac_keys_->find("pairwise")->stopped) << "until its token was asked";
  ASSERT_TRUE(run_until([this] { return !token().has_calls(); }));
  EXPECT_NE(hmac_keys_->find("pairwise")->reason.find("would change every pseudonym"), std::string::npos)
      << hmac_keys_->find("pairwise")->reason;
  EXPECT_TRUE(answer(issue())) << "a profile without pseudonyms";
  EXPECT_FALSE(create()) << "no key is made in its place";
  test::write_text(secret, right);
  hmac_keys_->load(configuration().hmac_keys);
  ASSERT_TRUE(run_until([this] { return hmac_keys_->find("pairwise")->ready; }));
  EXPECT_EQ(subject(), expected("id-1"));
}

TEST_F(PairwisePipeline, Invariant08_AMetadataFileThatIsDamagedStopsTheKeyAndIsLeft) {
  const std::string path = directory_.path() / "state/hmac-keys/pairwise.json";
  const std::string good = test::read_text(path);
  test::write_text(path, "{}");
  HmacKeyTable fresh(directory_ / "state", tokens_);
  int stopped = 0;
  fresh.on_stopped = [&](const HmacKeyEntry&) { ++stopped; };
  fresh.load(configuration().hmac_keys);
  EXPECT_TRUE(fresh.find("pairwise")->stopped);
  EXPECT_EQ(stopped, 1);
  std::optional<Result<void>> made;
  fresh.create(*fresh.find("pairwise"), clock_.wall(), [&](const Result<void>& done) { made = done; });
  ASSERT_TRUE(made);
  EXPECT_FALSE(*made);
  EXPECT_EQ(test::read_text(path), "{}");
  test::write_text(path, good);
  fresh.load(configuration().hmac_keys);
  EXPECT_TRUE(run_until([&] { return fresh.find("pairwise")->ready; }));
}

TEST_F(PairwisePipeline, AKeyDoesNotMoveToAnotherToken) {
  auto keys = configuration().hmac_keys;
  keys[0].token = "other";
  hmac_keys_->load(keys);
  EXPECT_TRUE(hmac_keys_->find("pairwise")->stopped);
  EXPECT_NE(hmac_keys_->find("pairwise")->reason.find("metadata names token main"), std::string::npos);
  EXPECT_EQ(answer(ask()).error().code, ErrorCode::kTokenUnavailable);
}

using WithoutAnHmacKey = PipelineUnderTest;

// Its metadata would name a token that does not hold it.
TEST_F(WithoutAnHmacKey, AKeyThatWasAskedForBeforeAReloadNamedAnotherTokenIsNotUsed) {
  std::optional<Result<void>> made;
  hmac_keys_->create(*hmac_keys_->find("pairwise"), clock_.wall(), [&](const Result<void>& done) { made = done; });
  hmac_keys_->load({{"pairwise", "other"}});
  ASSERT_TRUE(run_until([&] { return made.has_value(); }));
  ASSERT_FALSE(*made);
  EXPECT_NE(made->error().text.find("has changed"), std::string::npos) << made->error().text;
  EXPECT_EQ(hmac_keys_->find("pairwise")->active, nullptr);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "state/hmac-keys/pairwise.json"));
}

TEST_F(WithoutAnHmacKey, ItsProfilesAreRefusedWithTheWayOutAndOthersAreNot) {
  const Answer refused = issue(seconds(20), kPairwise);
  ASSERT_TRUE(refused->has_value()) << "at once";
  ASSERT_FALSE(**refused);
  EXPECT_EQ((*refused)->error().code, ErrorCode::kTokenUnavailable);
  EXPECT_NE((*refused)->error().reason.find("signerctl key create pairwise"), std::string::npos)
      << (*refused)->error().reason;
  const Answer other = issue();
  ASSERT_TRUE(run_until([&] { return other->has_value(); }));
  EXPECT_TRUE(**other);
}

}  // namespace
}  // namespace signer::pipeline
