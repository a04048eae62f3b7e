// SPDX-License-Identifier: Apache-2.0

#include "token/host_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/file.h"
#include "channel/frames.h"
#include "channel/host_service.h"

namespace signer::token {

namespace {

// Above every descriptor a host gets, so that moving them down never overwrites one that still has to move.
constexpr int kParkedFdMin = 256;

struct ChannelPair {
  UniqueFd ours;
  UniqueFd theirs;
};

Failure<Error> failure(std::string_view tried, const std::string& what, int error) {
  return fail(ErrorCode::kInternal, "host: " + std::string(tried) + " " + what + ": " + errno_text(error));
}

Result<ChannelPair> make_channel() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return failure("make", "a socketpair", errno);
  ChannelPair pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
  const int parked = ::fcntl(pair.theirs.get(), F_DUPFD_CLOEXEC, kParkedFdMin);
  if (parked < 0) return failure("duplicate", "a descriptor", errno);
  pair.theirs.reset(parked);
  if (::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK) != 0) return failure("set", "O_NONBLOCK", errno);
  return pair;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) merged.emplace_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

Result<pid_t> spawn(const HostProgram& program, const std::vector<ChannelPair>& channels) {
  std::vector<std::string> arguments = {program.path};
  arguments.insert(arguments.end(), program.arguments.begin(), program.arguments.end());
  arguments.push_back(std::to_string(channels.size() - 1));
  std::vector<std::string> environment = merged_environment(program.environment);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  for (std::size_t i = 0; i < channels.size(); ++i) {
    ::posix_spawn_file_actions_adddup2(&actions, channels[i].theirs.get(),
                                       channel::kFirstChannelFd + static_cast<int>(i));
  }
  // Nothing else of ours is a host's business: not the callers' connections, not the audit log.
  ::posix_spawn_file_actions_addclosefrom_np(&actions, channel::kFirstChannelFd + static_cast<int>(channels.size()));
  // A process group of its own: Ctrl-C at a terminal is signerd's to handle.
  sigset_t none;
  sigset_t defaults;
  ::sigemptyset(&none);
  ::sigfillset(&defaults);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.path.c_str(), &actions, &attributes, pointers(arguments).data(),
                                  pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error == ENOENT || error == EACCES || error == ENOEXEC) {
    auto missing = failure("run", program.path, error);
    missing.error.text += "; install it beside signerd, executable for signerd's user";
    return missing;
  }
  if (error != 0) return failure("run", program.path, error);
  return pid;
}

}  // namespace

Result<StartedHost> HostProcess::start(const HostProgram& program, std::size_t worker_count) {
  std::vector<ChannelPair> channels;
  for (std::size_t i = 0; i < worker_count + 1; ++i) {
    SIGNER_ASSIGN_OR_RETURN(ChannelPair pair, make_channel());
    channels.push_back(std::move(pair));
  }
  HostProcess process;
  SIGNER_ASSIGN_OR_RETURN(process.pid_, spawn(program, channels));
  process.pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, process.pid_, 0)));
  if (!process.pidfd_.valid()) return failure("open", "a pidfd", errno);
  StartedHost started{std::move(process), {}};
  for (ChannelPair& pair : channels) started.channels.push_back(std::move(pair.ours));
  return started;
}

HostProcess::HostProcess(HostProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

HostProcess::~HostProcess() {
  if (pid_ < 0) return;
  kill();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void HostProcess::kill() noexcept {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

std::optional<std::string> HostProcess::ended() {
  if (pid_ < 0) return "not running";
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

SendOutcome send_frame(int fd, const Bytes& frame) noexcept {
  while (true) {
    if (::send(fd, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return SendOutcome::kSent;
    if (errno != EINTR) return SendOutcome::kBroken;
  }
}

ReceiveOutcome receive_frame(int fd, Bytes& buffer, ByteView& frame) {
  buffer.resize(channel::kFrameBytesMax + 1);
  while (true) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return ReceiveOutcome::kNothing;
    if (count <= 0 || static_cast<std::size_t>(count) > channel::kFrameBytesMax) return ReceiveOutcome::kBroken;
    frame = ByteView(buffer).first(static_cast<std::size_t>(count));
    return ReceiveOutcome::kFrame;
  }
}

}  // namespace signer::token
