// SPDX-License-Identifier: Apache-2.0

#include "server/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/file.h"
#include "base/unique_fd.h"
#include "request/unit_name.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5, on every architecture but parisc and sparc
#endif

namespace signer::server {

namespace {

constexpr std::size_t kCgroupTextMax = 64UL * 1024;

// The path of the unified hierarchy, or nothing.
std::optional<std::string_view> unified_path(std::string_view text) {
  static constexpr std::string_view kUnified = "0::/";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(kUnified)) return line.substr(kUnified.size());
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

std::string text_of_cgroup(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  std::string text;
  std::array<char, 4096> buffer{};
  while (file.valid() && text.size() < kCgroupTextMax) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {};
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return {};  // what is cut off might have been something else
}

bool lives(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;  // readable once the process has ended
}

UniqueFd peer_pidfd(int socket) {
  int pidfd = -1;
  socklen_t size = sizeof pidfd;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0) return {};
  return UniqueFd(pidfd);
}

}  // namespace

std::string unit_of_cgroup(std::string_view text) {
  const auto path = unified_path(text);
  std::string_view rest = path.value_or("");
  while (!rest.empty()) {
    std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name.starts_with('_')) name.remove_prefix(1);  // what would look like a file of the kernel is written so
    if (is_plain_unit_name(name) && name.ends_with(".slice")) continue;
    return is_process_unit(name) ? std::string(name) : std::string();
  }
  return {};
}

std::string unit_of_process(int pidfd, pid_t pid, const std::string& proc) {
  if (pidfd < 0 || pid <= 0) return {};
  std::string unit = unit_of_cgroup(text_of_cgroup(proc + "/" + std::to_string(pid) + "/cgroup"));
  return lives(pidfd) ? unit : std::string();
}

std::string unit_of_peer(int socket, pid_t pid) {
  const UniqueFd pidfd = peer_pidfd(socket);
  return pidfd.valid() ? unit_of_process(pidfd.get(), pid) : std::string();
}

Result<void> units_can_be_known(const std::string& proc) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(ErrorCode::kInternal, "socketpair: " + errno_text(errno));
  }
  const UniqueFd one(ends[0]);
  const UniqueFd other(ends[1]);
  if (!peer_pidfd(one.get()).valid()) {
    return fail(ErrorCode::kInternal, "this kernel has no SO_PEERPIDFD; Linux 6.5 has");
  }
  if (!unified_path(text_of_cgroup(proc + "/self/cgroup"))) {
    return fail(ErrorCode::kInternal, proc + "/self/cgroup names no cgroup v2; it is not mounted");
  }
  return {};
}

}  // namespace signer::server
