// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: without them a log that was rewritten looks like one that was not.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/checkpointer.h"

#include <gtest/gtest.h>

#include "tests/support/process.h"
#include "tests/support/signing_pipeline.h"
#include "tlog/note.h"

namespace signer::pipeline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::lines_in;
using test::slurp;

class CheckpointerUnderTest : public test::SigningPipeline {
 protected:
  CheckpointerUnderTest() : SigningPipeline(configuration()) {}

  static config::Config configuration() {
    config::Config config;
    config.file = "test.toml";
    config::Key key;
    key.name = config::kCheckpointKey;
    key.tokens = {"main"};
    key.kind = jose::KeyKind::kP256;
    config.keys.push_back(std::move(key));
    return config;
  }

  void make_key() {
    bool made = false;
    keys_->create(*keys_->find(config::kCheckpointKey), clock_.wall(),
                  [&](const Result<void>& created) { made = created.has_value(); });
    ASSERT_TRUE(run_until([&] { return made; }));
  }

  std::unique_ptr<Checkpointer> checkpointer(milliseconds every) {
    auto made = std::make_unique<Checkpointer>(loop_, clock_, *audit_, *keys_, metrics_, every);
    made->on_checkpoint = [this](const std::string& note) { notes_.push_back(note); };
    on_audit_woke_ = [raw = made.get()] { raw->audit_woke(); };
    EXPECT_TRUE(made->start());
    return made;
  }

  void record() {
    audit::Record record;
    record.event = audit::Event::kReload;
    pipeline_->record_event(std::move(record));
  }

  tlog::NoteKey note_key() {
    return tlog::NoteKey::make(audit_->origin(), keys_->find(config::kCheckpointKey)->active->version.public_key)
        .value();
  }

  // The checkpoint, which must be good and be that of the lines on disk.
  std::uint64_t checked(const std::string& note) {
    const auto checkpoint = tlog::open_checkpoint(note, note_key());
    EXPECT_TRUE(checkpoint) << checkpoint.error().text;
    if (!checkpoint) return 0;
    tlog::Frontier tree;
    for (const std::string& line : lines_in(directory_ / "audit")) {
      if (tree.size() < checkpoint->size) tree.append(tlog::leaf_hash(line));
    }
    EXPECT_EQ(tree.size(), checkpoint->size);
    EXPECT_EQ(tree.root(), checkpoint->root);
    return checkpoint->size;
  }

  // Makes a record and its checkpoint, and gives that; nothing covers any more from then on.
  std::string one_checkpoint() {
    const auto checkpointer = this->checkpointer(milliseconds(10));
    record();
    EXPECT_TRUE(run_until([&] { return !notes_.empty() && checkpointer->uncovered() == 1; }));
    audit_->on_record = nullptr;
    on_audit_woke_ = nullptr;
    return notes_.empty() ? std::string() : notes_.back();
  }

  // As the next start of the daemon does.
  Result<void> start_again(KeyTable& keys) {
    pipeline_.reset();
    audit_.reset();
    audit_ = audit::AuditLog::open({directory_ / "audit"}, [] {}).value();
    return Checkpointer(loop_, clock_, *audit_, keys, metrics_, seconds(3600)).start();
  }

  void TearDown() override {
    on_audit_woke_ = nullptr;
    SigningPipeline::TearDown();
  }

  std::vector<std::string> notes_;
};

TEST_F(CheckpointerUnderTest, EachRecordIsCoveredSoonAndTheRecordOfACheckpointIsNoReasonForOne) {
  make_key();
  const auto checkpointer = this->checkpointer(milliseconds(20));
  EXPECT_TRUE(checkpointer->newest().empty());
  std::uint64_t covered = 0;
  for (int round = 0; round < 3; ++round) {
    record();
    record();
    const std::size_t before = notes_.size();
    ASSERT_TRUE(run_until([&] { return notes_.size() > before && checkpointer->uncovered() <= 1; }));
    const std::uint64_t size = checked(notes_.back());
    EXPECT_GT(size, covered);
    covered = size;
    EXPECT_EQ(checkpointer->newest(), notes_.back());
    EXPECT_TRUE(run_until([&] { return slurp(directory_ / "audit/checkpoint") == notes_.back(); }));
  }
  const std::size_t made = notes_.size();
  EXPECT_FALSE(run_until([&] { return notes_.size() > made; }, milliseconds(200))) << "nothing but its own record";
  EXPECT_EQ(metrics_.checkpoints, made);
  EXPECT_EQ(checkpointer->vkey(), note_key().to_vkey());
}

TEST_F(CheckpointerUnderTest, TheLogHoldsItsCheckpoints) {
  make_key();
  const auto checkpointer = this->checkpointer(milliseconds(10));
  record();
  ASSERT_TRUE(run_until([&] { return notes_.size() == 1; }));
  ASSERT_TRUE(run_until([&] { return audit_->size() == checked(notes_[0]) + 1; }));
  const jose::Json last = jose::parse_json(lines_in(directory_ / "audit").back()).value();
  EXPECT_EQ(last["event"], "checkpoint");
  EXPECT_EQ(last["note"], notes_[0]);
  EXPECT_EQ(last["size"], checked(notes_[0]));
  EXPECT_EQ(last["key"], config::kCheckpointKey);
}

TEST_F(CheckpointerUnderTest, WithoutAKeyRecordsGoOnAndAreCoveredOnceThereIsOne) {
  const auto checkpointer = this->checkpointer(milliseconds(10));
  record();
  ASSERT_TRUE(run_until([&] { return metrics_.checkpoint_failures >= 3; })) << "it is tried again and again";
  EXPECT_TRUE(notes_.empty());
  EXPECT_TRUE(checkpointer->vkey().empty());
  make_key();
  ASSERT_TRUE(run_until([&] { return !notes_.empty(); }));
  EXPECT_GE(checked(notes_.back()), 2U);
}

TEST_F(CheckpointerUnderTest, NothingThatIsNotDurableIsSigned) {
  make_key();
  const auto checkpointer = this->checkpointer(milliseconds(10));
  record();
  ASSERT_TRUE(run_until([&] { return notes_.size() == 1; }));
  ASSERT_TRUE(run_until([&] { return checkpointer->uncovered() == 1; }));
  disk_.hold_syncs();
  record();
  ASSERT_TRUE(run_until([&] { return disk_.a_sync_waits(); }));
  run_until([&] { return notes_.size() > 1; }, milliseconds(100));
  for (const std::string& note : notes_) EXPECT_LE(tlog::open_checkpoint(note, note_key())->size, 3U);
  disk_.release_syncs();
  ASSERT_TRUE(run_until([&] { return checked(notes_.back()) >= 4; }));
}

TEST_F(CheckpointerUnderTest, WhatASlowDiskHeldUpIsCoveredThoughNoRecordFollows) {
  make_key();
  const auto checkpointer = this->checkpointer(milliseconds(10));
  record();
  ASSERT_TRUE(run_until([&] { return notes_.size() == 1 && checkpointer->uncovered() == 1; }));
  disk_.hold_syncs();
  record();
  ASSERT_TRUE(run_until([&] { return disk_.a_sync_waits(); }));
  run_until([] { return false; }, milliseconds(200));  // the timer finds nothing new to sign, more than once
  disk_.release_syncs();
  ASSERT_TRUE(run_until([&] { return checked(notes_.back()) >= 4; }));
}

TEST_F(CheckpointerUnderTest, TheEndWaitsForTheLastRecordToBeCovered) {
  make_key();
  const auto checkpointer = this->checkpointer(seconds(3600));
  record();
  bool done = false;
  checkpointer->finish(clock_.steady() + seconds(20), [&] { done = true; });
  ASSERT_TRUE(run_until([&] { return done; }));
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_EQ(checked(notes_[0]), 2U);
  bool again = false;
  checkpointer->finish(clock_.steady() + seconds(20), [&] { again = true; });
  EXPECT_TRUE(again) << "nothing is left to cover";
}

TEST_F(CheckpointerUnderTest, TheEndDoesNotWaitForATokenThatIsGone) {
  make_key();
  const auto checkpointer = this->checkpointer(seconds(3600));
  record();
  test::write_text(directory_ / "fake/slow", "30000");
  bool done = false;
  checkpointer->finish(clock_.steady() + milliseconds(50), [&] { done = true; });
  EXPECT_TRUE(run_until([&] { return done; }));
  EXPECT_TRUE(notes_.empty());
  token().stop(clock_.steady() + milliseconds(10));  // answers the job: before the one who asked is gone
}

TEST_F(CheckpointerUnderTest, ASignatureThatIsNotGoodIsNotStored) {
  make_key();
  const auto checkpointer = this->checkpointer(milliseconds(10));
  test::write_text(directory_ / "fake/flip", "");
  record();
  ASSERT_TRUE(run_until([&] { return metrics_.self_check_failures >= 1; }));
  EXPECT_TRUE(notes_.empty());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "audit/checkpoint"));
  std::filesystem::remove(directory_ / "fake/flip");
  ASSERT_TRUE(run_until([&] { return !notes_.empty(); }));
  EXPECT_GE(checked(notes_.back()), 2U);
}

TEST_F(CheckpointerUnderTest, AnotherSignersCheckpointStopsTheStart) {
  make_key();
  const std::string note = one_checkpoint();
  EXPECT_TRUE(start_again(*keys_));
  // One character of the signature.
  std::string forged = note;
  char& changed = forged[forged.size() - 8];
  changed = changed == 'A' ? 'B' : 'A';
  test::write_text(directory_ / "audit/checkpoint", forged);
  const auto refused = start_again(*keys_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("not signed by the key"), std::string::npos) << refused.error().text;
}

TEST_F(CheckpointerUnderTest, ACheckpointWhoseKeyIsNotKnownStopsTheStartAndAsksForNoOther) {
  make_key();
  ASSERT_NE(one_checkpoint(), "");
  KeyTable without(directory_ / "other", tokens_);
  ASSERT_TRUE(without.load(config_.keys));
  const auto refused = start_again(without);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("restore the metadata"), std::string::npos) << refused.error().text;
  EXPECT_EQ(refused.error().text.find("key create"), std::string::npos) << refused.error().text;
  std::filesystem::remove(directory_ / "audit/checkpoint");
  EXPECT_TRUE(start_again(without)) << "a log that nobody signed yet waits for its key";
}

}  // namespace
}  // namespace signer::pipeline
