// SPDX-License-Identifier: Apache-2.0

#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> with_ours(const Environment& added) {
  std::vector<std::string> environment;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) environment.push_back(text);
  }
  for (const auto& [name, value] : added) environment.push_back(name + "=" + value);
  return environment;
}

pid_t spawn(std::vector<std::string> arguments, std::vector<std::string> environment, const std::string& in,
            const std::string& out, const std::string& err) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  // A library's sockets need not be closed on exec, and a child that holds one keeps its peer from seeing the end.
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments.front().c_str(), &actions, nullptr, pointers(arguments).data(),
                                   pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

int code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
}

namespace {

Finished run_to_end(const std::vector<std::string>& arguments, std::string_view input,
                    const std::vector<std::string>& environment, std::chrono::milliseconds limit) {
  const TemporaryDirectory directory;
  write_text(directory / "in", input);
  const pid_t pid = spawn(arguments, environment, directory / "in", directory / "out", directory / "err");
  Finished finished;
  if (pid < 0) {
    finished.err = "cannot run " + arguments.front();
    return finished;
  }
  int status = 0;
  if (!eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, limit)) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  finished.status = code_of(status);
  finished.out = read_text(directory / "out");
  finished.err = read_text(directory / "err");
  return finished;
}

}  // namespace

Finished run(const std::vector<std::string>& arguments, std::string_view input, const Environment& environment,
             std::chrono::milliseconds limit) {
  return run_to_end(arguments, input, with_ours(environment), limit);
}

Finished run_with_only(const Environment& environment, const std::vector<std::string>& arguments,
                       std::string_view input) {
  std::vector<std::string> all;
  for (const auto& [name, value] : environment) all.push_back(name + "=" + value);
  return run_to_end(arguments, input, all, std::chrono::seconds(60));
}

Background::Background(const std::vector<std::string>& arguments, const std::string& log_file,
                       const Environment& environment)
    : pid_(spawn(arguments, with_ours(environment), "/dev/null", log_file, log_file)), log_file_(log_file) {}

Background::~Background() {
  if (pid_ < 0 || status_) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Background::signal(int number) const {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

std::optional<int> Background::wait(std::chrono::milliseconds limit) {
  int status = 0;
  if (status_ || pid_ < 0) return status_;
  if (eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, limit)) status_ = code_of(status);
  return status_;
}

std::string Background::log() const {
  return read_text(log_file_);
}

}  // namespace signer::test
