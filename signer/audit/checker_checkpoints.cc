// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <utility>

#include "audit/checker.h"
#include "audit/signed_checkpoint.h"
#include "base/file.h"
#include "tlog/note.h"

namespace signer::audit {

namespace {

std::string of_size(std::uint64_t size) {
  return "the checkpoint of " + std::to_string(size) + " records";
}

const char* why_not_opened(Problem problem) {
  switch (problem) {
    case Problem::kBadSignature:
      return "the checkpoint's signature is bad";
    case Problem::kUnsigned:
      return "the checkpoint bears no signature of a key that was given";
    default:
      return "it is no checkpoint";
  }
}

// A checkpoint by nobody is as bad as one with a bad signature, to whoever has the key.
Problem as_finding(Problem problem) {
  return problem == Problem::kUnsigned ? Problem::kBadSignature : problem;
}

}  // namespace

Result<void> Checker::read_outside() {
  for (const KeptCheckpoint& one : options_.kept) SIGNER_RETURN_IF_ERROR(add_outside(one, true));
  const auto newest = read_file(options_.directory / kCheckpointFile, tlog::kNoteBytesMax);
  if (newest) return add_outside({std::string(kCheckpointFile), *newest}, false);
  if (newest.error().code == ErrorCode::kInternal) return fail(newest.error());
  if (newest.error().code == ErrorCode::kInvalidRequest) return add_outside({std::string(kCheckpointFile), ""}, false);
  return {};
}

Result<void> Checker::add_outside(const KeptCheckpoint& one, bool kept) {
  const auto opened = open_note(one.note, options_.keys);
  if (opened) {
    outside_.push_back({one.source, kept, *opened, {}});
  } else if (kept && opened.error() == Problem::kBadCheckpoint) {
    return fail(ErrorCode::kInvalidRequest, "audit: " + one.source + " is no checkpoint");
  } else if (!outside_finding_) {
    outside_finding_ = Finding{as_finding(opened.error()), {}, one.source, 0, why_not_opened(opened.error())};
  }
  return {};
}

void Checker::compare_origins() {
  for (const Outside& outside : outside_) {
    if (outside.checkpoint.origin == verdict_.origin || outside_finding_) continue;
    outside_finding_ =
        Finding{Problem::kOrigin, {}, outside.source, 0, "the checkpoint is of a log with another origin"};
  }
  std::erase_if(outside_, [this](const Outside& outside) { return outside.checkpoint.origin != verdict_.origin; });
}

void Checker::take_note(const RecordView& record, std::uint64_t index) {
  const auto opened = open_note(record.text("note"), options_.keys);
  const Finding::Range here{index, index};
  if (!opened) {
    found(as_finding(opened.error()), here, why_not_opened(opened.error()));
  } else if (opened->origin != verdict_.origin) {
    complain(Problem::kOrigin, index, here, "the checkpoint is of a log with another origin");
  } else if (record.number("size") != static_cast<std::int64_t>(opened->size)) {
    complain(Problem::kBadCheckpoint, index, here, "the record and its note say different sizes");
  } else if (opened->size > index || (opened->size < evidence_.settled() && opened->size <= verdict_.covered)) {
    complain(Problem::kForked, index, here, of_size(opened->size) + " cannot stand here");
  } else if (opened->size >= evidence_.settled()) {
    judge_note(*opened, index);
  }  // else it was signed before a segment began and recorded behind its head, and the records before are not here
}

void Checker::judge_note(const tlog::Checkpoint& checkpoint, std::uint64_t index) {
  const std::uint64_t size = checkpoint.size;
  if (evidence_.tree(size).root() == checkpoint.root) {
    if (links_deny(size)) return;
    verdict_.covered = std::max(verdict_.covered, size);
    ++verdict_.checkpoints;
    evidence_.settle(size);
    return;
  }
  if (const auto changed = evidence_.changed_record(size, checkpoint.root)) {
    links_judged_ = true;
    found(Problem::kChanged, Finding::Range{*changed, *changed},
          "it is another line than the records behind it and " + of_size(size) + " say");
  } else if (!evidence_.broken().empty()) {
    links_judged_ = true;
    found(Problem::kChanged, Finding::Range{evidence_.settled(), evidence_.broken().front().index + 1},
          of_size(size) + " has another root than the records, and a link between them is broken");
  } else if (size <= std::max(verdict_.covered, verdict_.first_index)) {
    complain(Problem::kForked, index, {index, index}, of_size(size) + " has another root than one that fits");
  } else {
    const std::uint64_t first = std::max(evidence_.settled(), last_fit_outside(size));
    const std::string why = of_size(size) + " has another root than the records";
    const Finding::Range range{std::min(first, size - 1), size - 1};
    if (verdict_.signatures_checked) {
      found(Problem::kRewritten, range, why);
    } else {
      complain(Problem::kRewritten, index, range, why);
    }
  }
}

// The records as they stand are what a checkpoint of that size covers: of a broken link that it knows, the record
// behind is the one that was changed.
bool Checker::links_deny(std::uint64_t size) {
  if (evidence_.broken().empty() || evidence_.broken().front().index + 1 > size) return false;
  const std::uint64_t changed = evidence_.broken().front().index + 1;
  links_judged_ = true;
  found(Problem::kChanged, Finding::Range{changed, changed},
        "its prev is of another line than the record before it, which " + of_size(size) + " covers as it stands");
  return true;
}

void Checker::judge_outside_of(std::uint64_t size) {
  for (Outside& outside : outside_) {
    if (outside.checkpoint.size == size && !verdict_.finding) judge_outside(outside);
  }
}

void Checker::judge_outside(Outside& outside) {
  const std::uint64_t size = outside.checkpoint.size;
  if (outside.fits || size < evidence_.settled() || size > place_) return;
  outside.fits = evidence_.tree(size).root() == outside.checkpoint.root;
  if (*outside.fits) {
    if (links_deny(size)) return;
    verdict_.covered = std::max(verdict_.covered, size);
    ++verdict_.checkpoints;
  } else if (const auto changed = evidence_.changed_record(size, outside.checkpoint.root)) {
    links_judged_ = true;
    found(Problem::kChanged, Finding::Range{*changed, *changed},
          "it is another line than the records behind it and " + of_size(size) + " say");
  }
}

std::uint64_t Checker::last_fit_outside(std::uint64_t below) const {
  std::uint64_t last = verdict_.first_index;
  for (const Outside& outside : outside_) {
    if (outside.fits.value_or(false) && outside.checkpoint.size < below) last = std::max(last, outside.checkpoint.size);
  }
  return last;
}

void Checker::conclude() {
  if (complaint_) verdict_.finding = std::exchange(complaint_, std::nullopt);
  const bool stopped = verdict_.finding.has_value();
  if (begun_ && !links_judged_) {
    const auto structural = std::exchange(verdict_.finding, std::nullopt);
    for (Outside& outside : outside_) {
      if (!verdict_.finding) judge_outside(outside);
    }
    if (!verdict_.finding && !evidence_.broken().empty()) conclude_links();
    if (!verdict_.finding) verdict_.finding = structural;
  }
  if (!stopped && !verdict_.finding) conclude_outside();
}

void Checker::conclude_links() {
  const std::uint64_t first = evidence_.broken().front().index;
  const auto likely = evidence_.likely_record();
  links_judged_ = true;
  found(Problem::kChanged, likely ? Finding::Range{*likely, *likely} : Finding::Range{first, first + 1},
        "the link between records " + std::to_string(first) + " and " + std::to_string(first + 1) +
            " is broken, and no checkpoint covers them");
}

// The records agree with each other; what was kept elsewhere may know another history.
void Checker::conclude_outside() {
  std::sort(outside_.begin(), outside_.end(),
            [](const Outside& a, const Outside& b) { return a.checkpoint.size < b.checkpoint.size; });
  for (const Outside& outside : outside_) {
    const std::uint64_t size = outside.checkpoint.size;
    if (size < verdict_.first_index) verdict_.not_compared.push_back(outside.source);
    if (verdict_.finding) continue;
    if (size > place_) {
      found(
          Problem::kTruncated, Finding::Range{place_, place_},
          "the log ends before record " + std::to_string(place_) + " and " + of_size(size) + " shows that it went on");
      verdict_.finding->line = 0;
    } else if (outside.fits && !*outside.fits) {
      const bool own = !outside.kept && !verdict_.signatures_checked && verdict_.covered >= size;
      std::optional<Finding::Range> records;
      if (!own && size > 0) records = {std::min(last_fit_outside(size), size - 1), size - 1};
      found(Problem::kForked, records, of_size(size) + " has another root than the records");
      verdict_.finding->line = 0;
    }
    if (verdict_.finding) verdict_.finding->file = outside.source;
  }
  if (!verdict_.finding) verdict_.finding = outside_finding_;
  if (!verdict_.finding && verdict_.signatures_checked && verdict_.checkpoints == 0 && place_ > verdict_.first_index) {
    verdict_.finding = Finding{Problem::kUnsigned, {}, "", 0, "no checkpoint is signed by a key that was given"};
  }
}

}  // namespace signer::audit
