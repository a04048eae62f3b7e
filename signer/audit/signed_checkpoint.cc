// SPDX-License-Identifier: Apache-2.0

#include "audit/signed_checkpoint.h"

#include "tlog/note.h"

namespace signer::audit {

std::string_view to_string(Problem problem) noexcept {
  switch (problem) {
    case Problem::kNotARecord:
      return "not_a_record";
    case Problem::kTooLong:
      return "too_long";
    case Problem::kChanged:
      return "changed";
    case Problem::kRewritten:
      return "rewritten";
    case Problem::kDeleted:
      return "deleted";
    case Problem::kDuplicated:
      return "duplicated";
    case Problem::kReordered:
      return "reordered";
    case Problem::kInserted:
      return "inserted";
    case Problem::kSegmentMissing:
      return "segment_missing";
    case Problem::kSegmentOverlap:
      return "segment_overlap";
    case Problem::kSegmentDamaged:
      return "segment_damaged";
    case Problem::kSegmentHead:
      return "segment_head";
    case Problem::kOrigin:
      return "origin";
    case Problem::kBadSignature:
      return "bad_signature";
    case Problem::kForked:
      return "forked";
    case Problem::kTruncated:
      return "truncated";
    case Problem::kBadCheckpoint:
      return "bad_checkpoint";
    case Problem::kUnsigned:
      return "unsigned";
  }
  return "changed";
}

Result<tlog::Checkpoint, Problem> open_note(std::string_view bytes, std::span<const tlog::NoteKey> keys) {
  const auto note = tlog::parse_note(bytes);
  if (!note) return fail(Problem::kBadCheckpoint);
  auto checkpoint = tlog::parse_checkpoint(note->text);
  if (!checkpoint) return fail(Problem::kBadCheckpoint);
  if (keys.empty()) return *std::move(checkpoint);
  const auto signers = tlog::verify(*note, keys);
  if (signers) return *std::move(checkpoint);
  return fail(signers.error().code == ErrorCode::kNotFound ? Problem::kUnsigned : Problem::kBadSignature);
}

}  // namespace signer::audit
