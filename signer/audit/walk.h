// SPDX-License-Identifier: Apache-2.0
//
// The records of a log one after another, for those who look at them and do not judge the log: that is check_log's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "audit/record_view.h"
#include "audit/segment_reader.h"
#include "signer/result.h"

namespace signer::audit {

// Valid during the call that it is given to.
struct LogLine {
  std::uint64_t index = 0;  // by its place, whatever it says itself
  std::string_view line;
  const RecordView& record;
};

struct Walk {
  std::uint64_t first_index = 0;  // of the first segment
  std::uint64_t end_index = 0;    // behind the last line that was read
  std::uint64_t bad_lines = 0;    // that are no records and were passed over, damaged segments and gaps between them
};

// Calls `visit` for the record with index `from` and those behind it, until it returns false.  Segments that end before
// `from` are not opened.  kNotFound: there is no log.  kInternal: a file cannot be read.
[[nodiscard]] Result<Walk> walk_records(const std::filesystem::path& directory, std::uint64_t from,
                                        const std::function<bool(const LogLine&)>& visit);

}  // namespace signer::audit
