// SPDX-License-Identifier: Apache-2.0
//
// A directory of a test's own, gone when the test is.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace signer::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : TemporaryDirectory(std::getenv("TMPDIR")) {}

  // In a directory that exists; null: /tmp.
  explicit TemporaryDirectory(const char* base) {
    std::string name = std::string(base != nullptr ? base : "/tmp") + "/signer-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      std::perror("mkdtemp");
      std::abort();
    }
    path_ = name;
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Writes a file with exactly this mode and returns its path.
  [[nodiscard]] std::string file(const std::string& name, std::string_view content, mode_t mode = 0600) const {
    const std::string path = path_ / name;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    if (::chmod(path.c_str(), mode) != 0) {
      std::perror("chmod");
      std::abort();
    }
    return path;
  }

  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace signer::test
