// SPDX-License-Identifier: Apache-2.0
//
// Runs signerctl and stand-ins for the programs that it runs.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/fake_server.h"
#include "tests/support/process.h"

namespace signer::test {

// A shell script that stands in for a program of ours.
inline void write_script(const std::string& path, std::string_view text) {
  write_text(path, "#!/bin/sh\n" + std::string(text));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

// Nothing of our own environment, such as SIGNER_SOCKET, reaches it.
inline Finished run_program(const std::vector<std::string>& arguments, std::string_view input = "",
                            const Environment& environment = {{"PATH", "/usr/bin:/bin"}}) {
  return run_with_only(environment, arguments, input);
}

inline Finished signerctl(std::vector<std::string> arguments, std::string_view input = "") {
  arguments.insert(arguments.begin(), SIGNERCTL_PROGRAM);
  return run_program(arguments, input);
}

}  // namespace signer::test
