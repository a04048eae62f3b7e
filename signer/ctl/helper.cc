// SPDX-License-Identifier: Apache-2.0

#include "ctl/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "base/unique_fd.h"

namespace signer::ctl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kOutputMax = 1024UL * 1024;

bool is_program(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

// Our environment with the additions in place of what they replace.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!additions.contains(std::string(text.substr(0, text.find('='))))) all.emplace_back(text);
  }
  for (const auto& [name, value] : additions) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The attributes of a child: no descriptor but 0, 1, 2, and the signals that we ignore as they were.
class SpawnSetting {
 public:
  SpawnSetting(int output, int errors) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    ::posix_spawnattr_init(&attributes_);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF);
  }

  SpawnSetting(const SpawnSetting&) = delete;
  SpawnSetting& operator=(const SpawnSetting&) = delete;

  ~SpawnSetting() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }

  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

struct Pipe {
  UniqueFd reading;
  UniqueFd writing;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::kInternal, "pipe2: " + errno_text(errno));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Adds what can be read now; false at the end of the pipe.
Result<bool> read_some(int fd, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return true;
  if (count < 0) return fail(ErrorCode::kInternal, "read its output: " + errno_text(errno));
  text.append(buffer.data(), static_cast<std::size_t>(count));
  if (text.size() > kOutputMax) return fail(ErrorCode::kInternal, "printed more than 1 MiB and was killed");
  return count > 0;
}

// Reads both until the child has closed both.
Result<void> read_until(int out, int err, HelperReply& reply, steady_clock::time_point deadline) {
  std::array<pollfd, 2> waiting{pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    const int ready = left.count() <= 0 ? 0 : ::poll(waiting.data(), waiting.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(ErrorCode::kDeadlineExceeded, "gave no answer in time and was killed");
    for (pollfd& one : waiting) {
      if (one.fd < 0 || one.revents == 0) continue;
      SIGNER_ASSIGN_OR_RETURN(const bool more, read_some(one.fd, one.fd == out ? reply.out : reply.err));
      if (!more) one.fd = -1;
    }
  }
  return {};
}

// Its exit status; a child that closes its output and stays is killed at the deadline too.
int wait_for(pid_t child, steady_clock::time_point deadline) {
  // glibc 2.36 declares pidfd_open without extern "C", so that C++ cannot link it.
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd waiting{handle.get(), POLLIN, 0};
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    const int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) break;
    if (ready < 0 && errno == EINTR) continue;
    ::kill(child, SIGKILL);
    break;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return 127;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<std::string> find_helper(const std::string& given, const std::string& name) {
  if (!given.empty()) {
    if (is_program(given)) return given;
    return fail(ErrorCode::kNotFound, given + " is not a program");
  }
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::array<std::filesystem::path, 2> directories = {error ? "" : self.parent_path(), SIGNER_LIBEXEC_DIR};
  for (const auto& directory : directories) {
    if (directory.is_absolute() && is_program(directory / name)) return (directory / name).string();
  }
  return fail(ErrorCode::kNotFound, name + " is neither beside signerctl nor in " SIGNER_LIBEXEC_DIR "; install it");
}

Result<HelperReply> run_helper(const HelperRun& run) {
  const auto deadline = steady_clock::now() + run.time_max;
  SIGNER_ASSIGN_OR_RETURN(Pipe out, make_pipe());
  SIGNER_ASSIGN_OR_RETURN(Pipe err, make_pipe());
  std::vector<std::string> arguments = run.arguments;
  arguments.insert(arguments.begin(), run.program);
  std::vector<std::string> environment = environment_with(run.environment);
  const SpawnSetting setting(out.writing.get(), err.writing.get());
  pid_t child = 0;
  const int error = ::posix_spawn(&child, run.program.c_str(), setting.actions(), setting.attributes(),
                                  pointers_to(arguments).data(), pointers_to(environment).data());
  if (error != 0) return fail(ErrorCode::kInternal, "start " + run.program + ": " + errno_text(error));
  out.writing.reset();
  err.writing.reset();

  HelperReply reply;
  const auto read = read_until(out.reading.get(), err.reading.get(), reply, deadline);
  if (!read) ::kill(child, SIGKILL);
  reply.status = wait_for(child, deadline);
  if (!read) return fail(read.error().code, run.program + " " + read.error().text);
  if (reply.status == 0) std::fputs(reply.err.c_str(), stderr);
  return reply;
}

Result<jose::Json, Outcome> ask_helper(const Context& context, const HelperQuestion& question) {
  auto program = find_helper(question.given, question.name);
  if (!program) return fail(failed(context, Exit::kUsage, program.error()));
  const auto reply = run_helper(
      {.program = std::move(program).value(), .arguments = question.arguments, .environment = question.environment});
  if (!reply) return fail(failed(context, Exit::kUnavailable, reply.error()));
  if (reply->status != 0) return fail(helper_failed(context, question.name, *reply));
  auto parsed = jose::parse_json(reply->out, {.bytes_max = kOutputMax, .members_max = 100'000});
  if (parsed) return std::move(parsed).value();
  return fail(failed(context, Exit::kUnavailable, {ErrorCode::kInternal, question.name + ": " + parsed.error().text}));
}

Outcome helper_failed(const Context& context, const std::string& name, const HelperReply& reply) {
  constexpr int kPinRefused = 77;  // signer/channel: kExitPinRefused
  const bool no = reply.status == 1 || reply.status == kPinRefused;
  const Exit exit = no ? Exit::kNo : reply.status == 2 ? Exit::kUsage : Exit::kUnavailable;
  std::string said = reply.err.substr(0, reply.err.find_last_not_of('\n') + 1);
  if (said.empty()) said = name + " ended with status " + std::to_string(reply.status);
  if (context.json) std::replace(said.begin(), said.end(), '\n', ' ');
  return failed(context, exit, {no ? ErrorCode::kInvalidRequest : ErrorCode::kTokenUnavailable, said});
}

}  // namespace signer::ctl
