// SPDX-License-Identifier: Apache-2.0
//
// check_log() at work.  For check.cc and checker*.cc alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/check.h"
#include "audit/evidence.h"
#include "audit/line.h"
#include "audit/record_view.h"
#include "audit/segment_reader.h"
#include "tlog/checkpoint.h"

namespace signer::audit {

class Checker {
 public:
  explicit Checker(const CheckOptions& options) : options_(options) {}

  Result<Verdict> run();

 private:
  // A checkpoint that is not in the log.
  struct Outside {
    std::string source;
    bool kept = false;  // given by the auditor; else the file `checkpoint`
    tlog::Checkpoint checkpoint;
    std::optional<bool> fits;
  };

  // checker.cc: the walk.
  Result<void> walk();
  Result<void> read_segment(const SegmentFile& file, bool last);
  void end_segment(const SegmentReader::Tail& tail, bool last);
  Result<void> take_line(SegmentReader& reader);
  [[nodiscard]] bool take_link(const RecordView& record);
  void take_head(std::string_view line);
  void judge_head(const SegmentHead& head);
  Result<void> misplaced(SegmentReader& reader, std::uint64_t index);

  // checker_checkpoints.cc: what roots and links tell.
  Result<void> read_outside();
  Result<void> add_outside(const KeptCheckpoint& one, bool kept);
  void take_note(const RecordView& record, std::uint64_t index);
  void judge_note(const tlog::Checkpoint& checkpoint, std::uint64_t index);
  void judge_outside(Outside& outside);
  void judge_outside_of(std::uint64_t size);
  [[nodiscard]] bool links_deny(std::uint64_t size);
  void conclude();
  void conclude_links();
  void conclude_outside();
  void compare_origins();
  [[nodiscard]] std::uint64_t last_fit_outside(std::uint64_t below) const;

  // The walk ends with this.
  void found(Problem problem, std::optional<Finding::Range> records, std::string why);

  // The same, unless the next record's link shows that record `index` itself was changed.
  void complain(Problem problem, std::uint64_t index, Finding::Range records, std::string why);

  void locate(Finding& finding, std::uint64_t index) const;

  const CheckOptions& options_;
  std::vector<SegmentFile> files_;
  std::vector<Outside> outside_;
  std::optional<Finding> outside_finding_;  // what is wrong with one, if the records are good
  Verdict verdict_;
  Evidence evidence_;
  std::optional<tlog::Hash> previous_;  // leaf of the last record
  std::uint64_t place_ = 0;             // index of the next record
  std::uint64_t line_ = 0;              // in the segment, of the line at hand
  bool begun_ = false;                  // a first segment record was read
  std::optional<Finding> complaint_;    // about record place_ - 1
  bool links_judged_ = false;           // the finding accounts for broken links
};

}  // namespace signer::audit
