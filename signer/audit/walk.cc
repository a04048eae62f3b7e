// SPDX-License-Identifier: Apache-2.0

#include "audit/walk.h"

namespace signer::audit {

namespace {

using Visit = std::function<bool(const LogLine&)>;

// False if the visitor has seen enough.
Result<bool> walk_segment(const SegmentFile& file, std::uint64_t from, const Visit& visit, Walk& walk) {
  SIGNER_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(file));
  walk.end_index = file.first_index;
  while (true) {
    SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
    if (step != SegmentReader::Step::kLine) {
      if (step != SegmentReader::Step::kEnd) ++walk.bad_lines;
      return true;
    }
    const std::uint64_t index = walk.end_index++;
    if (index < from) continue;
    const auto record = RecordView::parse(reader.line());
    if (!record) {
      ++walk.bad_lines;
    } else if (!visit({index, reader.line(), *record})) {
      return false;
    }
  }
}

}  // namespace

Result<Walk> walk_records(const std::filesystem::path& directory, std::uint64_t from, const Visit& visit) {
  SIGNER_ASSIGN_OR_RETURN(const std::vector<SegmentFile> files, list_segments(directory));
  if (files.empty()) {
    return fail(ErrorCode::kNotFound, "audit: " + directory.string() + " holds no segment of a log");
  }
  Walk walk{files.front().first_index, files.front().first_index, 0};
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (i + 1 < files.size() && files[i + 1].first_index <= from) {
      walk.end_index = files[i + 1].first_index;
      continue;
    }
    if (files[i].first_index != walk.end_index) ++walk.bad_lines;
    SIGNER_ASSIGN_OR_RETURN(const bool more, walk_segment(files[i], from, visit, walk));
    if (!more) break;
  }
  return walk;
}

}  // namespace signer::audit
