// SPDX-License-Identifier: Apache-2.0
//
// Callers who ask for tokens all the time while a test does harm, and a judge of every reply that they get.
#pragma once

#include <signal.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "signer/jws.h"
#include "signer/key_set.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

// The keys that the daemon published when the judge was made.  Thread-safe.
class Judge {
 public:
  explicit Judge(const TestDaemon& daemon) : keys_(published(daemon)) {}

  [[nodiscard]] bool verifies(const std::string& token) const {
    const jws::Policy policy({Algorithm::kRs256}, jws::TypeRule::is("at+jwt"));
    return jws::verify(token, keys_, policy).has_value();
  }

  // A reply with a token that verifies.
  [[nodiscard]] bool approves(const std::optional<HttpReply>& reply) const {
    return reply && reply->status == 200 && verifies(reply->json()["token"].get<std::string>());
  }

 private:
  static KeySet published(const TestDaemon& daemon) {
    HttpConnection connection(daemon.socket());
    return *KeySet::from_jwks(connection.get("/v1/jwks")->body);
  }

  KeySet keys_;
};

// Several callers, each with a connection of its own, from construction to stop() at the latest.
class Load {
 public:
  Load(const TestDaemon& daemon, const Judge& judge, int callers = 8) : socket_(daemon.socket()), judge_(judge) {
    for (int i = 0; i < callers; ++i) callers_.emplace_back([this] { call(); });
  }

  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { stop(); }

  void stop() {
    stopping_ = true;
    callers_.clear();  // joins them
  }

  [[nodiscard]] int issued() const { return issued_; }

  [[nodiscard]] int failed() const { return failed_; }

  // Replies of 200 whose token does not verify.
  [[nodiscard]] int wrong() const { return wrong_; }

  // Waits for so many more tokens; false if they do not come, or a request fails first.
  [[nodiscard]] bool goes_on(int more = 20) const {
    const int before = issued_;
    return eventually([&] { return issued_ > before + more || failed_ > 0; }) && failed_ == 0;
  }

  [[nodiscard]] std::string last_failure() const {
    const std::lock_guard lock(mutex_);
    return last_failure_;
  }

 private:
  void call() {
    HttpConnection connection(socket_);
    while (!stopping_) {
      const auto reply = connection.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})");
      if (judge_.approves(reply)) {
        ++issued_;
      } else if (reply && reply->status == 200) {
        ++wrong_;
      } else {
        ++failed_;
        const std::lock_guard lock(mutex_);
        last_failure_ = reply ? reply->body : "no reply";
      }
      if (!reply) return;
    }
  }

  const std::string socket_;
  const Judge& judge_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> issued_{0};
  std::atomic<int> failed_{0};
  std::atomic<int> wrong_{0};
  mutable std::mutex mutex_;
  std::string last_failure_;
  std::vector<std::jthread> callers_;
};

// Sends the token's host a signal and waits until another host has taken its place.
[[nodiscard]] inline bool replace_host(const TestDaemon& daemon, int signal_number) {
  pid_t host = -1;
  if (!eventually([&] { return (host = daemon.host_pid()) > 0; })) return false;
  ::kill(host, signal_number);
  return eventually([&] {
    const pid_t now = daemon.host_pid();
    return now > 0 && now != host;
  });
}

}  // namespace signer::test
