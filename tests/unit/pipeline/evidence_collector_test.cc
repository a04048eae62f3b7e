// SPDX-License-Identifier: Apache-2.0
//
// Evidence bundles as the daemon makes them.  What an auditor gets must be the token's own words, tied to the nonce and
// to the daemon, signed by the key, and on record.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/evidence_collector.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/hex.h"
#include "evidence/bundle.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/support/process.h"
#include "tests/support/signing_pipeline.h"

namespace signer::pipeline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class EvidenceCollectorUnderTest : public test::SigningPipeline {
 protected:
  EvidenceCollectorUnderTest() : SigningPipeline({}) {}

  void SetUp() override {
    SigningPipeline::SetUp();
    checkpointer_ = std::make_unique<Checkpointer>(loop_, clock_, *audit_, *keys_, metrics_, seconds(3600));
    collector_ = std::make_unique<EvidenceCollector>(loop_, clock_, *audit_, *keys_, *checkpointer_, metrics_,
                                                     DaemonIdentity{"1.2.3", "b01d"});
    collector_->set_config("the-configuration");
    on_audit_woke_ = [this] { collector_->audit_woke(); };
  }

  using Answer = std::shared_ptr<std::optional<Judged<EvidenceBundle>>>;

  Answer collect(milliseconds patience = seconds(20), const std::string& key = "issuer") {
    auto answer = std::make_shared<std::optional<Judged<EvidenceBundle>>>();
    const RequestContext context{
        "0123456789abcdef", {7, 1, 4242, {}, "/s"}, clock_.steady() + patience, clock_.steady()};
    collector_->collect(context, {key, kNonce, channel::Probes::kReadOnly, "auditors"},
                        [answer](Judged<EvidenceBundle> bundle) { answer->emplace(std::move(bundle)); });
    return answer;
  }

  // The refusal that a collection ends in.
  ErrorCode refusal_of(const Answer& answer) {
    EXPECT_TRUE(run_until([&] { return answer->has_value(); }));
    EXPECT_FALSE(**answer);
    return **answer ? ErrorCode::kInvalidRequest : (*answer)->error().code;
  }

  // The records of this event, once so many records in all are on disk: what is being written makes no sense yet.
  std::vector<jose::Json> records(const std::string& event, std::uint64_t all) {
    EXPECT_TRUE(run_until([&] { return audit_->size() >= all; }));
    std::vector<jose::Json> found;
    for (const std::string& line : test::lines_in(directory_ / "audit")) {
      jose::Json record = jose::Json::parse(line);
      if (record["event"] == event) found.push_back(std::move(record));
    }
    return found;
  }

  // How many times the host was asked for evidence, or for signatures.
  std::size_t counted(const std::string& what) { return test::slurp(directory_ / ("fake/" + what)).size(); }

  void ask_for(const std::string& fault, const std::string& text = "") {
    std::ofstream(directory_ / ("fake/" + fault)) << text;
  }

  // A second token, that holds key "other".
  void add_other_token() {
    std::filesystem::create_directory(directory_ / "fake-other");
    token::TokenSettings settings;
    settings.spec.name = "other";
    settings.spec.uri = directory_ / "fake-other";
    settings.spec.latch_file = directory_ / "latch-other.json";
    settings.program = {FAKE_HOST_PROGRAM, {"host", "--workers"}, {}};
    other_ = (tokens_["other"] = std::make_unique<token::TokenService>(loop_, clock_, std::move(settings))).get();
    other_->start();
    ASSERT_TRUE(run_until([this] { return other_->ready(); }));
    config::Key key;
    key.name = "other";
    key.kind = jose::KeyKind::kP256;
    key.tokens = {"other"};
    config_.keys.push_back(std::move(key));
    ASSERT_TRUE(keys_->load(config_.keys));
    bool made = false;
    keys_->create(*keys_->find("other"), clock_.wall(), [&](const Result<void>& done) { made = done.has_value(); });
    ASSERT_TRUE(run_until([&] { return made; }));
  }

  // What the host answers from now on.
  void host_answers(const std::string& evidence) { std::ofstream(directory_ / "fake/evidence") << evidence; }

  void TearDown() override {
    SigningPipeline::TearDown();
    if (other_ != nullptr) other_->stop(clock_.steady() + seconds(5));
    on_audit_woke_ = nullptr;
  }

  static inline const Bytes kNonce = Bytes(16, 0xab);

  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<EvidenceCollector> collector_;
  token::TokenService* other_ = nullptr;
};

TEST_F(EvidenceCollectorUnderTest, ABundleSaysWhatTheTokenSaidAndIsSignedByItsKey) {
  std::ofstream(directory_ / "vendor.pem") << "manufacturer's words";
  keys_->find("issuer")->config.vendor_evidence = directory_ / "vendor.pem";
  const Answer answer = collect();
  ASSERT_TRUE(run_until([&] { return answer->has_value(); }));
  ASSERT_TRUE(**answer) << (*answer)->error().reason;
  const auto bundle = evidence::read_bundle((**answer)->file());
  ASSERT_TRUE(bundle) << bundle.error().text;

  const jose::Json& statement = bundle->statement;
  const ActiveKey& key = *keys_->find("issuer")->active;
  EXPECT_EQ(statement["format"], "signer-evidence/1");
  EXPECT_EQ(statement["fmt"], "pkcs11");
  EXPECT_EQ(statement["nonce"], jose::base64url_encode(kNonce));
  EXPECT_EQ(statement["key"], "issuer");
  EXPECT_EQ(statement["kid"], key.version.kid);
  EXPECT_EQ(statement["jwk"], jose::to_jwk(key.version.public_key));
  EXPECT_EQ(statement["daemon"],
            (jose::Json{{"version", "1.2.3"}, {"build_id", "b01d"}, {"config_sha256", "the-configuration"}}));
  EXPECT_FALSE(statement.contains("audit")) << "there is no checkpoint";
  const std::string vendor = "manufacturer's words";
  EXPECT_EQ(statement["vendor"]["data"], jose::base64url_encode(bytes_of(vendor)));
  EXPECT_EQ(statement["vendor"]["sha256"], to_hex(jose::sha256(bytes_of(vendor))));
  const auto context = evidence::context_of(key.version.kid, "the-configuration", "", bytes_of(vendor));
  EXPECT_EQ(statement["pkcs11"], (jose::Json{{"nonce", to_hex(kNonce)}, {"context", to_hex(context)}, {"probes", 1}}));

  const std::size_t dot = bundle->jws.rfind('.');
  const std::string input = bundle->jws.substr(0, dot);
  EXPECT_EQ(input,
            evidence::signing_input("RS256", key.version.kid, jose::base64url_encode(kNonce), bundle->statement_text));
  EXPECT_TRUE(key.verifier.verify(bytes_of(input), jose::base64url_decode(bundle->jws.substr(dot + 1)).value()));
  EXPECT_EQ(metrics_.evidence_bundles, 1U);
}

TEST_F(EvidenceCollectorUnderTest, Invariant01_ABundleThatGoesOutIsOnRecord) {
  disk_.hold_syncs();
  const Answer answer = collect();
  ASSERT_TRUE(run_until([&] { return test::slurp(directory_ / "fake/signatures").size() == 1; }));
  EXPECT_FALSE(run_until([&] { return answer->has_value(); }, milliseconds(100))) << "its record is not durable";
  disk_.release_syncs();
  ASSERT_TRUE(run_until([&] { return answer->has_value(); }));
  ASSERT_TRUE(**answer);
  const auto found = records("evidence", 2);
  ASSERT_EQ(found.size(), 1U);
  const jose::Json& record = found.front();
  EXPECT_EQ(record["index"], (**answer)->audit_index());
  EXPECT_EQ(record["uid"], 7);
  EXPECT_EQ(record["grant"], "auditors");
  EXPECT_EQ(record["key"], "issuer");
  EXPECT_EQ(record["kid"], keys_->find("issuer")->active->version.kid);
  const auto bundle = evidence::read_bundle((**answer)->file());
  const std::string input = bundle->jws.substr(0, bundle->jws.rfind('.'));
  EXPECT_EQ(record["input_sha256"], jose::base64url_encode(jose::sha256(bytes_of(input))));
}

TEST_F(EvidenceCollectorUnderTest, Invariant01_WithoutAnAuditLogNothingIsSigned) {
  disk_.fail_from(1);
  const Answer first = collect();
  EXPECT_EQ(refusal_of(first), ErrorCode::kInternal);
  disk_.heal();
  ASSERT_TRUE(run_until([&] { return audit_->healthy(); }));
  EXPECT_EQ(records("fail", 3).size(), 1U) << "nothing came of the record before it";
  const Answer second = collect();
  ASSERT_TRUE(run_until([&] { return second->has_value(); }));
  EXPECT_TRUE(**second);
}

TEST_F(EvidenceCollectorUnderTest, Invariant02_ASignatureThatDoesNotVerifyIsNotReleased) {
  std::ofstream(directory_ / "fake/flip") << "";
  EXPECT_EQ(refusal_of(collect()), ErrorCode::kInternal);
  EXPECT_EQ(metrics_.self_check_failures, 1U);
  EXPECT_EQ(metrics_.evidence_bundles, 0U);
  EXPECT_EQ(records("fail", 3).size(), 1U);
}

TEST_F(EvidenceCollectorUnderTest, WhatAHostSaysThatIsNoObjectGoesIntoNoBundle) {
  for (const char* nonsense : {"[]", "{", "{\"a\":1,\"a\":2}", "{\"a\":1e999}", "nothing"}) {
    host_answers(nonsense);
    EXPECT_EQ(refusal_of(collect()), ErrorCode::kInternal) << nonsense;
    ASSERT_TRUE(run_until([&] { return token().ready(); })) << "another host is there";
  }
  EXPECT_EQ(test::slurp(directory_ / "fake/signatures"), "") << "nothing was signed";
  host_answers("{}");
  const Answer answer = collect();
  ASSERT_TRUE(run_until([&] { return answer->has_value(); }));
  EXPECT_TRUE(**answer);
}

TEST_F(EvidenceCollectorUnderTest, OneAtATimeAndRefusalsSayWhatToDo) {
  const Answer first = collect();
  EXPECT_EQ(refusal_of(collect()), ErrorCode::kOverloaded);
  ASSERT_TRUE(run_until([&] { return first->has_value(); }));
  EXPECT_TRUE(**first);
  EXPECT_EQ(refusal_of(collect(seconds(20), "nobody")), ErrorCode::kNotFound);
  host_answers("");
  EXPECT_EQ(refusal_of(collect()), ErrorCode::kInternal) << "a driver without evidence";
  keys_->find("issuer")->config.vendor_evidence = directory_ / "absent.pem";
  EXPECT_EQ(refusal_of(collect()), ErrorCode::kInternal);
}

TEST_F(EvidenceCollectorUnderTest, Invariant08_AKeyThatMayNotSignSignsNoEvidence) {
  KeyEntry& key = *keys_->find("issuer");
  key.awaits_inspection = true;
  const Answer awaiting = collect();
  EXPECT_EQ(refusal_of(awaiting), ErrorCode::kTokenUnavailable) << "a reload brought it and nobody has looked yet";
  EXPECT_EQ((*awaiting)->error().retry_after, seconds(1));
  key.awaits_inspection = false;
  ask_for("weakened");
  keys_->check_token(token());
  ASSERT_TRUE(run_until([this] { return !token().has_calls(); }));
  const Answer stopped = collect();
  EXPECT_EQ(refusal_of(stopped), ErrorCode::kTokenUnavailable);
  EXPECT_EQ((*stopped)->error().detail, "the key is stopped; an operator must look at it") << "and no reasons";
  EXPECT_EQ((*stopped)->error().reason, key.reason);
  EXPECT_EQ((*stopped)->error().retry_after, seconds(60));
  EXPECT_EQ(counted("attests") + counted("signatures"), 0U);

  std::filesystem::remove(directory_ / "fake/weakened");
  keys_->check_token(token());
  ASSERT_TRUE(run_until([this] { return !token().has_calls(); }));
  const Answer good = collect();
  ASSERT_TRUE(run_until([&] { return good->has_value(); }));
  EXPECT_TRUE(**good) << "a key that was found good again";
}

TEST_F(EvidenceCollectorUnderTest, Invariant08_AKeyThatIsFoundWeakenedWhileTheTokenIsAskedSignsNoEvidence) {
  ask_for("slow-inspection", "50");
  ask_for("weakened");
  keys_->check_token(token());
  const Answer answer = collect();
  EXPECT_FALSE(answer->has_value()) << "nobody knows of it yet";
  EXPECT_EQ(refusal_of(answer), ErrorCode::kTokenUnavailable);
  EXPECT_EQ(counted("attests"), 1U) << "the token was asked";
  EXPECT_EQ(counted("signatures"), 0U);
  EXPECT_TRUE(records("evidence", 0).empty()) << "no intent, for nothing was to be signed";
}

TEST_F(EvidenceCollectorUnderTest, Invariant08_AKeyThatIsFoundWeakenedBeforeItHasSignedGivesNoEvidence) {
  ask_for("slow-attest", "50");
  ask_for("slow", "300");
  const Answer answer = collect();
  keys_->check_token(token());
  ask_for("weakened");
  ASSERT_TRUE(run_until([this] { return keys_->find("issuer")->stopped; }));
  ASSERT_TRUE(answer->has_value()) << "at once, not after the signature";
  ASSERT_FALSE(**answer);
  EXPECT_EQ((*answer)->error().code, ErrorCode::kTokenUnavailable);
  EXPECT_EQ(records("fail", 2).size(), 1U) << "nothing came of the record before it";
  EXPECT_EQ(metrics_.evidence_bundles, 0U);
}

TEST_F(EvidenceCollectorUnderTest, AKeyThatAReloadTookAwayWhileTheTokenIsAskedSignsNoEvidence) {
  ask_for("slow-attest", "50");
  const Answer answer = collect();
  ASSERT_TRUE(keys_->load({}));
  EXPECT_EQ(refusal_of(answer), ErrorCode::kNotFound);
  EXPECT_EQ(counted("attests"), 1U);
  EXPECT_EQ(counted("signatures"), 0U);
}

TEST_F(EvidenceCollectorUnderTest, ShortDeadlinesLeaveOneQuestionWithTheHost) {
  ask_for("slow-attest", "200");
  EXPECT_EQ(refusal_of(collect(milliseconds(20))), ErrorCode::kDeadlineExceeded) << "though the host is at it";
  for (int i = 0; i < 100; ++i) {
    const Answer refused = collect(milliseconds(1));
    ASSERT_TRUE(refused->has_value()) << "at once";
    ASSERT_FALSE(**refused);
    EXPECT_EQ((*refused)->error().code, ErrorCode::kOverloaded);
    EXPECT_EQ((*refused)->error().retry_after, seconds(5));
  }
  ASSERT_TRUE(run_until([this] { return !token().has_calls(); }));
  EXPECT_EQ(counted("attests"), 1U);
  EXPECT_EQ(counted("signatures"), 0U) << "nobody waits for one";
  const Answer answer = collect();
  ASSERT_TRUE(run_until([&] { return answer->has_value(); }));
  EXPECT_TRUE(**answer) << "the host has answered";
  EXPECT_EQ(counted("attests"), 2U);
}

TEST_F(EvidenceCollectorUnderTest, WhatTheHostWasNotAskedInTimeItIsNotAskedAtAll) {
  EXPECT_EQ(refusal_of(collect(milliseconds(0))), ErrorCode::kDeadlineExceeded);
  ask_for("slow-inspection", "200");
  keys_->check_token(token());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(refusal_of(collect(milliseconds(10))), ErrorCode::kDeadlineExceeded) << "the token's place is free again";
    loop_.restart();
    loop_.poll();  // the token drops the call at the same deadline
  }
  EXPECT_TRUE(token().has_calls()) << "the inspection took less than the test expects";
  const Answer patient = collect();
  ASSERT_TRUE(run_until([&] { return patient->has_value(); }));
  EXPECT_TRUE(**patient);
  EXPECT_EQ(counted("attests"), 1U) << "that of the patient one";
}

TEST_F(EvidenceCollectorUnderTest, ASlowTokenDoesNotHoldUpTheEvidenceOfAnother) {
  add_other_token();
  ask_for("slow-attest", "10000");
  const Answer slow = collect();
  const Answer other = collect(seconds(20), "other");
  EXPECT_EQ(refusal_of(collect(seconds(20), "other")), ErrorCode::kOverloaded);
  ASSERT_TRUE(run_until([&] { return other->has_value(); }));
  ASSERT_TRUE(**other) << (*other)->error().reason;
  EXPECT_FALSE(slow->has_value());
  EXPECT_EQ(refusal_of(collect()), ErrorCode::kOverloaded) << "its own place is still taken";
  EXPECT_EQ(evidence::read_bundle((**other)->file())->statement["key"], "other");
  token().distrust("the test says so");
  EXPECT_EQ(refusal_of(slow), ErrorCode::kTokenUnavailable);
}

TEST_F(EvidenceCollectorUnderTest, AHostThatIsLostFreesThePlaceOfACallerThatHasGone) {
  ask_for("slow-attest", "10000");
  EXPECT_EQ(refusal_of(collect(milliseconds(10))), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(refusal_of(collect()), ErrorCode::kOverloaded);
  std::filesystem::remove(directory_ / "fake/slow-attest");
  token().distrust("the test says so");
  ASSERT_TRUE(run_until([this] { return token().ready(); }));
  const Answer answer = collect();
  ASSERT_TRUE(run_until([&] { return answer->has_value(); }));
  EXPECT_TRUE(**answer);
}

TEST_F(EvidenceCollectorUnderTest, WhatComesAfterTheDeadlineIsThrownAwayAndTheNextOneIsServed) {
  std::ofstream(directory_ / "fake/slow") << "200";
  EXPECT_EQ(refusal_of(collect(milliseconds(60))), ErrorCode::kDeadlineExceeded);
  std::filesystem::remove(directory_ / "fake/slow");
  const Answer answer = collect();
  ASSERT_TRUE(run_until([&] { return answer->has_value(); }));
  EXPECT_TRUE(**answer);
}

}  // namespace
}  // namespace signer::pipeline
