// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "server/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/log.h"
#include "server/connection.h"
#include "server/unit.h"

namespace signer::server {

namespace {

using boost::asio::local::stream_protocol;
using boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};

Failure<Error> failure(std::string_view tried, const std::string& path, int error) {
  return fail(ErrorCode::kInternal, "listener: " + std::string(tried) + " " + path + ": " + errno_text(error));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

// Whoever can write the directory can put a socket of their own in this one's place and be sent the claims.
Result<void> check_directory(const std::string& path) {
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return failure("look at", directory, errno);
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return fail(ErrorCode::kInvalidRequest, "listener: " + directory + " belongs to uid " +
                                                std::to_string(status.st_uid) +
                                                ", who can replace the socket; give it to root or to signerd's user");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (status.st_mode & S_ISVTX) != 0) return {};
  return fail(ErrorCode::kInvalidRequest, "listener: group or others can write " + directory +
                                              " and replace the socket; run: chmod go-w " + directory);
}

// Refuses to take a path away from whoever answers there, or from a file that is no socket.
Result<void> check_place(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return failure("look at", path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorCode::kInvalidRequest,
                "listener: " + path + " exists and is no socket; remove it or choose another path");
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(path);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED) {
    return fail(ErrorCode::kInvalidRequest, "listener: somebody answers at " + path + "; stop that process first");
  }
  log::info("stale_socket_replaced", {{"path", path}});
  return {};
}

// Nothing if the kernel does not say who it is: such a connection is closed.
std::optional<PeerIdentity> peer_of(int fd, const std::string& path) {
  PeerIdentity peer;
  peer.listener = path;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || credentials.pid == 0) return std::nullopt;
  peer.uid = credentials.uid;
  peer.gid = credentials.gid;
  peer.pid = credentials.pid;
  socklen_t bytes = 0;
  ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes);
  peer.groups.resize(bytes / sizeof(gid_t));
  if (bytes == 0 || ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes) != 0) peer.groups.clear();
  return peer;
}

}  // namespace

Result<UniqueFd> listen_at(const config::Listener& listener, std::optional<gid_t> group) {
  SIGNER_RETURN_IF_ERROR(check_directory(listener.path));
  SIGNER_RETURN_IF_ERROR(check_place(listener.path));
  const std::string temporary = listener.path + ".new";
  SIGNER_RETURN_IF_ERROR(check_place(temporary));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return failure("make a socket for", listener.path, errno);
  const sockaddr_un address = address_of(temporary);
  ::unlink(temporary.c_str());
  const mode_t before = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int bind_error = errno;
  ::umask(before);
  if (bound != 0) return failure("bind", temporary, bind_error);
  const auto abandon = [&temporary](Failure<Error> why) {
    ::unlink(temporary.c_str());
    return why;
  };
  if (group && ::chown(temporary.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return abandon(failure("give group " + listener.group + " to", listener.path, errno));
  }
  if (::chmod(temporary.c_str(), listener.mode) != 0) return abandon(failure("set the mode of", listener.path, errno));
  if (::listen(fd.get(), kBacklog) != 0) return abandon(failure("listen at", listener.path, errno));
  if (::rename(temporary.c_str(), listener.path.c_str()) != 0)
    return abandon(failure("put in place", listener.path, errno));
  return fd;
}

Server::Server(boost::asio::io_context& loop, const Clock& clock, Handlers& handlers, ServerLimits limits)
    : loop_(loop), clock_(clock), handlers_(handlers), limits_(limits) {}

Server::~Server() = default;

Result<void> Server::serve(UniqueFd socket, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return failure("look at", path, errno);
  error_code error;
  stream_protocol::acceptor acceptor(loop_);
  acceptor.assign(stream_protocol(), socket.release(), error);
  if (error) return fail(ErrorCode::kInternal, "listener: take over " + path + ": " + error.message());
  listening_.push_back(std::make_unique<Listening>(
      Listening{path, std::move(acceptor), boost::asio::steady_timer(loop_), status.st_ino}));
  accept(*listening_.back());
  log::info("listening", {{"path", path}});
  return {};
}

void Server::accept(Listening& listening) {
  listening.acceptor.async_accept([this, &listening](const error_code& error, stream_protocol::socket socket) {
    if (draining_ || error == boost::asio::error::operation_aborted) return;
    if (!error) {
      admit(std::move(socket), listening.path);
      return accept(listening);
    }
    // Out of descriptors or memory: the connections there are go on, new ones wait in the backlog for a moment.
    log::error("accept_failed", {{"path", listening.path}, {"reason", error.message()}});
    listening.pause.expires_after(kAcceptPause);
    listening.pause.async_wait([this, &listening](const error_code& stopped) {
      if (!stopped) accept(listening);
    });
  });
}

void Server::admit(stream_protocol::socket socket, const std::string& path) {
  pipeline::Metrics& metrics = handlers_.metrics();
  const SteadyTime began = clock_.steady();
  auto peer = peer_of(socket.native_handle(), path);
  if (!peer) return;
  const auto known = connections_of_.find(peer->uid);
  const std::size_t of_this_uid = known == connections_of_.end() ? 0 : known->second;
  if (connections_.size() >= limits_.connections_max || of_this_uid >= limits_.connections_each_uid_max) {
    // One line when the limit is met, not one for each attempt.
    if (++metrics.connections_refused % 1024 == 1) {
      log::warn("connection_refused", {{"uid", peer->uid},
                                       {"of_this_uid", of_this_uid},
                                       {"all", connections_.size()},
                                       {"refused_so_far", metrics.connections_refused}});
    }
    return;
  }
  peer->unit = unit_of_peer(socket.native_handle(), peer->pid);  // not for those that are turned away
  ++connections_of_[peer->uid];
  ++metrics.connections_accepted;
  ++metrics.connections_open;
  const auto connection = std::make_shared<Connection>(*this, std::move(socket), *std::move(peer));
  connections_.insert(connection);
  connection->start();
  const SteadyTime now = clock_.steady();
  static_cast<void>(burden_.add(connection->peer().uid, now - began, now));  // a connection waits for nothing
}

// What any stranger can cause, as often as they like.
void Server::log_peer(std::string_view event, uid_t uid, const std::string& reason) {
  const auto suppressed = log_gate_.pass(uid, clock_.steady());
  if (suppressed) log::warn(event, {{"uid", uid}, {"reason", reason}, {"suppressed", *suppressed}});
}

void Server::ended(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 0) return;
  --handlers_.metrics().connections_open;
  const auto count = connections_of_.find(connection->peer().uid);
  if (--count->second == 0) connections_of_.erase(count);
}

void Server::drain() {
  draining_ = true;
  error_code ignored;
  for (const auto& listening : listening_) {
    listening->acceptor.close(ignored);
    listening->pause.cancel();
    struct stat status {};
    if (::lstat(listening->path.c_str(), &status) == 0 && status.st_ino == listening->inode)
      ::unlink(listening->path.c_str());
  }
  const auto connections = connections_;
  for (const auto& connection : connections) connection->drain();
}

void Server::close_all() {
  const auto connections = connections_;
  for (const auto& connection : connections) connection->close();
}

}  // namespace signer::server
