// SPDX-License-Identifier: Apache-2.0
//
// Reads what a command is given, never more than it can use.
#pragma once

#include <cstddef>
#include <string>

#include "signer/result.h"

namespace signer::ctl {

// The whole of `fd`, or kInvalidRequest as soon as it is more than `size_max` bytes; `what` names it in the text.
[[nodiscard]] Result<std::string> read_all(int fd, std::size_t size_max, const std::string& what);

// The file, or `input_fd` if `source` is "-".
[[nodiscard]] Result<std::string> read_source(const std::string& source, int input_fd, std::size_t size_max);

}  // namespace signer::ctl
