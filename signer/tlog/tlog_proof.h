// SPDX-License-Identifier: Apache-2.0
//
// A proof that an entry is in a log, as one text file that is checked without the log (https://c2sp.org/tlog-proof).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "signer/bytes.h"
#include "signer/result.h"
#include "tlog/checkpoint.h"
#include "tlog/hash.h"
#include "tlog/note_key.h"

namespace signer::tlog {

inline constexpr std::string_view kTlogProofHeader = "c2sp.org/tlog-proof@v1";

struct TlogProof {
  Bytes extra;  // of the application, signed by nobody; at most 64 KiB; empty: the line is not there
  std::uint64_t index = 0;
  Proof hashes;
  std::string checkpoint;  // the signed note, verbatim

  friend bool operator==(const TlogProof&, const TlogProof&) = default;
};

// kInvalidRequest for a proof that parse_tlog_proof would not give back.
[[nodiscard]] Result<std::string> to_text(const TlogProof& proof);

// Strict: to_text(*parse_tlog_proof(text)) == text.  The checkpoint is a note with a checkpoint, and index is below its
// size; signatures and hashes are not looked at.  kInvalidRequest, with a text that quotes nothing of the input.
[[nodiscard]] Result<TlogProof> parse_tlog_proof(std::string_view text);

// The checkpoint, if `log_key` signed it and `entry` (the record's line without its newline) is at the proof's index.
// Fails as open_checkpoint does; kInvalidRequest if the hashes do not lead from the entry to the root.
[[nodiscard]] Result<Checkpoint> check(const TlogProof& proof, std::string_view entry, const NoteKey& log_key);

}  // namespace signer::tlog
