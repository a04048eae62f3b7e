// SPDX-License-Identifier: Apache-2.0
//
// What a host program does in main(), whatever its driver.
#pragma once

#include "channel/driver.h"
#include "jose/json.h"

namespace signer::channel {

inline constexpr int kWorkersMax = 256;  // worker channels of one host

// Prints the answer to an operator's question on standard output, or why there is none on standard error.  The exit
// status: 0 done, 1 refused, 3 the token is not there, 77 its PIN or auth value was refused.
[[nodiscard]] int report(const HostResult<jose::Json>& result);

// Hardens the process, starts its log under `name`, calls `run` and leaves with the status that it returns; 1 after an
// exception.  No exit handlers run: modules crash in theirs often enough.
[[noreturn]] void run_host_program(const char* name, int (*run)(int argc, char** argv), int argc, char** argv);

}  // namespace signer::channel
