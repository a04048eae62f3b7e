// SPDX-License-Identifier: Apache-2.0
//
// The auditor's question to a log: was anything changed, removed, added or moved, and which record is the first
// (docs/audit-format.md, what a checker does).  Reads files, trusts none of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/segment_reader.h"
#include "signer/result.h"
#include "tlog/hash.h"
#include "tlog/note_key.h"

namespace signer::audit {

// What is wrong with a log, as far as its own bytes tell.
enum class Problem {
  kNotARecord,      // a line is no record of this version
  kTooLong,         // a line is longer than any record
  kChanged,         // a record is not the one that was written
  kRewritten,       // records were changed together with what links them; a checkpoint shows it
  kDeleted,         // records are missing between two lines
  kDuplicated,      // a record is there twice
  kReordered,       // a record stands where another belongs, which comes later
  kInserted,        // a line stands between records that belong together
  kSegmentMissing,  // records are missing between two segments
  kSegmentOverlap,  // two segments claim the same records
  kSegmentDamaged,  // a compressed segment cannot be read to its end
  kSegmentHead,     // a segment begins with another tree than that of the records before it
  kOrigin,          // a part is of another log
  kBadSignature,    // a checkpoint is not signed by a key that was given
  kForked,          // two checkpoints, or a checkpoint and the records, tell two histories
  kTruncated,       // the log is shorter than a checkpoint of it
  kBadCheckpoint,   // the file `checkpoint` is none
  kUnsigned,        // a key was given and no checkpoint is signed
};

// One lower-case word each: "changed", "segment_missing".
[[nodiscard]] std::string_view to_string(Problem problem) noexcept;

struct Finding {
  // The first bad record's index, if first == last; else it is one of these, and the records before `first` are as they
  // were written.
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;

    friend bool operator==(const Range&, const Range&) = default;
  };

  Problem problem = Problem::kChanged;
  std::optional<Range> records;  // nothing: no record is known to be bad
  std::string file;              // name in the directory, or the path that was given
  std::uint64_t line = 0;        // in the file, from 1; 0: no line of it in particular
  std::string why;               // plain words of ours with numbers; nothing of the log's bytes
};

// A checkpoint that was kept elsewhere.
struct KeptCheckpoint {
  std::string source;  // the path, for texts
  std::string note;
};

struct CheckOptions {
  std::filesystem::path directory;
  std::vector<tlog::NoteKey> keys;  // that signed or sign the log's checkpoints; none: signatures are not checked
  std::vector<KeptCheckpoint> kept;
  // Leaves that are kept for a checkpoint to come, 128 MiB of them; where more wait, a segment's head settles them.
  std::size_t leaves_max = 4UL * 1024 * 1024;
};

struct Verdict {
  std::optional<Finding> finding;  // the first; nothing: all that could be checked holds
  std::string origin;
  std::uint64_t first_index = 0;   // above 0 if older segments are not here any more
  std::uint64_t size = 0;          // index behind the last record looked at
  std::uint64_t covered = 0;       // index behind the last record that a checkpoint which fits covers
  std::uint64_t checkpoints = 0;   // that fit, in the log and beside it
  std::optional<tlog::Hash> root;  // of all `size` records
  bool signatures_checked = false;
  SegmentReader::Tail tail;               // behind the last record
  std::vector<std::string> not_compared;  // sources of kept checkpoints of records that are not here any more
};

// Reads the whole log once, in memory that grows with the records between two checkpoints and no more.  A daemon may
// write to it meanwhile.  kNotFound: there is no log.  kInvalidRequest: a kept checkpoint is none.  kInternal: a file
// cannot be read.
[[nodiscard]] Result<Verdict> check_log(const CheckOptions& options);

}  // namespace signer::audit
