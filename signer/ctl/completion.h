// SPDX-License-Identifier: Apache-2.0
//
// Completion scripts for bash, zsh and fish, made from the tree of commands itself.  Pure.
#pragma once

#include <string>
#include <vector>

namespace signer::ctl {

struct OptionNode {
  std::vector<std::string> names;  // "--json", "-h"
  std::string description;
  bool takes_value = false;
  bool is_file = false;
};

struct CommandNode {
  std::string name;
  std::string description;
  std::vector<OptionNode> options;
  bool takes_file = false;  // a positional argument is a file
  std::vector<CommandNode> children;
};

enum class Shell { kBash, kZsh, kFish };

// `root` is the program; the options of an ancestor are offered below it too.
[[nodiscard]] std::string completion_script(const CommandNode& root, Shell shell);

}  // namespace signer::ctl
