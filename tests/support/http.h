// SPDX-License-Identifier: Apache-2.0
//
// A plain HTTP client over a Unix socket, written apart from the product's: it can also say what no client should.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "jose/json.h"

namespace signer::test {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  [[nodiscard]] jose::Json json() const { return jose::Json::parse(body, nullptr, false); }

  // The problem's code, or "".
  [[nodiscard]] std::string code() const;
};

class HttpConnection {
 public:
  explicit HttpConnection(const std::string& socket_path);

  [[nodiscard]] bool open() const { return fd_.valid(); }

  // Sends bytes as they are; false if the peer has closed.
  bool send(const std::string& bytes);

  // The next reply; nothing if the peer closes or the limit passes first.
  [[nodiscard]] std::optional<HttpReply> receive(std::chrono::milliseconds limit = std::chrono::seconds(30));

  // True if the peer closes within the limit; what it sends before is dropped.
  [[nodiscard]] bool closed_by_peer(std::chrono::milliseconds limit = std::chrono::seconds(30));

  [[nodiscard]] std::optional<HttpReply> get(const std::string& path);
  [[nodiscard]] std::optional<HttpReply> post(const std::string& path, const std::string& json,
                                              const std::string& more_headers = {});

 private:
  [[nodiscard]] bool fill(std::chrono::steady_clock::time_point deadline);

  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace signer::test
