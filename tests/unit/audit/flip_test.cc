// SPDX-License-Identifier: Apache-2.0
//
// Every byte of a small log changed in turn.  Without these a change that an attacker can make would go unnoticed, or
// the auditor would suspect another record than the one that was changed.

#include <filesystem>
#include <random>
#include <tuple>

#include "tests/support/seed.h"
#include "tests/unit/audit/tampered_log.h"

namespace signer::test {
namespace {

using audit::Verdict;

class Flip : public TamperedLog, public testing::WithParamInterface<std::tuple<unsigned, bool>> {
 protected:
  Flip() { log_.write(directory_.path()); }
};

// The parameters: what a byte is XORed with (0: something random), and whether the checker has the key.
TEST_P(Flip, EveryByteOfARecordIsNoticedAndItsRecordNamed) {
  SCOPED_TRACE("seed " + std::to_string(seed()));
  std::mt19937 random(seed());
  std::size_t flips = 0;
  std::size_t unnoticed = 0;
  const auto [given, with_key] = GetParam();
  for (const MadeLog::Segment& segment : log_.segments()) {
    const std::string whole = segment_text(segment.lines);
    std::uint64_t index = segment.first_index;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string changed = whole;
      const auto by = static_cast<char>(given != 0 ? given : 1 + random() % 255);
      changed[at] = static_cast<char>(changed[at] ^ by);
      write_text(path(segment.first_index), changed);
      const Verdict verdict = check(with_key);
      ++flips;
      if (index == log_.size() - 1) {
        // No checkpoint covers the last record, and the verdict says so.
        EXPECT_LE(verdict.covered, index);
        if (!verdict.finding) ++unnoticed;
      }
      if (verdict.finding || index < log_.size() - 1) {
        ASSERT_TRUE(verdict.finding && verdict.finding->records)
            << "byte " << at << " of record " << index << " by " << static_cast<int>(by);
        ASSERT_EQ(*verdict.finding->records, (audit::Finding::Range{index, index}))
            << "byte " << at << " of record " << index << " by " << static_cast<int>(by) << ": "
            << testing::PrintToString(*verdict.finding);
      }
      if (whole[at] == '\n') ++index;
    }
    write_text(path(segment.first_index), whole);
  }
  RecordProperty("flips", static_cast<int>(flips));
  RecordProperty("unnoticed_in_the_last_record", static_cast<int>(unnoticed));
  EXPECT_GT(flips, 4000U);
}

INSTANTIATE_TEST_SUITE_P(Bits, Flip, testing::Combine(testing::Values(0x01U, 0U), testing::Bool()));

TEST_F(TamperedLog, EveryByteOfTheFileCheckpointIsNoticedAndNoRecordBlamed) {
  log_.write(directory_.path());
  for (std::size_t at = 0; at < log_.newest().size(); ++at) {
    std::string changed = log_.newest();
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_text(directory_ / "checkpoint", changed);
    const Verdict verdict = check();
    ASSERT_TRUE(verdict.finding) << at;
    EXPECT_FALSE(verdict.finding->records) << at << ": " << testing::PrintToString(*verdict.finding);
    EXPECT_EQ(verdict.finding->file, "checkpoint");
  }
}

// Two changes at once: the first is named.
TEST_F(TamperedLog, OfTwoChangedRecordsTheFirstIsNamed) {
  for (std::uint64_t a = 0; a + 1 < log_.size(); ++a) {
    for (std::uint64_t b = a + 2; b + 1 < log_.size(); ++b) {
      log_.write(directory_.path());
      for (const std::uint64_t index : {a, b}) {
        const std::string name = path(index < 8 ? 0 : 8);
        std::string text = read_text(name);
        const std::string time = made_time(index);
        text[text.find(time) + time.size() - 2] = '7';
        write_text(name, text);
      }
      const Verdict verdict = check();
      SCOPED_TRACE(std::to_string(a) + " and " + std::to_string(b));
      expect_at(verdict, audit::Problem::kChanged, a);
    }
  }
}

}  // namespace
}  // namespace signer::test
