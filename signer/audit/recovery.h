// SPDX-License-Identifier: Apache-2.0
//
// What a start finds in the directory of an audit log (docs/audit-format.md, Recovery).  Reads alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "signer/result.h"
#include "tlog/frontier.h"

namespace signer::audit {

// Bytes behind the last whole record: their write was never confirmed.
struct TornTail {
  std::uint64_t index = 0;  // that the next record gets
  std::string content;      // without the zeroes behind it
};

struct Recovered {
  std::string origin;           // empty: there is no log yet
  std::string last_checkpoint;  // the file, whole; empty if there is none
  tlog::Frontier tree;          // of all whole records
  std::optional<tlog::Hash> last_leaf;
  std::filesystem::path segment;    // the last; empty: none
  std::uint64_t segment_bytes = 0;  // of whole records in it
  std::uint64_t segment_file = 0;   // bytes in the file
  WallTime segment_begun{};         // as the name of its day: the file's last change
  std::optional<TornTail> torn;
};

// Reads the segments from the one that the last checkpoint ends in, or the last one if there is no checkpoint.
// kInternal, with what was found and what to do, if the records are not those of the checkpoint or are not in order.
[[nodiscard]] Result<Recovered> recover(const std::filesystem::path& directory);

}  // namespace signer::audit
