// SPDX-License-Identifier: Apache-2.0

#include "client/unix_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"

namespace signer::client {

namespace {

using std::chrono::milliseconds;

// Rounded up, so that a wait never spins through the last millisecond.
milliseconds left_until(Deadline deadline) {
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()));
}

Failure<Error> too_late(std::string_view what) {
  return fail(ErrorCode::kDeadlineExceeded, "client: " + std::string(what) + ": no answer in time");
}

Failure<Error> connect_failure(const std::string& path, int error) {
  if (error == EACCES || error == EPERM) {
    return fail(ErrorCode::kDenied, "client: connect " + path + ": " + errno_text(error) +
                                        "; ask the operator to add you to the group of the socket");
  }
  return fail(ErrorCode::kInternal, "signerd does not answer on " + path + "; is it running? " + errno_text(error));
}

}  // namespace

Result<UnixStream> UnixStream::connect(const std::string& path, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalidRequest,
                "client: connect: a socket path has 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::copy(path.begin(), path.end(), address.sun_path);

  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(ErrorCode::kInternal, "client: socket: " + errno_text(errno));
  while (true) {
    const milliseconds left = left_until(deadline);
    if (left == milliseconds(0)) return too_late("connect " + path);
    // A full queue makes a non-blocking connect fail at once and offers nothing to poll (unix(7)); a blocking one waits
    // as long as the send timeout.
    const timeval limit{left.count() / 1000, (left.count() % 1000) * 1000};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
      return fail(ErrorCode::kInternal, "client: setsockopt SO_SNDTIMEO: " + errno_text(errno));
    }
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) break;
    if (errno == EAGAIN) return too_late("connect " + path);
    if (errno != EINTR) return connect_failure(path, errno);
  }
  return UnixStream(std::move(fd));
}

bool UnixStream::stale() const noexcept {
  pollfd waiting{fd_.get(), POLLIN | POLLRDHUP, 0};
  return ::poll(&waiting, 1, 0) != 0;
}

Result<void> UnixStream::wait(short events, Deadline deadline) const {
  while (true) {
    pollfd waiting{fd_.get(), events, 0};
    const milliseconds left = std::min(left_until(deadline), milliseconds(3'600'000));
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    if (ready == 0 && left_until(deadline) == milliseconds(0)) return too_late("wait");
    if (ready < 0 && errno != EINTR) return fail(ErrorCode::kInternal, "client: poll: " + errno_text(errno));
  }
}

Result<std::size_t> UnixStream::send_some(std::string_view bytes, Deadline deadline) {
  while (true) {
    SIGNER_RETURN_IF_ERROR(wait(POLLOUT, deadline));
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) return static_cast<std::size_t>(sent);
    if (errno != EINTR && errno != EAGAIN) return fail(ErrorCode::kInternal, "client: send: " + errno_text(errno));
  }
}

Result<std::size_t> UnixStream::receive_some(std::span<char> buffer, Deadline deadline) {
  while (true) {
    SIGNER_RETURN_IF_ERROR(wait(POLLIN, deadline));
    const ssize_t received = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received >= 0) return static_cast<std::size_t>(received);
    if (errno != EINTR && errno != EAGAIN) return fail(ErrorCode::kInternal, "client: receive: " + errno_text(errno));
  }
}

}  // namespace signer::client
