// SPDX-License-Identifier: Apache-2.0
//
// The Unix sockets: made without a moment in which somebody else could connect, counted per caller, served by
// Connection.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/flood_gate.h"
#include "base/unique_fd.h"
#include "config/config.h"
#include "server/burden.h"
#include "server/handlers.h"

namespace signer::server {

class Connection;

struct ServerLimits {
  std::size_t connections_each_uid_max = 256;
  std::size_t connections_max = 4096;
  std::chrono::seconds request_time_max{10};  // from its first byte to its last
  std::chrono::seconds idle_time_max{600};
};

// A listening socket at `path`, in a directory that nobody but its owner can write (or a sticky one): bound under a
// temporary name with mode 0600, given its group and mode there, then renamed into place.  A socket that somebody still
// answers is left alone (kInvalidRequest); one that nobody answers is replaced.
[[nodiscard]] Result<UniqueFd> listen_at(const config::Listener& listener, std::optional<gid_t> group);

// Belongs to the event loop's thread.
class Server {
 public:
  Server(boost::asio::io_context& loop, const Clock& clock, Handlers& handlers, ServerLimits limits);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Serves an already listening socket under this path.
  [[nodiscard]] Result<void> serve(UniqueFd socket, const std::string& path);

  // Accepts nothing more, removes the sockets, and lets every connection end after the request it is in.
  void drain();

  [[nodiscard]] std::size_t connection_count() const noexcept { return connections_.size(); }

  // Closes what is left.
  void close_all();

 private:
  friend class Connection;

  struct Listening {
    std::string path;
    boost::asio::local::stream_protocol::acceptor acceptor;
    boost::asio::steady_timer pause;
    ino_t inode = 0;
  };

  void accept(Listening& listening);
  void admit(boost::asio::local::stream_protocol::socket socket, const std::string& path);
  void ended(const std::shared_ptr<Connection>& connection);
  void log_peer(std::string_view event, uid_t uid, const std::string& reason);

  boost::asio::io_context& loop_;
  const Clock& clock_;
  Handlers& handlers_;
  ServerLimits limits_;
  std::vector<std::unique_ptr<Listening>> listening_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::map<uid_t, std::size_t> connections_of_;
  FloodGate log_gate_{10, 50};
  Burden burden_;
  bool draining_ = false;
};

}  // namespace signer::server
