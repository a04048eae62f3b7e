// SPDX-License-Identifier: Apache-2.0

#include "tests/support/tpm_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "tests/support/tpm_wire.h"

namespace signer::test {

namespace {

using SteadyClock = std::chrono::steady_clock;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    std::fprintf(stderr, "socket path of %zu bytes is too long; use a shorter TMPDIR: %s\n", path.size(), path.c_str());
    std::abort();
  }
  path.copy(address.sun_path, path.size());
  return address;
}

UniqueFd make_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Appends bytes from `fd` until `out` has `size` of them.
bool read_up_to(int fd, int wake, SteadyClock::time_point deadline, Bytes& out, std::size_t size) {
  std::array<std::uint8_t, kTpmMessageBytesMax> chunk{};
  while (out.size() < size) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
    if (!wait_readable(fd, wake, left)) return false;
    const ssize_t got = ::recv(fd, chunk.data(), std::min(chunk.size(), size - out.size()), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out.insert(out.end(), chunk.begin(), chunk.begin() + got);
  }
  return true;
}

}  // namespace

UniqueFd connect_unix(const std::string& path) {
  const sockaddr_un address = address_of(path);
  UniqueFd fd = make_socket();
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) fd.reset();
  return fd;
}

UniqueFd listen_unix(const std::string& path) {
  const sockaddr_un address = address_of(path);
  UniqueFd fd = make_socket();
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd.get(), 64) != 0) {
    std::perror(path.c_str());
    std::abort();
  }
  return fd;
}

bool wait_readable(int fd, int wake, std::chrono::milliseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  for (;;) {
    std::array<pollfd, 2> both = {{{fd, POLLIN, 0}, {wake, POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    const int ready = ::poll(both.data(), both.size(), static_cast<int>(std::max<long long>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0 && both[1].revents == 0;
  }
}

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<Bytes> read_message(int fd, int wake, std::chrono::milliseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  Bytes message;
  if (!read_up_to(fd, wake, deadline, message, kTpmHeaderBytes)) return std::nullopt;
  const std::size_t size = claimed_size(message);
  if (size < kTpmHeaderBytes || size > kTpmMessageBytesMax) return std::nullopt;
  if (!read_up_to(fd, wake, deadline, message, size)) return std::nullopt;
  return message;
}

}  // namespace signer::test
