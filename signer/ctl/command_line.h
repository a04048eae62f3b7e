// SPDX-License-Identifier: Apache-2.0
//
// The command line of signerctl: what there is to say, and which command it means.  CLI11 is known to
// command_line*.cc alone.
#pragma once

#include <string>
#include <vector>

#include "ctl/completion.h"
#include "ctl/outcome.h"

namespace signer::ctl {

// Parses `arguments` (the program's name first) and runs the command.
[[nodiscard]] Outcome run(const std::vector<std::string>& arguments);

// The tree of commands and options.
[[nodiscard]] CommandNode command_tree();

}  // namespace signer::ctl
