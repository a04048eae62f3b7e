// SPDX-License-Identifier: Apache-2.0

#include "audit/prove.h"

#include <string>
#include <vector>

#include "audit/line.h"
#include "audit/segment_reader.h"
#include "audit/signed_checkpoint.h"
#include "tlog/tree.h"

namespace signer::audit {

namespace {

struct Leaves {
  tlog::Tree tree;
  std::string line;  // of the record that is proved
};

Failure<Error> does_not_fit(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest,
              "audit: the records do not fit the checkpoint: " + std::string(why) + "; audit verify says where");
}

// Appends the lines of a segment up to `end`.
Result<void> read_leaves(const SegmentFile& file, std::uint64_t index, std::uint64_t end, Leaves& leaves) {
  SIGNER_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(file));
  while (leaves.tree.size() < end) {
    SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
    if (step == SegmentReader::Step::kEnd) return {};
    if (step != SegmentReader::Step::kLine) return does_not_fit("a segment is damaged");
    if (leaves.tree.size() == index) leaves.line = reader.line();
    leaves.tree.append(tlog::leaf_hash(reader.line()));
  }
  return {};
}

// The tree before the segment, as its first line says.
Result<tlog::Tree> tree_before(const SegmentFile& file) {
  SIGNER_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(file));
  SIGNER_ASSIGN_OR_RETURN(const SegmentReader::Step step, reader.next());
  if (step != SegmentReader::Step::kLine) return does_not_fit("a segment has no first line");
  const auto head = parse_segment_head(reader.line());
  if (!head || head->records.size() != file.first_index) return does_not_fit("a segment does not begin as one");
  return tlog::Tree(head->records);
}

}  // namespace

Result<tlog::TlogProof> prove_record(const std::filesystem::path& directory, std::uint64_t index,
                                     std::string_view note) {
  const auto checkpoint = open_note(note, {});
  if (!checkpoint) return fail(ErrorCode::kInvalidRequest, "audit: that is no checkpoint");
  SIGNER_ASSIGN_OR_RETURN(std::vector<SegmentFile> files, list_segments(directory));
  if (files.empty() || index < files.front().first_index) {
    return fail(ErrorCode::kNotFound, "audit: record " + std::to_string(index) + " is not in this directory");
  }
  if (index >= checkpoint->size) {
    return fail(ErrorCode::kInvalidRequest, "audit: the checkpoint covers " + std::to_string(checkpoint->size) +
                                                " records, record " + std::to_string(index) + " not yet");
  }
  while (files.size() > 1 && files[1].first_index <= index) files.erase(files.begin());
  SIGNER_ASSIGN_OR_RETURN(tlog::Tree before, tree_before(files.front()));
  Leaves leaves{std::move(before), ""};
  for (const SegmentFile& file : files) {
    if (file.first_index != leaves.tree.size() || leaves.tree.size() == checkpoint->size) break;
    SIGNER_RETURN_IF_ERROR(read_leaves(file, index, checkpoint->size, leaves));
  }
  if (leaves.tree.size() < checkpoint->size) return does_not_fit("there are fewer of them");
  SIGNER_ASSIGN_OR_RETURN(const tlog::Hash root, leaves.tree.root(checkpoint->size));
  if (root != checkpoint->root) return does_not_fit("they have another root");
  SIGNER_ASSIGN_OR_RETURN(tlog::Proof hashes, leaves.tree.inclusion_proof(index, checkpoint->size));
  const ByteView line = bytes_of(leaves.line);
  return tlog::TlogProof{{line.begin(), line.end()}, index, std::move(hashes), std::string(note)};
}

}  // namespace signer::audit
