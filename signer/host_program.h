// SPDX-License-Identifier: Apache-2.0
//
// Where the token hosts are: beside signerd in a build tree, in the libexec directory once installed.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace signer {

[[nodiscard]] inline std::string host_program(const std::string& name) {
  std::error_code error;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / name;
  if (!error && std::filesystem::exists(beside, error)) return beside.string();
  return std::string(SIGNER_LIBEXEC_DIR "/") + name;
}

}  // namespace signer
