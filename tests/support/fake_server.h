// SPDX-License-Identifier: Apache-2.0
//
// A server on a Unix socket of its own directory that says exactly what a test tells it to, wrong things included.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

// A listening socket at `path`.
inline UniqueFd listen_at(const std::string& path, int backlog) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) std::abort();
  std::copy(path.begin(), path.end(), address.sun_path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  if (::listen(fd.get(), backlog) != 0) std::abort();
  return fd;
}

struct Request {
  std::string line;  // "GET /v1/jwks HTTP/1.1"
  std::string head;  // with all headers
  std::string body;
  int connection = 0;  // 0 for the first that was accepted
};

struct Answer {
  enum class Then { kKeepOpen, kClose, kStall };

  std::string bytes;
  Then then = Then::kKeepOpen;
};

// A reply as signerd writes it.
inline std::string http(int status, std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " Some Words\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string problem(int status, std::string_view code, std::string_view headers = "") {
  return http(status,
              R"({"type":"about:blank","title":"No","status":)" + std::to_string(status) + R"(,"code":")" +
                  std::string(code) + R"(","detail":"because","request_id":"5f0c"})",
              "Content-Type: application/problem+json\r\nX-Request-Id: 5f0c\r\n" + std::string(headers));
}

// Serves one connection after the other on a thread of its own; `handler` runs on that thread.
class FakeServer {
 public:
  using Handler = std::function<Answer(const Request&)>;

  explicit FakeServer(Handler handler)
      : handler_(std::move(handler)), socket_(directory_ / "s"), listener_(listen_at(socket_, 8)) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    stop_reading_.reset(ends[0]);
    stop_writing_.reset(ends[1]);
    thread_ = std::thread([this] { run(); });
  }

  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  ~FakeServer() {
    stop_writing_.reset();
    thread_.join();
  }

  [[nodiscard]] const std::string& socket() const { return socket_; }

  [[nodiscard]] std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  [[nodiscard]] int connections() const { return connections_; }

 private:
  // Waits until `fd` is readable; false if the server is to stop.
  bool readable(int fd) const {
    std::array<pollfd, 2> waiting{pollfd{fd, POLLIN, 0}, pollfd{stop_reading_.get(), POLLIN, 0}};
    while (::poll(waiting.data(), waiting.size(), -1) < 0) {
    }
    return waiting[1].revents == 0;
  }

  void run() {
    while (readable(listener_.get())) {
      const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection.valid()) continue;
      serve(connection.get(), connections_++);
    }
  }

  void serve(int fd, int number) {
    std::string buffer;
    while (true) {
      Request request;
      request.connection = number;
      if (!read_request(fd, buffer, request)) return;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const Answer answer = handler_(request);
      std::string_view left = answer.bytes;
      while (!left.empty()) {
        const ssize_t sent = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        left.remove_prefix(static_cast<std::size_t>(sent));
      }
      if (answer.then == Answer::Then::kClose) return;
      if (answer.then == Answer::Then::kStall) {
        static_cast<void>(readable(fd));  // until the client gives up, or the test ends
        return;
      }
    }
  }

  bool read_request(int fd, std::string& buffer, Request& request) const {
    std::size_t head = std::string::npos;
    while ((head = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!receive(fd, buffer)) return false;
    }
    request.head = buffer.substr(0, head + 2);
    request.line = request.head.substr(0, request.head.find("\r\n"));
    buffer.erase(0, head + 4);
    std::size_t length = 0;
    constexpr std::string_view kName = "Content-Length: ";
    if (const std::size_t at = request.head.find(kName); at != std::string::npos) {
      std::from_chars(request.head.data() + at + kName.size(), request.head.data() + request.head.size(), length);
    }
    while (buffer.size() < length) {
      if (!receive(fd, buffer)) return false;
    }
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);
    return true;
  }

  bool receive(int fd, std::string& buffer) const {
    if (!readable(fd)) return false;
    std::array<char, 4096> bytes{};
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    buffer.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }

  TemporaryDirectory directory_;
  Handler handler_;
  std::string socket_;
  UniqueFd listener_;
  UniqueFd stop_reading_;
  UniqueFd stop_writing_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace signer::test
