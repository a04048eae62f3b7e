// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at random moments under load, again and again: every token that a caller got has its record, and a stranger's
// check of the log passes after each restart (invariant 1).  A killed process keeps what the kernel has of its files,
// so that each record is synced before its token leaves is for tests/unit/audit/faults_test.cc to show.  SIGNER_CRASHES
// says how often; nightly 1,000 times.
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include "tests/e2e/audit_log.h"
#include "tests/support/seed.h"

namespace signer::test {

namespace {

struct Token {
  std::string jti;
  std::uint64_t index = 0;
};

// Callers who note what they got until the daemon is gone.
class Callers {
 public:
  explicit Callers(const std::string& socket, int count = 4) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, socket] { call(socket); });
  }

  [[nodiscard]] std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return got_.size();
  }

  [[nodiscard]] bool all_ended() const { return ended_ == threads_.size(); }

  // Once the daemon is gone.
  [[nodiscard]] std::vector<Token> take() {
    threads_.clear();
    return std::move(got_);
  }

 private:
  void call(const std::string& socket) {
    HttpConnection connection(socket);
    while (const auto reply = connection.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})")) {
      if (reply->status != 200) continue;
      const auto body = reply->json();
      const std::lock_guard lock(mutex_);
      got_.push_back({body["jti"].get<std::string>(), body["audit"]["index"].get<std::uint64_t>()});
    }
    ++ended_;
  }

  mutable std::mutex mutex_;
  std::vector<Token> got_;
  std::atomic<std::size_t> ended_{0};
  std::vector<std::jthread> threads_;
};

class AuditCrash : public AuditedDaemon {
 protected:
  AuditCrash() : AuditedDaemon("segment_bytes = 65536\n") {}

  static int crashes() {
    const char* asked = std::getenv("SIGNER_CRASHES");
    return asked == nullptr ? 50 : std::atoi(asked);
  }
};

TEST_F(AuditCrash, Invariant01_AfterKillsAtRandomMomentsEveryTokenHasItsRecordAndTheLogIsWhole) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::size_t tokens = 0;
  ASSERT_TRUE(becomes_covered(0)) << "a log that nothing covers yet is one that nobody vouches for";
  for (int round = 0; round < crashes(); ++round) {
    Callers callers(daemon_.socket());
    const std::size_t enough = random() % 40;
    ASSERT_TRUE(eventually([&] { return callers.count() >= enough || callers.all_ended(); }));
    daemon_.process().signal(SIGKILL);
    ASSERT_TRUE(daemon_.process().wait(std::chrono::seconds(20)));
    const std::vector<Token> got = callers.take();
    tokens += got.size();

    ASSERT_TRUE(daemon_.start()) << "round " << round << ": " << daemon_.log();
    const auto records = daemon_.audit_records();
    for (const Token& token : got) {
      ASSERT_LT(token.index, records.size()) << "round " << round << ": a token left and its record is gone";
      ASSERT_EQ(records[token.index]["event"], "issue") << round;
      ASSERT_EQ(records[token.index]["jti"], token.jti) << round;
    }
    const Finished whole = verify();
    ASSERT_EQ(whole.status, 0) << "round " << round << ": " << whole.out << whole.err;
    ASSERT_TRUE(daemon_.ready()) << round;
  }
  std::printf("%d kills, %zu tokens\n", crashes(), tokens);
  EXPECT_GT(tokens, static_cast<std::size_t>(crashes())) << "the load was none";
  ASSERT_EQ(daemon_.stop(), 0);
  const Finished second = run({"/usr/bin/python3", SECOND_OPINION, "log", vkey(), log_directory()});
  EXPECT_EQ(second.status, 0) << second.out << second.err;
}

}  // namespace

}  // namespace signer::test
