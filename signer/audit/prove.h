// SPDX-License-Identifier: Apache-2.0
//
// One record of a log, provable to somebody who has neither the log nor trust in whoever has it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "signer/result.h"
#include "tlog/tlog_proof.h"

namespace signer::audit {

// The proof that record `index` is in the tree that the checkpoint `note` covers; its `extra` is the record's line.
// Reads the segments from the record's on to the checkpoint's, in 64 bytes of memory a record.  kNotFound: there is no
// such record.  kInvalidRequest: the note is no checkpoint, does not cover the record yet, or has another root than the
// records (check_log says which).  kInternal: a file cannot be read.
[[nodiscard]] Result<tlog::TlogProof> prove_record(const std::filesystem::path& directory, std::uint64_t index,
                                                   std::string_view note);

}  // namespace signer::audit
