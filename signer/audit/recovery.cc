// SPDX-License-Identifier: Apache-2.0

#include "audit/recovery.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "audit/line.h"
#include "audit/record_view.h"
#include "audit/segment_reader.h"
#include "base/file.h"
#include "tlog/checkpoint.h"
#include "tlog/note.h"

namespace signer::audit {

namespace {

constexpr std::size_t kSegmentFileMax = 1280UL * 1024 * 1024;  // the largest segment_bytes, a batch, zeroes ahead

Failure<Error> unlike(const std::filesystem::path& path, const std::string& what) {
  return fail(ErrorCode::kInternal,
              "audit: " + path.string() + ": " + what +
                  "; nothing was changed: keep the directory as it is for whoever audits it (signerctl audit verify), "
                  "and move it elsewhere if signerd shall begin a new log");
}

Result<std::vector<SegmentFile>> segments_in(const std::filesystem::path& directory) {
  SIGNER_ASSIGN_OR_RETURN(const auto names, list_files(directory, kSegmentSuffix));
  std::vector<SegmentFile> segments;
  for (const std::string& name : names) {
    const auto first = first_index_of(name);
    if (!first) {
      return fail(ErrorCode::kInternal,
                  "audit: " + (directory / name).string() + " is not named as a segment; move it elsewhere");
    }
    segments.push_back({directory / name, *first, false});
  }
  return segments;
}

// A regular file of the size that a segment can have, and no link to elsewhere: it is read as a whole.
Result<std::string> read_segment(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() != std::filesystem::file_type::regular)
    return unlike(path, "it is no regular file");
  return read_file(path, kSegmentFileMax);
}

// A record counts once its newline is there and nothing before it is zero.
std::string_view whole_lines(std::string_view content) {
  content = content.substr(0, content.find('\0'));
  const std::size_t last = content.rfind('\n');
  return content.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// Reads segments in order and keeps what has been read so far.
class Replay {
 public:
  explicit Replay(std::optional<tlog::Checkpoint> checkpoint) : checkpoint_(std::move(checkpoint)) {}

  Result<void> segment(const SegmentFile& file, bool last) {
    SIGNER_ASSIGN_OR_RETURN(const std::string content, read_segment(file.path));
    const std::string_view whole = whole_lines(content);
    if (!last && whole.size() != content.size()) return unlike(file.path, "its last records are damaged");
    if (!whole.empty()) {
      SIGNER_RETURN_IF_ERROR(begin(file, whole.substr(0, whole.find('\n'))));
      SIGNER_RETURN_IF_ERROR(lines(file, whole));
    } else if (begun_ ? file.first_index != found_.tree.size() : file.first_index != 0) {
      return unlike(file.path, "records before it are missing");
    }
    found_.segment = file.path;
    found_.segment_bytes = whole.size();
    found_.segment_file = content.size();
    std::string_view tail = std::string_view(content).substr(whole.size());
    const std::size_t end = tail.find_last_not_of('\0');
    tail = tail.substr(0, end == std::string_view::npos ? 0 : end + 1);
    if (!tail.empty()) found_.torn = TornTail{found_.tree.size(), std::string(tail)};
    return {};
  }

  Result<Recovered> finish(const std::filesystem::path& directory) {
    if (checkpoint_ && checkpoint_->size > found_.tree.size()) {
      return unlike(directory, "it holds " + std::to_string(found_.tree.size()) +
                                   " records and its last checkpoint was made of " + std::to_string(checkpoint_->size) +
                                   ": records were cut off");
    }
    if (checkpoint_ && !compared_) {
      return unlike(directory, "the records that its last checkpoint was made of are missing");
    }
    return std::move(found_);
  }

 private:
  Result<void> begin(const SegmentFile& file, std::string_view line) {
    auto head = parse_segment_head(line);
    if (!head) return unlike(file.path, head.error().text + " (a log of an earlier version?)");
    if (head->records.size() != file.first_index)
      return unlike(file.path, "its first record is not the one of its name");
    if (begun_ && !(head->records == found_.tree)) return unlike(file.path, "records before it are missing or changed");
    if (!found_.origin.empty() && head->origin != found_.origin) return unlike(file.path, "it is another log's");
    if (checkpoint_ && checkpoint_->origin != head->origin) {
      return unlike(file.path, "the file checkpoint is another log's");
    }
    begun_ = true;
    found_.tree = head->records;
    found_.origin = std::move(head->origin);
    found_.segment_begun = head->begun;
    return compare(file);
  }

  Result<void> lines(const SegmentFile& file, std::string_view rest) {
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      const std::uint64_t index = found_.tree.size();
      if (index_of(line) != index)
        return unlike(file.path, "what stands at record " + std::to_string(index) + " is not that record");
      if (!RecordView::parse(line)) return unlike(file.path, "record " + std::to_string(index) + " is no record");
      if (found_.last_leaf && prev_of(line) != found_.last_leaf) {
        return unlike(file.path, "record " + std::to_string(index) +
                                     " does not follow the record before it: one of the two was changed");
      }
      found_.last_leaf = tlog::leaf_hash(line);
      found_.tree.append(*found_.last_leaf);
      SIGNER_RETURN_IF_ERROR(compare(file));
    }
    return {};
  }

  Result<void> compare(const SegmentFile& file) {
    if (!checkpoint_ || checkpoint_->size != found_.tree.size()) return {};
    compared_ = true;
    if (checkpoint_->root == found_.tree.root()) return {};
    return unlike(file.path, "its records up to " + std::to_string(checkpoint_->size) +
                                 " are not those that the last checkpoint was made of: they were changed");
  }

  std::optional<tlog::Checkpoint> checkpoint_;
  Recovered found_;
  bool begun_ = false;
  bool compared_ = false;
};

Result<std::string> read_checkpoint(const std::filesystem::path& directory) {
  const auto path = directory / kCheckpointFile;
  std::error_code error;
  const auto type = std::filesystem::symlink_status(path, error).type();
  if (type == std::filesystem::file_type::not_found) return std::string();
  if (type != std::filesystem::file_type::regular) return unlike(path, "it is no regular file");
  SIGNER_ASSIGN_OR_RETURN(std::string note, read_file(path, tlog::kNoteBytesMax));
  if (note.empty()) return unlike(path, "it is no checkpoint: it is empty");
  return note;
}

// Looks at the beginning alone.  One that cannot be read counts: the replay says what is the matter with it.
bool has_a_record(const SegmentFile& file) {
  auto reader = SegmentReader::open(file);
  if (!reader) return true;
  const auto step = reader->next();
  return !step || *step != SegmentReader::Step::kEnd;
}

}  // namespace

Result<Recovered> recover(const std::filesystem::path& directory) {
  SIGNER_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, segments_in(directory));
  SIGNER_ASSIGN_OR_RETURN(const std::string note, read_checkpoint(directory));
  std::optional<tlog::Checkpoint> checkpoint;
  if (!note.empty()) {
    const auto parsed = tlog::parse_note(note);
    auto said = parsed ? tlog::parse_checkpoint(parsed->text) : Result<tlog::Checkpoint>(fail(parsed.error()));
    if (!said) return unlike(directory / kCheckpointFile, "it is no checkpoint: " + said.error().text);
    checkpoint = *std::move(said);
  }
  // From the segment that holds the checkpoint's end; without one the last that has a record.
  std::size_t from = segments.empty() ? 0 : segments.size() - 1;
  while (from > 0 && (checkpoint ? segments[from].first_index > checkpoint->size : !has_a_record(segments[from])))
    --from;
  if (from > 0 && !has_a_record(segments[from])) --from;
  Replay replay(std::move(checkpoint));
  for (std::size_t i = from; i < segments.size(); ++i) {
    SIGNER_RETURN_IF_ERROR(replay.segment(segments[i], i + 1 == segments.size()));
  }
  SIGNER_ASSIGN_OR_RETURN(Recovered found, replay.finish(directory));
  found.last_checkpoint = note;
  return found;
}

}  // namespace signer::audit
