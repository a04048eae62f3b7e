// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <sstream>

namespace signer::test {

std::string HttpReply::code() const {
  const jose::Json problem = json();
  return problem.is_object() && problem.contains("code") ? problem["code"].get<std::string>() : "";
}

HttpConnection::HttpConnection(const std::string& socket_path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.data(), std::min(socket_path.size(), sizeof address.sun_path - 1));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) fd_ = std::move(fd);
}

bool HttpConnection::send(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

bool HttpConnection::fill(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  pollfd readable{fd_.get(), POLLIN, 0};
  if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) != 1) return false;
  std::array<char, 65536> chunk{};
  const ssize_t count = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
  if (count <= 0) return false;
  buffer_.append(chunk.data(), static_cast<std::size_t>(count));
  return true;
}

std::optional<HttpReply> HttpConnection::receive(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::size_t head_end = 0;
  while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill(deadline)) return std::nullopt;
  }
  HttpReply reply;
  std::istringstream head(buffer_.substr(0, head_end));
  std::string line;
  std::getline(head, line);
  reply.status = std::stoi(line.substr(9, 3));
  while (std::getline(head, line)) {
    const std::size_t colon = line.find(':');
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string value = line.substr(colon + 2);
    if (value.ends_with('\r')) value.pop_back();
    reply.headers[name] = value;
  }
  const std::size_t length = reply.headers.contains("content-length") ? std::stoul(reply.headers["content-length"]) : 0;
  buffer_.erase(0, head_end + 4);
  while (buffer_.size() < length) {
    if (!fill(deadline)) return std::nullopt;
  }
  reply.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  if (reply.status == 100) return receive(limit);
  return reply;
}

bool HttpConnection::closed_by_peer(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::array<char, 65536> dropped{};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd readable{fd_.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) != 1) return false;
    if (::recv(fd_.get(), dropped.data(), dropped.size(), 0) <= 0) return true;
  }
}

std::optional<HttpReply> HttpConnection::get(const std::string& path) {
  if (!send("GET " + path + " HTTP/1.1\r\nHost: signer\r\n\r\n")) return std::nullopt;
  return receive();
}

std::optional<HttpReply> HttpConnection::post(const std::string& path, const std::string& json,
                                              const std::string& more_headers) {
  const std::string request = "POST " + path + " HTTP/1.1\r\nHost: signer\r\nContent-Type: application/json\r\n" +
                              more_headers + "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json;
  if (!send(request)) return std::nullopt;
  return receive(std::chrono::seconds(90));
}

}  // namespace signer::test
