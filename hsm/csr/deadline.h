// SPDX-License-Identifier: Apache-2.0
//
// An end for a process that waits in libp11, which has no time limits of its own.
#pragma once

#include <chrono>
#include <string_view>

namespace signer::p11 {

inline constexpr std::chrono::seconds kDeadline{30};
inline constexpr int kExitUnavailable = 3;

// When `time` is over, prints "<program>: ... no answer ..." to stderr and ends the process with kExitUnavailable,
// wherever it is.  Once per process; `program` must live as long as the process.
void end_process_after(std::chrono::seconds time, std::string_view program) noexcept;

}  // namespace signer::p11
