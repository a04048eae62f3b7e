// SPDX-License-Identifier: Apache-2.0
//
// Old segments made small or given up, so that a crash at any moment leaves a log that is whole
// (docs/audit-format.md, retention).  A daemon may write to the last segment meanwhile, which is never touched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "audit/check.h"
#include "signer/result.h"

namespace signer::audit {

struct KeptSegment {
  std::string name;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};

// Compresses the closed segments that are plain, but for those that a start of signerd would read (the one that the
// file `checkpoint` ends in, and what is behind it): writes the compressed file under another name, makes it durable,
// reads it back and compares, renames it, then removes the plain one.  Owner and mode stay.  Names those that were.
// kInvalidRequest: the file `checkpoint` is none; or a segment is not whole, and it and those behind it were left as
// they are.  kNotFound, kInternal.
[[nodiscard]] Result<std::vector<KeptSegment>> compress_segments(const std::filesystem::path& directory);

// The segments, oldest first, that may be deleted: closed, followed by a segment that began before `before` (a record's
// `time`), and covered, with the head of the segment behind, by the checkpoints of `verdict`, which must be of this
// directory, without a finding, with signatures checked; else none.
[[nodiscard]] Result<std::vector<SegmentFile>> retirable_segments(const std::filesystem::path& directory,
                                                                  const Verdict& verdict, std::string_view before);

// Deletes them in their order, each durably before the next.
[[nodiscard]] Result<void> delete_segments(const std::vector<SegmentFile>& segments);

}  // namespace signer::audit
