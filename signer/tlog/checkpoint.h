// SPDX-License-Identifier: Apache-2.0
//
// What a log says of itself at a size (https://c2sp.org/tlog-checkpoint), in the text of a signed note.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "signer/result.h"
#include "tlog/hash.h"
#include "tlog/note_key.h"

namespace signer::tlog {

struct Checkpoint {
  std::string origin;  // which log: not empty, one line
  std::uint64_t size = 0;
  Hash root{};
  std::vector<std::string> extensions;  // lines of others, not empty; ours has none

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// The note text: what is signed.  kInvalidRequest if origin or an extension is empty or could not stand in a note, or
// size > kSizeMax.
[[nodiscard]] Result<std::string> to_text(const Checkpoint& checkpoint);

// Of a note's text.  Strict: to_text(*parse_checkpoint(text)) == text.  kInvalidRequest, with a text that quotes
// nothing of the input.
[[nodiscard]] Result<Checkpoint> parse_checkpoint(std::string_view text);

// Of a whole note: one that `log_key` signed and whose origin is that key's name.  kInvalidRequest if the bytes are no
// note with a checkpoint, the signature is bad or the origin another; kNotFound if there is no signature by this key.
[[nodiscard]] Result<Checkpoint> open_checkpoint(std::string_view note, const NoteKey& log_key);

}  // namespace signer::tlog
