// SPDX-License-Identifier: Apache-2.0
//
// Which build this process runs.
#pragma once

#include <string>

namespace signer {

// The build id that the linker put into the running program (NT_GNU_BUILD_ID), in hexadecimal digits; empty if it has
// none.  The same sources and tools give the same one, so it can be compared with a build of one's own.
[[nodiscard]] std::string build_id();

}  // namespace signer
