// SPDX-License-Identifier: Apache-2.0
//
// `signerctl config check`: would signerd take this file?
#pragma once

#include <string>
#include <string_view>

#include "ctl/outcome.h"
#include "jose/json.h"

namespace signer::ctl {

// kYes and "OK"; kNo and one line a problem, `file:line: key: problem; hint`; kUsage if the file cannot be read.
[[nodiscard]] Outcome check_config(const Context& context, const std::string& file);

// One such line as an object of file, line, key and problem; of problem alone if it has another shape.  Pure.
[[nodiscard]] jose::Json problem_members(std::string_view file, std::string_view line);

}  // namespace signer::ctl
