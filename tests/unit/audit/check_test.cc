// SPDX-License-Identifier: Apache-2.0
//
// The checker on logs that somebody tampered with.  Without these an auditor would be told that a log is whole which
// is not, or be sent to the wrong record.

#include <algorithm>
#include <filesystem>
#include <functional>

#include "tests/unit/audit/tampered_log.h"

namespace signer::test {
namespace {

using audit::Finding;
using audit::KeptCheckpoint;
using audit::Problem;
using audit::Verdict;

namespace fs = std::filesystem;

class Check : public TamperedLog {
 protected:
  Check() { log_.write(directory_.path()); }

  [[nodiscard]] Lines lines_of(std::size_t segment) const { return log_.segments()[segment].lines; }
};

TEST_F(Check, SaysOfAWholeLogHowFarItIsCovered) {
  for (const bool with_key : {true, false}) {
    const Verdict verdict = check(with_key);
    EXPECT_FALSE(verdict.finding) << testing::PrintToString(*verdict.finding);
    EXPECT_EQ(verdict.origin, MadeLog::kOrigin);
    EXPECT_EQ(verdict.first_index, 0U);
    EXPECT_EQ(verdict.size, 12U);
    EXPECT_EQ(verdict.covered, 11U) << "the record of the newest checkpoint is not in it";
    EXPECT_EQ(verdict.checkpoints, 4U) << "three in the log, one beside it";
    EXPECT_EQ(verdict.root, log_.root());
    EXPECT_EQ(verdict.signatures_checked, with_key);
  }
}

TEST_F(Check, CountsRecordsBehindTheNewestCheckpointAndIsContent) {
  for (int i = 0; i < 5; ++i) log_.add_issue();
  log_.write(directory_.path());
  const Verdict verdict = check();
  EXPECT_FALSE(verdict.finding);
  EXPECT_EQ(verdict.size, 17U);
  EXPECT_EQ(verdict.covered, 11U);
}

TEST_F(Check, TakesACompressedSegmentForThePlainOne) {
  const Verdict plain = check();
  write_text(path(0) + ".gz", gzip(read_text(path(0))));
  fs::remove(path(0));
  const Verdict compressed = check();
  EXPECT_FALSE(compressed.finding);
  EXPECT_EQ(compressed.root, plain.root);
  EXPECT_EQ(compressed.checkpoints, plain.checkpoints);
}

TEST_F(Check, NamesTheFirstRecordThatADamagedCompressedSegmentDoesNotGive) {
  const std::string whole = gzip(read_text(path(0)));
  fs::remove(path(0));
  write_text(path(0) + ".gz", whole.substr(0, whole.size() - 1));
  expect_at(check(), Problem::kSegmentDamaged, 8);
  write_text(path(0) + ".gz", "");
  expect_at(check(), Problem::kSegmentDamaged, 0);
  write_text(path(0) + ".gz", segment_text(lines_of(0)));
  expect_at(check(), Problem::kSegmentDamaged, 0);
}

TEST_F(Check, BeginsWhereOlderSegmentsWereRetired) {
  fs::remove(path(0));
  const Verdict verdict = check();
  EXPECT_FALSE(verdict.finding) << testing::PrintToString(*verdict.finding);
  EXPECT_EQ(verdict.first_index, 8U);
  EXPECT_EQ(verdict.size, 12U);
  EXPECT_EQ(verdict.root, log_.root()) << "the segment's head stands for what is gone";
}

TEST_F(Check, OfARetiredLogTheHeadsTreeIsCoveredToo) {
  fs::remove(path(0));
  Lines lines = lines_of(1);
  MadeLog other("elsewhere.example/signer/0");
  for (int i = 0; i < 7; ++i) other.add_issue();
  other.begin_segment();
  const std::string theirs = jose::Json::parse(other.line(8))["tree"][0];
  const std::string ours = jose::Json::parse(lines[0])["tree"][0];
  lines[0].replace(lines[0].find(ours), ours.size(), theirs);
  put(8, lines);
  EXPECT_TRUE(check().finding);
}

// The token took its time: signed before the segment began, recorded behind its head.
TEST_F(Check, TakesACheckpointOfRecordsThatWereRetired) {
  const std::string early = log_.sign();
  const std::uint64_t size = log_.size();
  log_.add_issue();
  log_.begin_segment();
  const std::uint64_t first = log_.size() - 1;
  log_.add({{"event", "checkpoint"}, {"note", early}, {"size", size}});
  log_.add_issue();
  log_.add_checkpoint();
  log_.write(directory_.path());
  EXPECT_FALSE(check().finding);
  fs::remove(path(0));
  fs::remove(path(8));
  const Verdict verdict = check();
  EXPECT_FALSE(verdict.finding) << testing::PrintToString(*verdict.finding);
  EXPECT_EQ(verdict.first_index, first);
  EXPECT_EQ(verdict.covered, log_.size() - 1);
}

TEST_F(Check, NamesACheckpointThatIsOlderThanTheOneBefore) {
  const std::string early = log_.sign();
  const std::uint64_t size = log_.size();
  log_.add_issue();
  log_.add_checkpoint();
  log_.add({{"event", "checkpoint"}, {"note", early}, {"size", size}});
  log_.write(directory_.path());
  expect_at(check(), Problem::kForked, log_.size() - 1);
}

TEST_F(Check, NamesEachRecordThatIsDeleted) {
  for (std::size_t segment = 0; segment < 2; ++segment) {
    const std::uint64_t first = log_.segments()[segment].first_index;
    for (std::size_t i = 0; i < lines_of(segment).size(); ++i) {
      Lines lines = lines_of(segment);
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i));
      put(first, lines);
      const Verdict verdict = check();
      const std::uint64_t index = first + i;
      SCOPED_TRACE("deleted " + std::to_string(index));
      if (index == 11) {  // which no checkpoint covers: whether it was ever there cannot be told
        EXPECT_FALSE(verdict.finding);
        EXPECT_EQ(verdict.size, 11U);
      } else {
        expect_at(verdict, index == 7 ? Problem::kSegmentMissing : Problem::kDeleted, index);
      }
      put(first, lines_of(segment));
    }
  }
}

TEST_F(Check, NamesEachRecordThatIsThereTwice) {
  for (std::size_t segment = 0; segment < 2; ++segment) {
    const std::uint64_t first = log_.segments()[segment].first_index;
    for (std::size_t i = 0; i < lines_of(segment).size(); ++i) {
      Lines lines = lines_of(segment);
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
      put(first, lines);
      SCOPED_TRACE("twice " + std::to_string(first + i));
      expect_at(check(), Problem::kDuplicated, first + i + 1);
      put(first, lines_of(segment));
    }
  }
}

TEST_F(Check, NamesTheFirstOfTwoRecordsThatAreExchanged) {
  for (std::size_t segment = 0; segment < 2; ++segment) {
    const std::uint64_t first = log_.segments()[segment].first_index;
    for (std::size_t a = 0; a < lines_of(segment).size(); ++a) {
      for (std::size_t b = a + 1; b < lines_of(segment).size(); ++b) {
        Lines lines = lines_of(segment);
        std::swap(lines[a], lines[b]);
        put(first, lines);
        SCOPED_TRACE("exchanged " + std::to_string(first + a) + " and " + std::to_string(first + b));
        expect_at(check(), Problem::kReordered, first + a);
      }
    }
    put(first, lines_of(segment));
  }
}

TEST_F(Check, NamesWhereTheLogWasCut) {
  for (std::size_t kept = 0; kept < 3; ++kept) {
    Lines lines = lines_of(1);
    lines.resize(kept);
    put(8, lines);
    const Verdict verdict = check();
    expect_at(verdict, Problem::kTruncated, 8 + kept);
    EXPECT_EQ(verdict.finding->file, "checkpoint");
  }
  fs::remove(path(8));
  expect_at(check(), Problem::kTruncated, 8);
  fs::remove(path(0));
  expect_at(check(), Problem::kTruncated, 0);
}

TEST_F(Check, FindsACutThatTookTheCheckpointAlongByOneThatWasKept) {
  const KeptCheckpoint kept{"kept.note", log_.newest()};
  Lines lines = lines_of(0);
  lines.resize(5);
  put(0, lines);
  fs::remove(path(8));
  fs::remove(directory_ / "checkpoint");
  EXPECT_FALSE(check().finding) << "nothing here knows better";
  const Verdict verdict = check(true, {kept});
  expect_at(verdict, Problem::kTruncated, 5);
  EXPECT_EQ(verdict.finding->file, "kept.note");
}

TEST_F(Check, NamesASegmentThatIsMissingAndOneThatOverlaps) {
  MadeLog longer = log_;
  longer.begin_segment();
  longer.add_issue();
  longer.add_checkpoint();
  longer.write(directory_.path());
  EXPECT_FALSE(check().finding);
  fs::remove(path(8));
  Verdict verdict = check();
  expect_at(verdict, Problem::kSegmentMissing, 8);
  EXPECT_NE(verdict.finding->why.find("records 8 to 11"), std::string::npos) << verdict.finding->why;
  longer.write(directory_.path());
  write_text(path(10), segment_text({longer.line(10), longer.line(11)}));
  verdict = check();
  expect_at(verdict, Problem::kSegmentOverlap, 10);
}

TEST_F(Check, NamesASegmentThatDoesNotBeginAsOneAndASegmentRecordThatBeginsNone) {
  fs::remove(path(8));
  Lines lines = lines_of(0);
  const Lines more = lines_of(1);
  lines.insert(lines.end(), more.begin(), more.end());
  put(0, lines);
  expect_at(check(), Problem::kSegmentHead, 8);
  put(0, {lines.begin(), lines.begin() + 5});
  put(5, {lines.begin() + 5, lines.begin() + 8});
  put(8, more);
  expect_at(check(), Problem::kSegmentHead, 5);
}

TEST_F(Check, NamesASegmentOfAnotherLog) {
  MadeLog other("elsewhere.example/signer/0");
  for (int i = 0; i < 7; ++i) other.add_issue();
  other.begin_segment();
  other.add_issue();
  put(8, other.segments()[1].lines);
  const Verdict verdict = check();
  ASSERT_TRUE(verdict.finding);
  EXPECT_LE(verdict.finding->records->first, 8U);
  EXPECT_EQ(verdict.finding->records->last, 8U) << testing::PrintToString(*verdict.finding);
}

TEST_F(Check, NamesACheckpointThatAnotherKeySigned) {
  const MadeLog other("elsewhere.example/signer/0");
  audit::CheckOptions options{directory_.path(), {other.key()}, {}};
  const auto verdict = audit::check_log(options);
  ASSERT_TRUE(verdict);
  expect_at(*verdict, Problem::kBadSignature, 4);
  options.keys.push_back(log_.key());
  EXPECT_FALSE(audit::check_log(options)->finding) << "one of several keys";
}

TEST_F(Check, SaysThatNothingIsSignedIfAKeyIsGivenForALogWithoutCheckpoints) {
  MadeLog bare;
  bare.add_issue();
  TemporaryDirectory directory;
  bare.write(directory.path());
  audit::CheckOptions options{directory.path(), {bare.key()}, {}};
  const auto verdict = audit::check_log(options);
  ASSERT_TRUE(verdict && verdict->finding);
  EXPECT_EQ(verdict->finding->problem, Problem::kUnsigned);
  options.keys.clear();
  EXPECT_FALSE(audit::check_log(options)->finding);
}

// Somebody changed record 2, wrote every link and root anew and had the token sign it all again.
TEST_F(Check, NamesTheForkThatOnlyAKeptCheckpointShows) {
  MadeLog forged;
  forged.add_issue();
  forged.add({{"event", "refuse"}, {"code", "denied"}});
  forged.add_issue();
  forged.add_checkpoint();
  for (int i = 0; i < 2; ++i) forged.add_issue();
  forged.add_checkpoint();
  forged.begin_segment();
  for (int i = 0; i < 2; ++i) forged.add_issue();
  forged.add_checkpoint();
  forged.write(directory_.path());
  EXPECT_FALSE(check().finding) << "the machine's own word is all there is";

  const Verdict verdict = check(true, {{"kept.note", log_.newest()}});
  ASSERT_TRUE(verdict.finding);
  EXPECT_EQ(verdict.finding->problem, Problem::kForked);
  EXPECT_EQ(verdict.finding->records, (Finding::Range{0, 10}));
  EXPECT_EQ(verdict.finding->file, "kept.note");

  // An older one that still fits says where the two part at the earliest.
  MadeLog two;
  two.add_issue();
  const Verdict closer = check(true, {{"kept.note", log_.newest()}, {"older.note", two.sign()}});
  ASSERT_TRUE(closer.finding);
  EXPECT_EQ(closer.finding->records, (Finding::Range{2, 10})) << testing::PrintToString(*closer.finding);
}

TEST_F(Check, FindsRecordsThatWereRewrittenWithTheirLinksButNotSigned) {
  MadeLog forged;
  for (int i = 0; i < 3; ++i) forged.add_issue();
  forged.add_checkpoint();
  forged.add_issue();
  forged.add({{"event", "refuse"}, {"code", "denied"}});
  // The note of the log as it was, since nobody could sign the other.
  const auto old = jose::Json::parse(log_.line(7));
  forged.add({{"event", "checkpoint"}, {"note", old["note"]}, {"size", old["size"]}});
  MadeLog first = small_log();
  fs::remove(path(8));
  fs::remove(directory_ / "checkpoint");
  put(0, forged.segments()[0].lines);
  const Verdict verdict = check();
  ASSERT_TRUE(verdict.finding);
  EXPECT_EQ(verdict.finding->problem, Problem::kRewritten);
  EXPECT_LE(verdict.finding->records->first, 6U);
  EXPECT_EQ(verdict.finding->records->last, 6U) << testing::PrintToString(*verdict.finding);
}

// Records that link to each other and say what no writer says.
TEST_F(Check, NamesRecordsThatAreLinkedWellAndSayWhatCannotBe) {
  MadeLog longer;
  for (int i = 0; i < 9; ++i) longer.add_issue();
  const MadeLog elsewhere("elsewhere.example/signer/0");
  MadeLog one;
  const std::string of_one = one.sign();
  const std::vector<std::pair<jose::Json, Problem>> cases = {
      {{{"event", "issue"}, {"v", 3}}, Problem::kNotARecord},
      {{{"event", "issue"}, {"v", "2"}}, Problem::kNotARecord},
      {{{"event", ""}}, Problem::kNotARecord},
      {{{"event", "issue"}, {"time", ""}}, Problem::kNotARecord},
      {{{"event", "checkpoint"}, {"size", 10}, {"note", longer.sign()}}, Problem::kForked},
      {{{"event", "checkpoint"}, {"size", 2}, {"note", of_one}}, Problem::kBadCheckpoint},
      {{{"event", "checkpoint"}, {"note", of_one}}, Problem::kBadCheckpoint},
      {{{"event", "checkpoint"}, {"size", 1}, {"note", "none"}}, Problem::kBadCheckpoint},
      {{{"event", "checkpoint"}, {"size", 1}}, Problem::kBadCheckpoint},
      {{{"event", "checkpoint"}, {"size", 1}, {"note", elsewhere.sign()}}, Problem::kOrigin},
      {{{"event", "segment"}, {"origin", MadeLog::kOrigin}}, Problem::kSegmentHead}};
  for (const auto& [members, problem] : cases) {
    MadeLog odd;
    odd.add_issue();
    odd.add(members);
    odd.add_issue();
    const TemporaryDirectory directory;
    odd.write(directory.path());
    const auto verdict = audit::check_log({directory.path(), {}, {}});
    ASSERT_TRUE(verdict);
    SCOPED_TRACE(members.dump());
    expect_at(*verdict, problem, 2);
  }
}

TEST_F(Check, NamesTheSegmentWhoseHeadSaysAnotherTreeThoughItIsLinkedWell) {
  MadeLog odd;
  odd.add_issue();
  MadeLog other("elsewhere.example/signer/0");
  other.add_issue();
  other.begin_segment();
  const auto tree = jose::Json::parse(other.line(2))["tree"];
  odd.add({{"event", "segment"}, {"origin", MadeLog::kOrigin}, {"tree", tree}});
  odd.add_issue();
  fs::remove(path(8));
  fs::remove(directory_ / "checkpoint");
  put(0, {odd.line(0), odd.line(1)});
  for (const Lines& lines : {Lines{odd.line(2)}, Lines{odd.line(2), odd.line(3)}}) {
    put(2, lines);
    const Verdict verdict = check(false);
    ASSERT_TRUE(verdict.finding);
    EXPECT_EQ(verdict.finding->problem, Problem::kSegmentHead);
    EXPECT_EQ(verdict.finding->records, (Finding::Range{0, 2})) << "its own word, or that of those before it";
    EXPECT_EQ(verdict.finding->file, audit::segment_name(2));
  }
}

TEST_F(Check, ComparesWithCheckpointsOfAnyAge) {
  std::vector<KeptCheckpoint> kept;
  MadeLog growing;
  kept.push_back({"1", growing.sign()});
  for (int i = 0; i < 3; ++i) {
    growing.add_issue();
    kept.push_back({std::to_string(growing.size()), growing.sign()});
  }
  EXPECT_FALSE(check(true, kept).finding);
  EXPECT_EQ(check(true, kept).checkpoints, 8U);
  growing.add_issue();
  kept.push_back({"5", growing.sign()});
  const Verdict verdict = check(true, kept);
  ASSERT_TRUE(verdict.finding) << "record 4 is a checkpoint, not an issue";
  EXPECT_EQ(verdict.finding->problem, Problem::kForked);
  EXPECT_EQ(verdict.finding->records, (Finding::Range{4, 4}));
}

TEST_F(Check, SaysWhichKeptCheckpointsAreOlderThanWhatIsHere) {
  MadeLog two;
  two.add_issue();
  fs::remove(path(0));
  const Verdict verdict = check(true, {{"older.note", two.sign()}});
  EXPECT_FALSE(verdict.finding);
  EXPECT_EQ(verdict.not_compared, std::vector<std::string>{"older.note"});
}

TEST_F(Check, RefusesAKeptCheckpointThatIsNone) {
  const auto verdict = audit::check_log({directory_.path(), {}, {{"kept.note", "nothing\n"}}});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::kInvalidRequest);
}

TEST_F(Check, ReportsWhatAWriterMayBeWritingAndIsContent) {
  const std::string whole = read_text(path(8));
  write_text(path(8), whole + "{\"event\":\"iss" + std::string(1000, '\0'));
  Verdict verdict = check();
  EXPECT_FALSE(verdict.finding);
  EXPECT_EQ(verdict.tail.torn_bytes, 13U);
  EXPECT_EQ(verdict.tail.zero_bytes, 1000U);
  write_text(path(8), whole + std::string(70'000, '\0') + "stray\n");
  verdict = check();
  EXPECT_FALSE(verdict.finding);
  EXPECT_EQ(verdict.tail.stray_bytes, 6U);
  EXPECT_EQ(verdict.size, 12U);
}

TEST_F(Check, DoesNotTakeATornLineInTheMiddleOfTheLog) {
  const std::string whole = read_text(path(0));
  write_text(path(0), whole + "{\"event\"");
  expect_at(check(), Problem::kNotARecord, 8);
  write_text(path(0), whole + std::string(10, '\0') + "x");
  expect_at(check(), Problem::kNotARecord, 8);
  write_text(path(0), whole + std::string(10, '\0'));
  EXPECT_FALSE(check().finding) << "zeroes that nobody cut yet";
}

TEST_F(Check, EndsAtALineThatIsLongerThanARecordCanBe) {
  Lines lines = lines_of(1);
  for (const std::size_t size : {65'535UL, 65'536UL, 1'000'000UL}) {
    lines[1] = std::string(size, 'x');
    put(8, lines);
    expect_at(check(), size == 65'535 ? Problem::kNotARecord : Problem::kTooLong, 9);
  }
}

TEST_F(Check, FollowsNoLinkAndReadsNoDevice) {
  fs::rename(path(8), directory_ / "elsewhere");
  fs::create_symlink(directory_ / "elsewhere", path(8));
  EXPECT_FALSE(audit::check_log({directory_.path(), {}, {}}));
  fs::remove(path(8));
  ASSERT_EQ(::mkfifo(path(8).c_str(), 0600), 0);
  EXPECT_FALSE(audit::check_log({directory_.path(), {}, {}}));
}

TEST_F(Check, OfALogWithoutCheckpointsKeepsFewLeavesAndStillNamesTheRecord) {
  MadeLog bare;
  for (int i = 0; i < 30; ++i) {
    if (i % 5 == 4) bare.begin_segment();
    bare.add_issue();
  }
  const TemporaryDirectory directory;
  bare.write(directory.path());
  const audit::CheckOptions options{.directory = directory.path(), .keys = {}, .kept = {}, .leaves_max = 3};
  auto verdict = audit::check_log(options);
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->finding) << testing::PrintToString(*verdict->finding);
  EXPECT_EQ(verdict->root, bare.root());
  EXPECT_EQ(verdict->covered, 0U);
  for (std::uint64_t index = 0; index + 2 < bare.size(); ++index) {
    const auto segment =
        std::prev(std::ranges::upper_bound(bare.segments(), index, {}, &MadeLog::Segment::first_index));
    Lines lines = segment->lines;
    std::string& line = lines[index - segment->first_index];
    line.replace(line.find(made_time(index)) + 3, 1, "9");
    write_text(directory / audit::segment_name(segment->first_index), segment_text(lines));
    verdict = audit::check_log(options);
    ASSERT_TRUE(verdict);
    expect_at(*verdict, Problem::kChanged, index);
    write_text(directory / audit::segment_name(segment->first_index), segment_text(segment->lines));
  }
}

TEST_F(Check, EndsAtTheLargestIndexThatATreeCanHave) {
  jose::Json head = jose::Json::parse(log_.line(0));
  head["prev"] = head["tree"][0] = tlog::to_base64(tlog::empty_root());
  for (int i = 1; i < 63; ++i) head["tree"].push_back(head["tree"][0]);
  head["index"] = tlog::kSizeMax;
  const TemporaryDirectory directory;
  write_text(directory / audit::segment_name(tlog::kSizeMax), head.dump() + "\n");
  const auto verdict = audit::check_log({directory.path(), {}, {}});
  ASSERT_TRUE(verdict);
  expect_at(*verdict, Problem::kNotARecord, tlog::kSizeMax);
}

TEST_F(Check, SaysThatThereIsNoLog) {
  const TemporaryDirectory empty;
  const auto verdict = audit::check_log({empty.path(), {}, {}});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(audit::check_log({empty / "none", {}, {}}));
}

}  // namespace
}  // namespace signer::test
