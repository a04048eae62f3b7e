// SPDX-License-Identifier: Apache-2.0
//
// Times as an auditor types them, in the form in which records have theirs, so that texts compare as times do.  Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "signer/result.h"

namespace signer::ctl {

// "7y" (of 365.25 days), "90d", "24h", "30m", "10s".  kInvalidRequest: anything else, or more than 1000 years.
[[nodiscard]] Result<std::chrono::seconds> parse_span(std::string_view text);

// "2026-11-26", "2026-11-26T09:00:00Z" (UTC), or a span: that long before `now`.  The beginning of a record's `time`
// that is not before it.  kInvalidRequest: anything else.
[[nodiscard]] Result<std::string> parse_record_time(std::string_view text, WallTime now);

// "2026-11-26T09:00:00".
[[nodiscard]] std::string record_time(WallTime time);

}  // namespace signer::ctl
