// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints as they are found: in records, in the file beside them, in what somebody kept.
#pragma once

#include <span>
#include <string_view>

#include "audit/check.h"
#include "signer/result.h"
#include "tlog/checkpoint.h"
#include "tlog/note_key.h"

namespace signer::audit {

// What a note says, if it is one with a checkpoint and one of `keys` signed it; without keys, whoever signed it.
// kBadCheckpoint: it is none.  kBadSignature: a signature of a key is bad.  kUnsigned: none is by any of the keys.
[[nodiscard]] Result<tlog::Checkpoint, Problem> open_note(std::string_view bytes, std::span<const tlog::NoteKey> keys);

}  // namespace signer::audit
