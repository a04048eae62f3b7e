// SPDX-License-Identifier: Apache-2.0
//
// A cgroup named like a unit of systemd, at the root of the unified hierarchy, gone when the test is.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/process.h"

namespace signer::test {

class UnitCgroup {
 public:
  // With `below`, processes are put into a cgroup of that name inside.
  explicit UnitCgroup(const std::string& name, const std::string& below = {}) : path_(root() + "/" + name) {
    made_ = !root().empty() && ::mkdir(path_.c_str(), 0755) == 0;
    inner_ = path_ + (below.empty() ? "" : "/" + below);
    if (made_ && !below.empty()) made_ = ::mkdir(inner_.c_str(), 0755) == 0;
  }

  UnitCgroup(const UnitCgroup&) = delete;
  UnitCgroup& operator=(const UnitCgroup&) = delete;

  ~UnitCgroup() {
    // A process that has just ended may still be in it.
    if (made_) {
      (void)eventually([this] {
        if (inner_ != path_) ::rmdir(inner_.c_str());
        return ::rmdir(path_.c_str()) == 0;
      });
    }
  }

  // False where this user or machine lets nobody make one.
  [[nodiscard]] bool made() const { return made_; }

  // The program runs inside.
  [[nodiscard]] Finished run_inside(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{"/bin/sh", "-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\"", inner_};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all);
  }

 private:
  // Where cgroup v2 is mounted, or "".
  static std::string root() {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
      const std::size_t end = line.find(" - cgroup2 ");
      if (end == std::string::npos) continue;
      std::istringstream words(line.substr(0, end));
      std::string word;
      for (int i = 0; i < 5; ++i) words >> word;
      return word;
    }
    return {};
  }

  std::string path_;
  std::string inner_;
  bool made_ = false;
};

}  // namespace signer::test
