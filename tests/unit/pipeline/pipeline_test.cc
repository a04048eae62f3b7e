// SPDX-License-Identifier: Apache-2.0
//
// A signed token must not leave before its record is on disk.  End to end the page cache hides a sync that is missing;
// here the disk tells.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "tests/support/disk.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace signer::pipeline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PipelineUnderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(directory_ / "fake");
    token::TokenSettings settings;
    settings.spec.name = "main";
    settings.spec.uri = directory_ / "fake";
    settings.spec.sessions = 2;
    settings.spec.latch_file = directory_ / "latch.json";
    settings.program = {FAKE_HOST_PROGRAM, {"host", "--workers"}, {}};
    tokens_["main"] = std::make_unique<token::TokenService>(loop_, clock_, std::move(settings));

    audit::AuditOptions options{directory_ / "audit"};
    options.open_segment = disk_.opener();
    options.retry_every = milliseconds(10);
    audit_ = audit::AuditLog::open(std::move(options), [this] {
               boost::asio::post(loop_, [this] { pipeline_->audit_woke(); });
             }).value();
    keys_ = std::make_unique<KeyTable>(directory_ / "state", tokens_);
    pipeline_ = std::make_unique<Pipeline>(loop_, clock_, *audit_, *keys_, metrics_);
    pipeline_->set_policy(policy::Policy::build(configuration(), {}, {}).value());
    token::TokenEvents events;
    events.begun = [this](std::uint64_t record) { pipeline_->flush_audit(record); };
    token().listen(std::move(events));
    ASSERT_TRUE(keys_->load(configuration().keys));
    token().start();
    ASSERT_TRUE(run_until([this] { return token().ready(); }));
    bool made = false;
    keys_->create(*keys_->find("issuer"), clock_.wall(),
                  [&](const Result<void>& created) { made = created.has_value(); });
    ASSERT_TRUE(run_until([&] { return made; }));
  }

  void TearDown() override {
    disk_.heal();
    disk_.release_syncs();
    token().stop(clock_.steady() + seconds(5));
  }

  static config::Config configuration() {
    config::Config config;
    config.file = "test.toml";
    config::Key key;
    key.name = "issuer";
    key.tokens = {"main"};
    config.keys.push_back(key);
    config::Profile profile;
    profile.name = "access";
    profile.typ = "at+jwt";
    profile.issuer = "https://idp.example";
    profile.audiences = {"https://api.example"};
    profile.max_ttl = seconds(900);
    config.profiles.push_back(std::move(profile));
    config::Match match;
    match.uid = 1;
    config.grants.push_back({"g", match, {"issuer"}, {"access"}, {Verb::kIssue}, std::nullopt});
    match.uid = 3;
    config.grants.push_back({"few", match, {"issuer"}, {"access"}, {Verb::kIssue}, std::nullopt, kPlaces});
    return config;
  }

  // How many requests of `uid` find a place now.  Leaves them under way.
  std::size_t places_of(uid_t uid) {
    std::size_t found = 0;
    for (Answer answer = issue(seconds(20), uid); !answer->has_value(); answer = issue(seconds(20), uid)) ++found;
    return found;
  }

  static constexpr std::size_t kPlaces = 3;
  static constexpr uid_t kFew = 3;  // the uid whose grant has so many

  token::TokenService& token() { return *tokens_["main"]; }

  using Answer = std::shared_ptr<std::optional<Judged<IssuedToken>>>;

  Answer issue(milliseconds patience = seconds(20), uid_t uid = 1, const jose::Json& claims = {{"sub", "x"}}) {
    auto answer = std::make_shared<std::optional<Judged<IssuedToken>>>();
    const RequestContext context{"0123456789abcdef", {uid, 1, 4242, {}, "/s"}, clock_.steady() + patience};
    pipeline_->issue(context, {"issuer", std::nullopt, claims},
                     [answer](Judged<IssuedToken> result) { answer->emplace(std::move(result)); });
    return answer;
  }

  template <class Condition>
  bool run_until(Condition done, milliseconds limit = seconds(20)) {
    const auto deadline = clock_.steady() + limit;
    while (!done() && clock_.steady() < deadline) {
      loop_.restart();
      loop_.run_one_for(milliseconds(10));
    }
    return done();
  }

  test::TemporaryDirectory directory_;
  test::Disk disk_;
  SystemClock clock_;
  Metrics metrics_;
  boost::asio::io_context loop_{1};
  Tokens tokens_;
  std::unique_ptr<audit::AuditLog> audit_;
  std::unique_ptr<KeyTable> keys_;
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(PipelineUnderTest, Invariant01_NoTokenLeavesBeforeItsRecordIsOnDisk) {
  disk_.hold_syncs();
  std::vector<Answer> answers;
  for (int i = 0; i < 6; ++i) answers.push_back(issue());
  ASSERT_TRUE(run_until([this] { return token().status().signatures == 6 && disk_.a_sync_waits(); }));
  loop_.restart();
  loop_.run_for(milliseconds(50));
  for (const Answer& answer : answers) EXPECT_FALSE(answer->has_value()) << "signed, but on no disk";
  EXPECT_EQ(pipeline_->under_way(), 6U);
  disk_.release_syncs();
  ASSERT_TRUE(run_until([&] {
    return std::all_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer->has_value(); });
  }));
  for (const Answer& answer : answers) {
    ASSERT_TRUE(**answer) << (*answer)->error().reason;
    EXPECT_LT((**answer)->audit_index(), disk_.synced_lines());
  }
  EXPECT_EQ(pipeline_->under_way(), 0U);
}

TEST_F(PipelineUnderTest, Invariant01_ALogThatFailsReleasesNothingAndRecovers) {
  disk_.fail_from(1);
  const Answer refused = issue();
  ASSERT_TRUE(run_until([&] { return refused->has_value(); }));
  ASSERT_FALSE(**refused);
  EXPECT_EQ((*refused)->error().code, ErrorCode::kInternal);
  const Answer at_once = issue();
  ASSERT_TRUE(at_once->has_value()) << "known to fail, so nothing is signed";
  EXPECT_FALSE(**at_once);
  disk_.heal();
  ASSERT_TRUE(run_until([this] { return audit_->healthy(); }));
  const Answer again = issue();
  ASSERT_TRUE(run_until([&] { return again->has_value(); }));
  EXPECT_TRUE(**again);
}

TEST_F(PipelineUnderTest, ADiskThatHangsHoldsNobodyBeyondTheDeadline) {
  disk_.hold_syncs();
  const Answer late = issue(milliseconds(200));
  ASSERT_TRUE(run_until([&] { return late->has_value(); }));
  ASSERT_FALSE(**late);
  EXPECT_EQ((*late)->error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(pipeline_->under_way(), 0U);
}

TEST_F(PipelineUnderTest, RecordsOfJobsThatWaitBecomeDurableTogether) {
  const int before = disk_.syncs();
  std::vector<Answer> answers;
  for (int i = 0; i < 64; ++i) answers.push_back(issue());
  ASSERT_TRUE(run_until([&] {
    return std::all_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer->has_value(); });
  }));
  EXPECT_LE(disk_.syncs() - before, 32) << "not one for each";
}

TEST_F(PipelineUnderTest, Invariant10_BeyondItsPlacesACallerIsRefusedAtOnceAndOthersAreNot) {
  disk_.hold_syncs();
  EXPECT_EQ(places_of(kFew), kPlaces);
  const Answer beyond = issue(seconds(20), kFew);
  ASSERT_TRUE(beyond->has_value());
  EXPECT_EQ((*beyond)->error().code, ErrorCode::kRateLimited);
  EXPECT_EQ((*beyond)->error().reason, "concurrency of grant few");
  const Answer other = issue();
  EXPECT_FALSE(other->has_value()) << "is under way";
  disk_.release_syncs();
  ASSERT_TRUE(run_until([this] { return pipeline_->under_way() == 0; }));
  EXPECT_TRUE(**other);
}

// Whatever becomes of a request, its place comes back; one that leaks shuts a caller out until a restart.
TEST_F(PipelineUnderTest, APlaceComesBackOnEveryPath) {
  const auto all_back = [this] {
    if (!run_until([this] { return pipeline_->under_way() == 0; })) return false;
    disk_.hold_syncs();
    const std::size_t found = places_of(kFew);
    disk_.release_syncs();
    return run_until([this] { return pipeline_->under_way() == 0; }) && found == kPlaces;
  };
  EXPECT_TRUE(all_back());
  EXPECT_TRUE(all_back()) << "after good ones";

  for (std::size_t i = 0; i < kPlaces; ++i)
    EXPECT_EQ((*issue(seconds(20), kFew, {{"exp", 1}}))->error().code, ErrorCode::kClaimPolicy);
  EXPECT_TRUE(all_back()) << "after claims that were refused";

  disk_.hold_syncs();
  std::vector<Answer> late;
  for (std::size_t i = 0; i < kPlaces; ++i) late.push_back(issue(milliseconds(200), kFew));
  ASSERT_TRUE(run_until(
      [&] { return std::all_of(late.begin(), late.end(), [](const Answer& answer) { return answer->has_value(); }); }));
  disk_.release_syncs();
  for (const Answer& answer : late) EXPECT_EQ((*answer)->error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(all_back()) << "after a deadline";

  disk_.fail_from(1);
  const Answer unrecorded = issue(seconds(20), kFew);
  ASSERT_TRUE(run_until([&] { return unrecorded->has_value(); }));
  EXPECT_FALSE(**unrecorded);
  for (std::size_t i = 0; i < kPlaces; ++i) EXPECT_FALSE(**issue(seconds(20), kFew)) << "the log has failed";
  disk_.heal();
  ASSERT_TRUE(run_until([this] { return audit_->healthy(); }));
  EXPECT_TRUE(all_back()) << "after a log that failed";

  const Answer hopeless = issue(milliseconds(0), kFew);
  ASSERT_TRUE(run_until([&] { return hopeless->has_value(); }));
  EXPECT_FALSE(**hopeless);
  EXPECT_TRUE(all_back()) << "after a request that was late from the beginning";
}

TEST_F(PipelineUnderTest, WhoHasTheReplyFindsThePlaceFree) {
  bool again = false;
  const RequestContext context{"0123456789abcdef", {kFew, 1, 4242, {}, "/s"}, clock_.steady() + seconds(20)};
  std::vector<Answer> others;
  for (std::size_t i = 1; i < kPlaces; ++i) others.push_back(issue(seconds(20), kFew));
  pipeline_->issue(context, {"issuer", std::nullopt, {{"sub", "x"}}}, [&](const Judged<IssuedToken>& result) {
    EXPECT_TRUE(result);
    again = !issue(seconds(20), kFew)->has_value();
  });
  ASSERT_TRUE(run_until([this] { return pipeline_->under_way() == 0; }));
  EXPECT_TRUE(again);
}

TEST_F(PipelineUnderTest, Invariant03_ACallerWithoutAGrantCausesNoWork) {
  const RequestContext context{"0123456789abcdef", {2, 2, 4242, {}, "/s"}, clock_.steady() + seconds(5)};
  std::optional<ErrorCode> code;
  pipeline_->issue(context, {"issuer", std::nullopt, {{"sub", "x"}}},
                   [&](const Judged<IssuedToken>& result) { code = result.error().code; });
  EXPECT_EQ(code, ErrorCode::kDenied);
  EXPECT_EQ(token().status().queued, 0U);
  EXPECT_EQ(token().status().signatures, 0U);
  EXPECT_TRUE(run_until([this] { return disk_.synced_lines() == 1; })) << "and is recorded";
}

}  // namespace
}  // namespace signer::pipeline
