// SPDX-License-Identifier: Apache-2.0

#include "audit/checker.h"

#include <algorithm>
#include <utility>

namespace signer::audit {

namespace {

// More broken links than this are a log that somebody rewrote: the first of them is all that counts.
constexpr std::size_t kBrokenLinksMax = 64;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

bool is_record(const RecordView& record) {
  return record.number("v") == 2 && !record.text("event").empty() && !record.text("time").empty() &&
         record.number("index").value_or(-1) >= 0;
}

}  // namespace

Result<Verdict> check_log(const CheckOptions& options) {
  return Checker(options).run();
}

Result<Verdict> Checker::run() {
  verdict_.signatures_checked = !options_.keys.empty();
  SIGNER_RETURN_IF_ERROR(read_outside());  // before the records, which only become more
  SIGNER_ASSIGN_OR_RETURN(files_, list_segments(options_.directory));
  if (files_.empty() && outside_.empty()) {
    return fail(ErrorCode::kNotFound, "audit: " + options_.directory.string() + " holds no segment of a log");
  }
  SIGNER_RETURN_IF_ERROR(walk());
  conclude();
  verdict_.size = place_;
  if (!verdict_.finding && begun_) verdict_.root = evidence_.tree(place_).root();
  return std::move(verdict_);
}

void Checker::locate(Finding& finding, std::uint64_t index) const {
  const auto behind =
      std::find_if(files_.begin(), files_.end(), [index](const SegmentFile& file) { return file.first_index > index; });
  if (behind == files_.begin()) return;
  finding.file = std::prev(behind)->path.filename().string();
  finding.line = index - std::prev(behind)->first_index + 1;
}

void Checker::found(Problem problem, std::optional<Finding::Range> records, std::string why) {
  if (verdict_.finding) return;
  verdict_.finding = Finding{problem, records, "", 0, std::move(why)};
  if (records) locate(*verdict_.finding, records->first);
}

void Checker::complain(Problem problem, std::uint64_t index, Finding::Range records, std::string why) {
  if (complaint_ || verdict_.finding) return;
  complaint_ = Finding{problem, records, "", 0, std::move(why)};
  locate(*complaint_, index);
}

Result<void> Checker::walk() {
  if (!files_.empty()) place_ = verdict_.first_index = files_.front().first_index;
  for (const SegmentFile& file : files_) {
    if (file.first_index > place_) {
      found(Problem::kSegmentMissing, Finding::Range{place_, place_},
            "records " + number(place_) + " to " + number(file.first_index - 1) + " are in no segment");
    } else if (file.first_index < place_) {
      found(Problem::kSegmentOverlap, Finding::Range{file.first_index, file.first_index},
            "the segment before holds records up to " + number(place_ - 1) + " already");
    }
    if (verdict_.finding) return {};
    SIGNER_RETURN_IF_ERROR(read_segment(file, &file == &files_.back()));
    if (verdict_.finding) return {};
  }
  return {};
}

Result<void> Checker::read_segment(const SegmentFile& file, bool last) {
  SIGNER_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(file));
  line_ = 0;
  while (!verdict_.finding) {
    SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
    switch (step) {
      case SegmentReader::Step::kLine:
        ++line_;
        SIGNER_RETURN_IF_ERROR(take_line(reader));
        break;
      case SegmentReader::Step::kTooLong:
        found(Problem::kTooLong, Finding::Range{place_, place_}, "the line is longer than 65,535 bytes");
        break;
      case SegmentReader::Step::kDamaged:
        found(Problem::kSegmentDamaged, Finding::Range{place_, place_}, "the compressed segment ends or breaks here");
        break;
      case SegmentReader::Step::kEnd:
        end_segment(reader.tail(), last);
        return {};
    }
  }
  return {};
}

void Checker::end_segment(const SegmentReader::Tail& tail, bool last) {
  if (last) {
    verdict_.tail = tail;  // a daemon may be writing there
  } else if (tail.torn_bytes + tail.stray_bytes > 0) {
    found(Problem::kNotARecord, Finding::Range{place_, place_},
          "the segment ends in " + number(tail.torn_bytes) + " bytes of a line without its newline and " +
              number(tail.stray_bytes) + " bytes behind a zero byte, and another segment follows");
  }
}

Result<void> Checker::take_line(SegmentReader& reader) {
  const std::string_view line = reader.line();
  const auto record = RecordView::parse(line);
  if (!record || !is_record(*record) || place_ >= tlog::kSizeMax) {
    found(Problem::kNotARecord, Finding::Range{place_, place_}, "the line is no record of version 2 in its one form");
    return {};
  }
  const auto index = static_cast<std::uint64_t>(*record->number("index"));
  if (index != place_) return misplaced(reader, index);
  if (!take_link(*record)) return {};
  const bool head = record->is("event", "segment");
  if (head != (line_ == 1)) {
    found(Problem::kSegmentHead, Finding::Range{place_, place_},
          head ? "a segment record in the middle of a segment" : "the segment does not begin with a segment record");
    return {};
  }
  if (head) take_head(line);
  if (verdict_.finding) return {};
  previous_ = tlog::leaf_hash(line);
  evidence_.append(*previous_);
  ++place_;
  judge_outside_of(place_ - 1);
  if (!verdict_.finding && record->is("event", "checkpoint")) take_note(*record, place_ - 1);
  return {};
}

bool Checker::take_link(const RecordView& record) {
  const auto claimed = tlog::hash_from_base64(record.text("prev"));
  if (place_ == 0 ? record.has("prev") : !claimed) {
    found(Problem::kNotARecord, Finding::Range{place_, place_}, "its prev is not as it must be");
    return false;
  }
  if (!previous_) return true;
  const bool holds = *claimed == *previous_;
  if (complaint_) {
    verdict_.finding = std::exchange(complaint_, std::nullopt);
    if (!holds) {
      verdict_.finding.reset();
      found(Problem::kChanged, Finding::Range{place_ - 1, place_ - 1},
            "the prev of the record behind it is of another line");
    }
    return false;
  }
  if (holds) return true;
  evidence_.add_broken({place_ - 1, *claimed});
  if (evidence_.broken().size() > kBrokenLinksMax) conclude_links();
  return !verdict_.finding;
}

void Checker::take_head(std::string_view line) {
  const auto head = parse_segment_head(line);
  if (!head) {
    found(Problem::kSegmentHead, Finding::Range{place_, place_}, head.error().text);
    return;
  }
  if (!begun_) {
    begun_ = true;
    verdict_.origin = head->origin;
    evidence_ = Evidence(head->records);
    compare_origins();
    return;
  }
  if (head->origin != verdict_.origin) {
    complain(Problem::kOrigin, place_, {place_, place_}, "the segment is of a log with another origin");
  } else if (!(evidence_.tree(place_) == head->records)) {
    judge_head(*head);
  } else if (evidence_.kept() > options_.leaves_max && evidence_.broken().empty()) {
    evidence_.settle(place_);
  }
}

// The head of a segment is a witness as a checkpoint is, only nobody signed it.
void Checker::judge_head(const SegmentHead& head) {
  if (const auto changed = evidence_.changed_record(place_, head.records.root())) {
    links_judged_ = true;
    found(Problem::kChanged, Finding::Range{*changed, *changed},
          "it is another line than the records behind it and the segment that begins at " + number(place_) + " say");
  } else if (evidence_.broken().empty()) {
    complain(Problem::kSegmentHead, place_, {evidence_.settled(), place_},
             "the segment says another tree of the records before it than they have");
  }
}

// The line at hand says an index that is not its place.  What follows in the segment tells what was done.
Result<void> Checker::misplaced(SegmentReader& reader, std::uint64_t index) {
  const bool twice = evidence_.leaf(index) == tlog::leaf_hash(reader.line());
  std::optional<std::uint64_t> next;
  bool comes_later = false;
  for (bool first = true; !comes_later; first = false) {
    SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
    if (step != SegmentReader::Step::kLine) break;
    const auto follows = index_of(reader.line());
    if (first) next = follows;
    comes_later = follows == place_;
  }
  const std::string says = "the line says index " + number(index) + " in the place of " + number(place_);
  const Finding::Range here{place_, place_};
  if (twice) {
    found(Problem::kDuplicated, here, "record " + number(index) + " is there twice");
  } else if (comes_later) {
    found(index > place_ ? Problem::kReordered : Problem::kInserted, here, says + ", which comes later");
  } else if (next == place_ + 1) {
    found(Problem::kChanged, here, says + ", and the records behind it are in theirs");
  } else if (index > place_) {
    found(Problem::kDeleted, here, "records " + number(place_) + " to " + number(index - 1) + " are missing");
  } else {
    found(Problem::kInserted, here, says + ", which does not come");
  }
  return {};
}

}  // namespace signer::audit
