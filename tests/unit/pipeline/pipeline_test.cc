// SPDX-License-Identifier: Apache-2.0
//
// A signed token must not leave before its record is on disk.  End to end the page cache hides a sync that is missing;
// here the disk tells.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "base/file.h"
#include "jose/json.h"
#include "tests/support/process.h"
#include "tests/unit/pipeline/pipeline_under_test.h"

namespace signer::pipeline {
namespace {

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

// A disk that neither writes nor fails: nobody waits for it a second time, and nothing piles up behind it.
TEST_F(PipelineUnderTest, Invariant01_ADiskThatAnswersNothingStopsSigningUntilItMoves) {
  disk_.hold_syncs();
  const Answer hasty = issue(milliseconds(50));
  ASSERT_TRUE(run_until([&] { return hasty->has_value(); }));
  EXPECT_EQ((*hasty)->error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(pipeline_->audit_healthy()) << "one caller's haste is not the disk's fault";
  const Answer late = issue(milliseconds(1500));
  ASSERT_TRUE(run_until([&] { return late->has_value(); }));
  ASSERT_FALSE(**late);
  EXPECT_EQ((*late)->error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_FALSE(pipeline_->audit_healthy());
  const Answer at_once = issue();
  ASSERT_TRUE(at_once->has_value());
  EXPECT_EQ((*at_once)->error().code, ErrorCode::kInternal);
  disk_.release_syncs();
  ASSERT_TRUE(run_until([&] { return pipeline_->audit_healthy(); })) << "though nobody asks for anything";
  const Answer again = issue();
  ASSERT_TRUE(run_until([&] { return again->has_value(); }));
  EXPECT_TRUE(**again);
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
  ASSERT_TRUE(run_until([this] { return pipeline_->audit_healthy(); }));
  EXPECT_TRUE(all_back()) << "after a log that failed";

  const Answer hopeless = issue(milliseconds(0), kFew);
  ASSERT_TRUE(run_until([&] { return hopeless->has_value(); }));
  EXPECT_FALSE(**hopeless);
  EXPECT_TRUE(all_back()) << "after a request that was late from the beginning";
}

TEST_F(PipelineUnderTest, WhoHasTheReplyFindsThePlaceFree) {
  disk_.hold_syncs();  // so that all are released one after the other, this one first
  bool again = false;
  const RequestContext context{"0123456789abcdef", {kFew, 1, 4242, {}, "/s"}, clock_.steady() + seconds(20)};
  pipeline_->issue(context, {"issuer", std::nullopt, {{"sub", "x"}}}, [&](const Judged<IssuedToken>& result) {
    EXPECT_TRUE(result);
    again = !issue(seconds(20), kFew)->has_value();
  });
  std::vector<Answer> others;
  for (std::size_t i = 1; i < kPlaces; ++i) others.push_back(issue(seconds(20), kFew));
  ASSERT_TRUE(run_until([this] { return token().status().signatures == kPlaces; }));
  disk_.release_syncs();
  ASSERT_TRUE(run_until([this] { return pipeline_->under_way() == 0; }));
  EXPECT_TRUE(again);
}

// Who may send many addresses would else write a record as large as he likes.
TEST_F(PipelineUnderTest, ARecordNamesExemptionsUpToABoundAndCountsTheRest) {
  const auto [one, none] = exempted_of(1);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0], (jose::Json{{"rule", "phi.email"}, {"place", "/l/0"}, {"reason", kReason}}));
  EXPECT_EQ(none, 0U);
  const std::size_t each = std::string("phi.email/l/0").size() + kReason.size();
  const std::size_t most = (4096 - 10) / each;  // behind the tenth a place takes a byte more
  EXPECT_EQ(exempted_of(most).first.size(), most);
  EXPECT_EQ(exempted_of(most).second, 0U);
  const auto [many, more] = exempted_of(64);
  EXPECT_EQ(many.size(), most);
  EXPECT_EQ(more, 64 - most);
  EXPECT_TRUE(exempted_of(0).first.empty());
}

TEST_F(PipelineUnderTest, Invariant03_ACallerWithoutAGrantCausesNoWork) {
  const RequestContext context{"0123456789abcdef", {2, 2, 4242, {}, "/s"}, clock_.steady() + seconds(5)};
  std::optional<ErrorCode> code;
  pipeline_->issue(context, {"issuer", std::nullopt, {{"sub", "x"}}},
                   [&](const Judged<IssuedToken>& result) { code = result.error().code; });
  EXPECT_EQ(code, ErrorCode::kDenied);
  EXPECT_EQ(token().status().queued, 0U);
  EXPECT_EQ(token().status().signatures, 0U);
  EXPECT_TRUE(run_until([this] { return disk_.synced_lines() == 2; })) << "and is recorded";
}

}  // namespace
}  // namespace signer::pipeline
