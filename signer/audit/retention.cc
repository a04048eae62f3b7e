// SPDX-License-Identifier: Apache-2.0

#include "audit/retention.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "audit/line.h"
#include "audit/record_view.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "tlog/checkpoint.h"
#include "tlog/note.h"

namespace signer::audit {

namespace {

constexpr const char* kPartialSuffix = ".partial";

Failure<Error> keeping_failed(std::string_view tried, const std::filesystem::path& path, int error) {
  return fail(ErrorCode::kInternal, "audit: " + std::string(tried) + " " + path.string() + ": " + errno_text(error));
}

Failure<Error> not_whole(const SegmentFile& file, std::string_view why) {
  return fail(ErrorCode::kInvalidRequest,
              "audit: " + file.path.string() + " is not whole: " + std::string(why) + "; audit verify says more");
}

// A file under construction: gone again unless it was kept.
class PartialFile {
 public:
  explicit PartialFile(std::filesystem::path path) : path_(std::move(path)) {}
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  ~PartialFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  Result<void> keep_as(const std::filesystem::path& name) {
    if (::rename(path_.c_str(), name.c_str()) != 0) return keeping_failed("rename to", name, errno);
    path_.clear();
    return {};
  }

 private:
  std::filesystem::path path_;
};

// Calls `take` for each line; gives their number.
template <class Take>
Result<std::uint64_t> each_line(const SegmentFile& file, const Take& take) {
  SIGNER_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(file));
  for (std::uint64_t count = 0;; ++count) {
    SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
    if (step == SegmentReader::Step::kEnd) {
      if (reader.tail().torn_bytes + reader.tail().stray_bytes > 0)
        return not_whole(file, "bytes behind its last line");
      return count;
    }
    if (step != SegmentReader::Step::kLine) return not_whole(file, "a line that is no record");
    SIGNER_RETURN_IF_ERROR(take(reader.line()));
  }
}

// Writes the lines as gzip into the new file, durable when this returns.
Result<std::uint64_t> write_compressed(const SegmentFile& file, const std::filesystem::path& to) {
  struct stat status {};
  if (::stat(file.path.c_str(), &status) != 0) return keeping_failed("look at", file.path, errno);
  ::unlink(to.c_str());  // left by a crash
  UniqueFd fd(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return keeping_failed("create", to, errno);
  if (::fchown(fd.get(), status.st_uid, status.st_gid) != 0 || ::fchmod(fd.get(), status.st_mode & 0777) != 0) {
    return keeping_failed("give the owner of the plain one to", to, errno);
  }
  const UniqueFd to_sync(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  gzFile gz = to_sync.valid() ? ::gzdopen(fd.get(), "wb") : nullptr;
  if (gz == nullptr) return keeping_failed("write", to, ENOMEM);
  (void)fd.release();
  auto written = each_line(file, [gz, &to](std::string_view line) -> Result<void> {
    const bool whole = line.empty() || ::gzwrite(gz, line.data(), static_cast<unsigned>(line.size())) > 0;
    if (!whole || ::gzputc(gz, '\n') < 0) return keeping_failed("write", to, errno);
    return {};
  });
  if (const int closed = ::gzclose_w(gz); closed != Z_OK && written) {
    return keeping_failed("write", to, closed == Z_ERRNO ? errno : EIO);
  }
  if (written && ::fsync(to_sync.get()) != 0) return keeping_failed("fsync", to, errno);
  return written;
}

// What was compressed is read again, beside the plain one.
Result<void> compare(const SegmentFile& plain, const std::filesystem::path& compressed) {
  SIGNER_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open({compressed, plain.first_index, true}));
  const auto same = each_line(plain, [&](std::string_view line) -> Result<void> {
    SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
    if (step == SegmentReader::Step::kLine && reader.line() == line) return {};
    return fail(ErrorCode::kInternal, "audit: " + compressed.string() + " does not read as it was written");
  });
  if (!same) return fail(same.error());
  SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
  if (step == SegmentReader::Step::kEnd) return {};
  return fail(ErrorCode::kInternal, "audit: " + compressed.string() + " does not read as it was written");
}

Result<std::uint64_t> size_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return keeping_failed("look at", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<KeptSegment> compress_segment(const SegmentFile& file, std::uint64_t next_index) {
  const std::filesystem::path name = file.path.string() + ".gz";
  KeptSegment kept{file.path.filename().string(), 0, 0};
  SIGNER_ASSIGN_OR_RETURN(kept.bytes_before, size_of(file.path));
  PartialFile partial(name.string() + kPartialSuffix);
  SIGNER_ASSIGN_OR_RETURN(const std::uint64_t lines, write_compressed(file, partial.path()));
  if (file.first_index + lines != next_index) return not_whole(file, "the next segment does not follow it");
  // Under the name that the reader takes for a compressed one's.
  SIGNER_RETURN_IF_ERROR(compare(file, partial.path()));
  SIGNER_ASSIGN_OR_RETURN(kept.bytes_after, size_of(partial.path()));
  SIGNER_RETURN_IF_ERROR(partial.keep_as(name));
  SIGNER_RETURN_IF_ERROR(sync_directory(file.path.parent_path()));
  if (::unlink(file.path.c_str()) != 0) return keeping_failed("delete", file.path, errno);
  SIGNER_RETURN_IF_ERROR(sync_directory(file.path.parent_path()));
  return kept;
}

// How many records the file `checkpoint` covers; no limit if there is none.
Result<std::uint64_t> newest_checkpoint_size(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kCheckpointFile;
  const auto text = read_file(path, tlog::kNoteBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::numeric_limits<std::uint64_t>::max();
  if (!text) return fail(text.error());
  const auto note = tlog::parse_note(*text);
  const auto checkpoint = note ? tlog::parse_checkpoint(note->text) : Result<tlog::Checkpoint>(fail(note.error()));
  if (checkpoint) return checkpoint->size;
  return fail(ErrorCode::kInvalidRequest,
              "audit: " + path.string() + " is no checkpoint: " + checkpoint.error().text + "; audit verify says more");
}

Result<bool> has_a_line(const SegmentFile& file) {
  SIGNER_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(file));
  SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
  return step == SegmentReader::Step::kLine;
}

// The newest time in a segment: a clock that was set back does not make its records older.
Result<std::string> newest_time_in(const SegmentFile& file) {
  std::string newest;
  const auto read = each_line(file, [&](std::string_view line) -> Result<void> {
    const auto record = RecordView::parse(line);
    if (!record) return not_whole(file, "a line that is no record");
    newest = std::max(newest, record->text("time"));
    return {};
  });
  if (!read) return fail(read.error());
  if (newest.empty()) return not_whole(file, "no record");
  return newest;
}

}  // namespace

Result<std::vector<KeptSegment>> compress_segments(const std::filesystem::path& directory) {
  SIGNER_ASSIGN_OR_RETURN(const std::vector<SegmentFile> files, list_segments(directory));
  if (files.empty()) return fail(ErrorCode::kNotFound, "audit: " + directory.string() + " holds no segment of a log");
  SIGNER_ASSIGN_OR_RETURN(const std::uint64_t covered, newest_checkpoint_size(directory));
  std::vector<KeptSegment> kept;
  for (std::size_t i = 0; i + 1 < files.size(); ++i) {
    if (files[i].compressed) continue;
    // A start of signerd reads plain segments from the one on that the checkpoint ends in, or the last that has a
    // record.
    if (files[i + 1].first_index > covered) break;
    SIGNER_ASSIGN_OR_RETURN(const bool followed, has_a_line(files[i + 1]));
    if (!followed) break;
    SIGNER_ASSIGN_OR_RETURN(KeptSegment one, compress_segment(files[i], files[i + 1].first_index));
    kept.push_back(std::move(one));
  }
  return kept;
}

Result<std::vector<SegmentFile>> retirable_segments(const std::filesystem::path& directory, const Verdict& verdict,
                                                    std::string_view before) {
  SIGNER_ASSIGN_OR_RETURN(const std::vector<SegmentFile> files, list_segments(directory));
  std::vector<SegmentFile> retirable;
  if (verdict.finding || !verdict.signatures_checked) return retirable;
  for (std::size_t i = 0; i + 1 < files.size(); ++i) {
    if (verdict.covered <= files[i + 1].first_index) break;
    SIGNER_ASSIGN_OR_RETURN(const std::string newest, newest_time_in(files[i]));
    if (newest >= before) break;
    retirable.push_back(files[i]);
  }
  return retirable;
}

Result<void> delete_segments(const std::vector<SegmentFile>& segments) {
  for (const SegmentFile& segment : segments) {
    const std::string name = (segment.path.parent_path() / segment_name(segment.first_index)).string();
    for (const std::string& path : {name + ".gz", name}) {  // both, where a crash left both
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) return keeping_failed("delete", path, errno);
    }
    SIGNER_RETURN_IF_ERROR(sync_directory(segment.path.parent_path()));
  }
  return {};
}

}  // namespace signer::audit
