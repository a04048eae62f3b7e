// SPDX-License-Identifier: Apache-2.0
//
// Runs a program to its end, as a shell would, and keeps what it said.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/client/fake_server.h"

namespace signer::test {

inline std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) std::abort();
}

// A shell script that stands in for a program of ours.
inline void write_script(const std::string& path, std::string_view text) {
  write_text(path, "#!/bin/sh\n" + std::string(text));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

struct Ran {
  int status = -1;  // exit status, or 128 + signal
  std::string out;
  std::string err;
};

// `environment` is all there is.
inline Ran run_program(std::vector<std::string> arguments, std::string_view input = "",
                       std::vector<std::string> environment = {"PATH=/usr/bin:/bin"}) {
  const TemporaryDirectory directory;
  write_text(directory / "in", input);
  const std::string in = directory / "in";
  const std::string out = directory / "out";
  const std::string err = directory / "err";
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
  ::posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT, 0600);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  pid_t child = 0;
  const int error = ::posix_spawn(&child, arguments.at(0).c_str(), &actions, nullptr, pointers(arguments).data(),
                                  pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) std::abort();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) std::abort();
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), content_of(out), content_of(err)};
}

inline Ran signerctl(std::vector<std::string> arguments, std::string_view input = "") {
  arguments.insert(arguments.begin(), SIGNERCTL_PROGRAM);
  return run_program(std::move(arguments), input);
}

}  // namespace signer::test
