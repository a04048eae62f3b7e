// SPDX-License-Identifier: Apache-2.0
//
// A log's files and lines from the outside (docs/audit-format.md): shared by the writer's recovery and the checker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "signer/result.h"
#include "tlog/frontier.h"

namespace signer::audit {

inline constexpr std::string_view kSegmentSuffix = ".jsonl";
inline constexpr std::string_view kCompressedSuffix = ".jsonl.gz";
inline constexpr std::string_view kCheckpointFile = "checkpoint";
inline constexpr std::size_t kLineBytesMax = 65'535;  // what an entry of a C2SP tile can hold

// "00000000000000000042.jsonl".
[[nodiscard]] std::string segment_name(std::uint64_t first_index);

// The index in a segment's file name, compressed or not; nothing if it is not named as one.
[[nodiscard]] std::optional<std::uint64_t> first_index_of(std::string_view file_name);

// The index that a line says it has, without parsing it: our writer escapes quotes, so the member's name stands nowhere
// else in a line of the writer's.  Nothing if it says none.  Whether the line is what the writer wrote is for the tree
// to tell.
[[nodiscard]] std::optional<std::uint64_t> index_of(std::string_view line) noexcept;

// The leaf hash of the line before, as a line says it; the same reasoning.
[[nodiscard]] std::optional<tlog::Hash> prev_of(std::string_view line);

// What the first line of a segment says.
struct SegmentHead {
  std::string origin;  // of the log
  WallTime begun{};
  tlog::Frontier records;  // the tree of the records before this line
};

// kInvalidRequest, with a reason, if the line is no `segment` record of this version or its tree does not fit its
// index.
[[nodiscard]] Result<SegmentHead> parse_segment_head(std::string_view line);

}  // namespace signer::audit
