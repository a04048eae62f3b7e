// SPDX-License-Identifier: Apache-2.0
//
// The lines of a log that nobody vouches for yet, plain and compressed, in little memory.  Whatever stands in the
// directory may have been put there to deceive or to harm the reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "signer/result.h"

namespace signer::audit {

struct SegmentFile {
  std::filesystem::path path;
  std::uint64_t first_index = 0;  // that its name says
  bool compressed = false;
};

// The files of a directory that are named as segments, in the order of their indexes.  Where a segment is there both
// plain and compressed, the plain file alone: the other is being made or was left by a crash.  kNotFound, kInternal:
// there is no such directory, or it cannot be read.
[[nodiscard]] Result<std::vector<SegmentFile>> list_segments(const std::filesystem::path& directory);

// One segment, from its beginning.  Takes half a MiB at most, whatever the file holds.  Used by one thread.
class SegmentReader {
 public:
  enum class Step {
    kLine,     // line() is the next record's line, without its newline; valid until the next call
    kEnd,      // no further line; tail() says what is behind the last
    kTooLong,  // more than kLineBytesMax without a newline: reading ends here
    kDamaged,  // the compressed file is not whole: reading ends here
  };

  // What stands behind the last line and is no part of the log (docs/audit-format.md, the zeroed tail).
  struct Tail {
    std::uint64_t torn_bytes = 0;  // of a line without its newline
    std::uint64_t zero_bytes = 0;
    std::uint64_t stray_bytes = 0;  // that are not zero, behind one that is
  };

  // The file must be a regular one and no symbolic link.  If it is gone because it was compressed meanwhile, opens what
  // it became.  kNotFound, kInternal.
  [[nodiscard]] static Result<SegmentReader> open(const SegmentFile& file);

  SegmentReader(SegmentReader&&) noexcept;
  SegmentReader& operator=(SegmentReader&&) noexcept;
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;
  ~SegmentReader();

  // kInternal: the disk or the file system failed.
  [[nodiscard]] Result<Step> next();

  [[nodiscard]] std::string_view line() const noexcept { return line_; }

  [[nodiscard]] const Tail& tail() const noexcept { return tail_; }

  // Offset of the line in the uncompressed segment.
  [[nodiscard]] std::uint64_t line_offset() const noexcept { return line_offset_; }

 private:
  class Source;

  explicit SegmentReader(std::unique_ptr<Source> source);

  Result<void> fill();
  Result<Step> read_tail();

  std::unique_ptr<Source> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is unread in the buffer
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of begin_ in the segment
  bool at_end_ = false;       // of the file
  bool damaged_ = false;
  bool ended_ = false;  // behind the last line
  std::string_view line_;
  std::uint64_t line_offset_ = 0;
  Tail tail_;
};

}  // namespace signer::audit
