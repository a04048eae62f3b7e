// SPDX-License-Identifier: Apache-2.0
//
// Compressing and giving up segments.  Without these a crash or a full disk at the wrong moment could lose records that
// must be kept for six years.

#include "audit/retention.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "audit/recovery.h"
#include "tests/unit/audit/tampered_log.h"

namespace signer::test {
namespace {

namespace fs = std::filesystem;

class Retention : public TamperedLog {
 protected:
  Retention() { log_.write(directory_.path()); }

  [[nodiscard]] std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory_.path()), {}));
  }
};

TEST_F(Retention, CompressesClosedSegmentsAndKeepsTheirMode) {
  ASSERT_EQ(::chmod(path(0).c_str(), 0640), 0);
  const auto kept = audit::compress_segments(directory_.path());
  ASSERT_TRUE(kept) << kept.error().text;
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().name, audit::segment_name(0));
  EXPECT_LT(kept->front().bytes_after, kept->front().bytes_before);
  EXPECT_EQ(fs::status(path(0) + ".gz").permissions(), static_cast<fs::perms>(0640));
  EXPECT_EQ(file_count(), 3U) << "nothing else is left behind";
  EXPECT_FALSE(check().finding);
}

// What a crash can leave: a file in the making, and both files.
TEST_F(Retention, GoesOnWhereACrashLeftIt) {
  write_text(path(0) + ".gz.partial", "half");
  write_text(path(0) + ".gz", "half too");
  EXPECT_FALSE(check().finding) << "the plain one counts";
  ASSERT_TRUE(audit::compress_segments(directory_.path()));
  EXPECT_EQ(file_count(), 3U);
  const audit::Verdict verdict = check();
  EXPECT_FALSE(verdict.finding);
  EXPECT_EQ(verdict.size, 12U);
}

TEST_F(Retention, LeavesASegmentThatIsNotWhole) {
  const std::string whole = read_text(path(0));
  for (const std::string& damaged :
       {whole + "torn", whole.substr(0, whole.size() - 1), whole + std::string(3, '\0') + "x",
        whole.substr(0, whole.rfind('{')), whole + std::string(70'000, 'x')}) {
    write_text(path(0), damaged);
    const auto kept = audit::compress_segments(directory_.path());
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, ErrorCode::kInvalidRequest) << kept.error().text;
    EXPECT_EQ(read_text(path(0)), damaged);
    EXPECT_EQ(file_count(), 3U);
  }
  write_text(path(0), whole + std::string(3, '\0'));
  EXPECT_TRUE(audit::compress_segments(directory_.path())) << "zeroes that nobody cut yet are no part of the log";
  EXPECT_FALSE(check().finding);
}

// Else signerd would take a log for one whose records are missing.
TEST_F(Retention, LeavesWhatAStartOfSignerdReads) {
  MadeLog log;
  log.add_issue();
  log.add_checkpoint();
  const std::string inside = log.newest();
  const std::string at_its_end = log.sign();
  log.begin_segment();
  log.add_issue();
  log.add_checkpoint();
  fs::remove(path(8));
  log.write(directory_.path());
  const auto compressed = [this](const std::string& checkpoint) {
    write_text(directory_ / "checkpoint", checkpoint);
    const auto kept = audit::compress_segments(directory_.path());
    EXPECT_TRUE(kept) << kept.error().text;
    const auto start = audit::recover(directory_.path());
    EXPECT_TRUE(start) << start.error().text;
    EXPECT_TRUE(start && start->tree.size() == 6);
    return kept ? kept->size() : 0;
  };
  EXPECT_EQ(compressed(inside), 0U) << "it ends in the first segment";
  EXPECT_EQ(compressed(at_its_end), 1U) << "it ends where the second begins";
  write_text(path(6), "");
  EXPECT_EQ(compressed(log.newest()), 0U) << "the last segment has no record yet";
  write_text(directory_ / "checkpoint", "none");
  const auto refused = audit::compress_segments(directory_.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
}

TEST_F(Retention, CompressesWhatIsClosedOfALogWithoutCheckpoints) {
  fs::remove(directory_ / "checkpoint");
  const auto kept = audit::compress_segments(directory_.path());
  ASSERT_TRUE(kept) << kept.error().text;
  EXPECT_EQ(kept->size(), 1U);
  const auto start = audit::recover(directory_.path());
  ASSERT_TRUE(start) << start.error().text;
  EXPECT_EQ(start->tree.size(), 12U);
}

TEST_F(Retention, LeavesThePlainSegmentIfTheCompressedOneCannotBeWritten) {
  const std::string whole = read_text(path(0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit little{64, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  const auto kept = audit::compress_segments(directory_.path());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::kInternal);
  EXPECT_EQ(read_text(path(0)), whole);
  EXPECT_EQ(file_count(), 3U);
}

TEST_F(Retention, MayDeleteNothingWithoutAGoodVerdictWithSignatures) {
  const std::string late = "9999";
  const audit::Verdict good = check();
  auto segments = audit::retirable_segments(directory_.path(), good, late);
  ASSERT_TRUE(segments);
  ASSERT_EQ(segments->size(), 1U);
  EXPECT_EQ(segments->front().first_index, 0U);
  audit::Verdict unchecked = good;
  unchecked.signatures_checked = false;
  audit::Verdict bad = good;
  bad.finding = audit::Finding{};
  audit::Verdict uncovered = good;
  uncovered.covered = 8;  // all records of the segment, but not the head of the one behind it
  for (const audit::Verdict& verdict : {unchecked, bad, uncovered}) {
    segments = audit::retirable_segments(directory_.path(), verdict, late);
    ASSERT_TRUE(segments);
    EXPECT_TRUE(segments->empty());
  }
  uncovered.covered = 9;
  EXPECT_EQ(audit::retirable_segments(directory_.path(), uncovered, late)->size(), 1U);
  EXPECT_TRUE(audit::retirable_segments(directory_.path(), good, made_time(7))->empty()) << "not older than that";
  EXPECT_EQ(audit::retirable_segments(directory_.path(), good, made_time(8))->size(), 1U);
}

// A clock that was set back dates the head of the next segment before all that this one holds.
TEST_F(Retention, KeepsARecordThatIsNewThoughTheNextSegmentBeginsInThePast) {
  MadeLog log;
  log.add({{"event", "start"}, {"time", "2033-01-01T00:00:00.000000Z"}});
  log.begin_segment();
  log.add_issue();
  log.add_checkpoint();
  log_ = log;
  fs::remove(path(8));
  log_.write(directory_.path());
  const audit::Verdict verdict = check();
  ASSERT_FALSE(verdict.finding);
  EXPECT_TRUE(audit::retirable_segments(directory_.path(), verdict, "2030")->empty());
  EXPECT_EQ(audit::retirable_segments(directory_.path(), verdict, "2034")->size(), 1U);
}

TEST_F(Retention, DeletesBothFormsOfASegment) {
  write_text(path(0) + ".gz", gzip(read_text(path(0))));
  ASSERT_TRUE(audit::delete_segments(*audit::retirable_segments(directory_.path(), check(), "9999")));
  EXPECT_EQ(file_count(), 2U);
  const audit::Verdict verdict = check();
  EXPECT_FALSE(verdict.finding);
  EXPECT_EQ(verdict.first_index, 8U);
}

}  // namespace
}  // namespace signer::test
