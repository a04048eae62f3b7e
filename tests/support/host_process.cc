// SPDX-License-Identifier: Apache-2.0

#include "tests/support/host_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "channel/frames.h"
#include "channel/host_service.h"

namespace signer::test {

namespace {

constexpr int kPatienceMs = 20'000;

void require(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::abort();
}

}  // namespace

HostProcess::HostProcess(std::string program, const std::string& log_file) {
  std::array<UniqueFd, 2> theirs;
  for (std::size_t i = 0; i < ours_.size(); ++i) {
    int pair[2]{};
    require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    ours_[i].reset(pair[0]);
    theirs[i].reset(pair[1]);
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // First out of the way of 3 and 4, then into place; dup2 clears close-on-exec.
  for (int i = 0; i < 2; ++i) {
    ::posix_spawn_file_actions_adddup2(&actions, theirs[static_cast<std::size_t>(i)].get(), 100 + i);
  }
  for (int i = 0; i < 2; ++i) ::posix_spawn_file_actions_adddup2(&actions, 100 + i, channel::kFirstChannelFd + i);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, channel::kFirstChannelFd + 2);
  if (!log_file.empty()) {
    ::posix_spawn_file_actions_addopen(&actions, 2, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  }
  std::string words[] = {"host", "--workers", "1"};
  char* argv[] = {program.data(), words[0].data(), words[1].data(), words[2].data(), nullptr};
  require(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environ) == 0, program.c_str());
  ::posix_spawn_file_actions_destroy(&actions);
}

HostProcess::~HostProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void HostProcess::send(std::size_t channel, const Bytes& frame) {
  const ssize_t sent = ::send(ours_.at(channel).get(), frame.data(), frame.size(), MSG_NOSIGNAL);
  require(sent == static_cast<ssize_t>(frame.size()), "send to the host");
}

Bytes HostProcess::receive(std::size_t channel) {
  pollfd poll{ours_.at(channel).get(), POLLIN, 0};
  if (::poll(&poll, 1, kPatienceMs) != 1) return {};
  Bytes frame(channel::kFrameBytesMax);
  const ssize_t count = ::recv(ours_.at(channel).get(), frame.data(), frame.size(), 0);
  frame.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return frame;
}

Bytes HostProcess::ask(std::size_t channel, const Bytes& frame) {
  send(channel, frame);
  return receive(channel);
}

void HostProcess::hang_up() {
  for (UniqueFd& fd : ours_) fd.reset();
}

int HostProcess::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

}  // namespace signer::test
