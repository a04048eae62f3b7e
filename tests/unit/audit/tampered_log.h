// SPDX-License-Identifier: Apache-2.0
//
// A log in a directory of the test's own, and the checker's word on it.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "audit/check.h"
#include "audit/line.h"
#include "tests/support/made_log.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace signer::audit {

inline void PrintTo(const Finding& finding, std::ostream* out) {
  *out << to_string(finding.problem);
  if (finding.records) *out << " " << finding.records->first << "-" << finding.records->last;
  *out << " " << finding.file << ":" << finding.line << ": " << finding.why;
}

inline void PrintTo(const Finding::Range& range, std::ostream* out) {
  *out << range.first << "-" << range.last;
}

inline void PrintTo(Problem problem, std::ostream* out) {
  *out << to_string(problem);
}

}  // namespace signer::audit

namespace signer::test {

class TamperedLog : public testing::Test {
 protected:
  using Lines = std::vector<std::string>;

  // Two segments and three checkpoints, the last record being that of a checkpoint:
  //   0 segment, 1-3 issue, 4 checkpoint, 5-6 issue, 7 checkpoint | 8 segment, 9-10 issue, 11 checkpoint
  static MadeLog small_log() {
    MadeLog log;
    for (int i = 0; i < 3; ++i) log.add_issue();
    log.add_checkpoint();
    for (int i = 0; i < 2; ++i) log.add_issue();
    log.add_checkpoint();
    log.begin_segment();
    for (int i = 0; i < 2; ++i) log.add_issue();
    log.add_checkpoint();
    return log;
  }

  [[nodiscard]] audit::Verdict check(bool with_key = true, const std::vector<audit::KeptCheckpoint>& kept = {}) const {
    audit::CheckOptions options{directory_.path(), {}, kept};
    if (with_key) options.keys = {log_.key()};
    auto verdict = audit::check_log(options);
    EXPECT_TRUE(verdict) << verdict.error().text;
    return verdict ? *std::move(verdict) : audit::Verdict{};
  }

  void put(std::uint64_t first_index, const Lines& lines) const { write_text(path(first_index), segment_text(lines)); }

  [[nodiscard]] std::string path(std::uint64_t first_index) const {
    return directory_ / audit::segment_name(first_index);
  }

  // Asserts that the finding is this and at this record alone.
  static void expect_at(const audit::Verdict& verdict, audit::Problem problem, std::uint64_t index) {
    ASSERT_TRUE(verdict.finding) << "nothing found, expected " << audit::to_string(problem) << " at " << index;
    EXPECT_EQ(verdict.finding->problem, problem) << testing::PrintToString(*verdict.finding);
    EXPECT_EQ(verdict.finding->records, (audit::Finding::Range{index, index}))
        << testing::PrintToString(*verdict.finding);
  }

  MadeLog log_ = small_log();
  TemporaryDirectory directory_;
};

}  // namespace signer::test
