// SPDX-License-Identifier: Apache-2.0
//
// A TPM as slow as silicon and more callers than it can serve: who cannot be served in time is told so at once, the
// others are served, and everyone who watches the daemon sees it.  Without these a slow token would answer nobody: each
// request would wait for its turn until it is too late.

#include <algorithm>
#include <mutex>
#include <thread>

#include "tests/e2e/fixture.h"
#include "tests/e2e/load.h"

namespace signer::test {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSlow{150};

struct Timed {
  std::optional<HttpReply> reply;
  milliseconds took{0};
};

Timed ask(const std::string& socket, milliseconds patience) {
  const auto begin = std::chrono::steady_clock::now();
  HttpConnection connection(socket);
  Timed timed;
  timed.reply = connection.post("/v1/keys/issuer/tokens", R"({"claims":{"sub":"x"}})",
                                "Request-Timeout: " + std::to_string(patience.count()) + "ms\r\n");
  timed.took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  return timed;
}

bool is_overloaded(const Timed& timed) {
  return timed.reply && timed.reply->status == 503 && timed.reply->code() == "overloaded";
}

class TpmOverload : public RunningDaemon {
 protected:
  TpmOverload() : RunningDaemon(behind_interposer()) {}

  static DaemonOptions behind_interposer() {
    DaemonOptions options;
    options.device = Device::kTpmBehindInterposer;
    return options;
  }

  // Every command takes kSlow more, and the daemon knows it.
  void SetUp() override {
    RunningDaemon::SetUp();
    judge_ = std::make_unique<Judge>(daemon_);
    daemon_.interposer().delay({}, kSlow);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(judge_->approves(daemon_.issue())) << daemon_.log();
  }

  // So many callers at once, each for one token.
  std::vector<Timed> flood(int callers, milliseconds patience) {
    std::vector<Timed> all(static_cast<std::size_t>(callers));
    std::vector<std::jthread> threads;
    for (Timed& one : all) threads.emplace_back([&one, patience, this] { one = ask(daemon_.socket(), patience); });
    threads.clear();  // joins them
    return all;
  }

  jose::Json get(const std::string& path, int status = 200) {
    HttpConnection connection(daemon_.socket());
    const auto reply = connection.get(path);
    if (!reply) return {};
    EXPECT_EQ(reply->status, status) << reply->body;
    return reply->json();
  }

  // What health, readiness, tokens, metrics and signerctl say of the token; empty if they do not agree.
  std::string condition() {
    HttpConnection connection(daemon_.socket());
    const std::string metrics = connection.get("/metrics")->body;
    const Finished status = run({daemon_.programs().signerctl, "status", "--socket", daemon_.socket()});
    EXPECT_EQ(status.status, 0) << "a slow token is no reason to say that keys cannot sign: " << status.out;
    const jose::Json key = get("/readyz")["keys"]["issuer"];
    EXPECT_EQ(key["ready"], true);
    const bool one = get("/healthz")["status"] == "degraded";
    const bool agree = key.contains("degraded") == one && get("/v1/tokens")["tokens"][0]["degraded"] == one &&
                       (metrics.find("signer_token_degraded{token=\"main\"} 1\n") != std::string::npos) == one &&
                       (metrics.find("signer_token_degraded{token=\"main\"} 0\n") == std::string::npos) == one &&
                       (status.out.find("ready, degraded") != std::string::npos) == one &&
                       (status.out.find("token main is degraded") != std::string::npos) == one;
    if (!agree) return "";
    return one ? "degraded" : "ok";
  }

  std::ptrdiff_t issue_records() const {
    const auto records = daemon_.audit_records();
    return std::ranges::count_if(records,
                                 [](const jose::Json& record) { return record.value("event", "") == "issue"; });
  }

  std::unique_ptr<Judge> judge_;
};

// As TpmOverload, but nothing is known yet of the TPM's pace.
class ColdTpm : public TpmOverload {
 protected:
  void SetUp() override {
    RunningDaemon::SetUp();
    judge_ = std::make_unique<Judge>(daemon_);
    daemon_.interposer().delay({}, kSlow);
  }
};

TEST_F(ColdTpm, NobodyIsLeftWaitingBeforeThePaceIsKnown) {
  const auto all = flood(64, milliseconds(2000));
  const auto served = std::ranges::count_if(all, [&](const Timed& one) { return judge_->approves(one.reply); });
  EXPECT_GT(served, 0);
  EXPECT_EQ(served + std::ranges::count_if(all, is_overloaded), 64) << "some got a late 504";
}

TEST_F(TpmOverload, WhoCannotWaitForAKeyThatIsBeingMadeIsRefusedAtOnce) {
  daemon_.write_configuration(
      "[[key]]\nname = \"second\"\ntokens = [\"main\"]\n\n[[grant]]\nname = \"second\"\nmatch = { uid = " +
      std::to_string(::getuid()) + " }\nkeys = [\"second\"]\nverbs = [\"create\"]\n");
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return HttpConnection(daemon_.socket()).get("/v1/keys/second")->status == 200; }));
  daemon_.interposer().delay({.code = cc::kCreate}, std::chrono::seconds(3));
  daemon_.interposer().forget_counts();
  std::jthread creating([&] {
    EXPECT_EQ(run({daemon_.programs().signerctl, "--socket", daemon_.socket(), "key", "create", "second"}).status, 0);
  });
  ASSERT_TRUE(eventually([&] { return daemon_.interposer().count(cc::kCreate) > 0; }));
  for (const Timed& one : flood(8, milliseconds(1000))) {
    EXPECT_TRUE(is_overloaded(one)) << (one.reply ? one.reply->body : "no reply");
    EXPECT_LT(one.took, milliseconds(500)) << "late";
  }
  EXPECT_TRUE(judge_->approves(ask(daemon_.socket(), std::chrono::seconds(20)).reply)) << "who can wait is served";
}

TEST_F(TpmOverload, WhoeverDoesNotFitIsRefusedAtOnceAndTheOthersAreServed) {
  constexpr milliseconds kPatience{2000};
  const auto all = flood(64, kPatience);
  std::ptrdiff_t served = 0;
  std::ptrdiff_t refused = 0;
  for (const Timed& one : all) {
    ASSERT_TRUE(one.reply);
    if (is_overloaded(one)) {
      ++refused;
      EXPECT_LT(one.took, kPatience / 2) << "late";
      ASSERT_TRUE(one.reply->headers.contains("retry-after"));
      const int seconds = std::stoi(one.reply->headers.at("retry-after"));
      EXPECT_GE(seconds, 1);
      EXPECT_LE(seconds, 5);
    } else {
      EXPECT_TRUE(judge_->approves(one.reply)) << one.reply->body;
      served += one.reply->status == 200 ? 1 : 0;
    }
  }
  EXPECT_EQ(served + refused, 64) << "some got a late 504";
  EXPECT_EQ(issue_records(), 10 + served) << "what was refused at once leaves no record of an intent";
  EXPECT_GE(served, kPatience / kSlow / 2) << "refused although there was time";
  EXPECT_LE(served, kPatience / kSlow);
}

TEST_F(TpmOverload, CallersThatFitAreAllServed) {
  for (const Timed& one : flood(8, milliseconds(5000))) EXPECT_TRUE(judge_->approves(one.reply));
  EXPECT_EQ(condition(), "ok");
}

// One uid is all that a test has: its callers stand in one line, in which those in a hurry do not fit for long.
TEST_F(TpmOverload, Invariant10_ASmallClientIsServedBesideGreedyOnes) {
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};
  std::vector<std::jthread> greedy;
  for (int i = 0; i < 32; ++i) {
    greedy.emplace_back([&] {
      while (!stop) refused += is_overloaded(ask(daemon_.socket(), milliseconds(1000))) ? 1 : 0;
    });
  }
  EXPECT_TRUE(eventually([&] { return refused > 100; }));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(judge_->approves(daemon_.issue())) << daemon_.log();
  stop = true;
  greedy.clear();
}

TEST_F(TpmOverload, EveryoneWhoWatchesIsToldAndToldWhenItIsOver) {
  EXPECT_EQ(condition(), "ok");
  const auto all = flood(64, milliseconds(1000));
  ASSERT_TRUE(std::ranges::any_of(all, is_overloaded));
  EXPECT_EQ(condition(), "degraded");
  EXPECT_EQ(get("/healthz")["status"], "degraded");
  daemon_.interposer().drop_rules();
  EXPECT_TRUE(eventually([&] { return get("/healthz")["status"] == "ok"; }, std::chrono::seconds(30)));
  EXPECT_EQ(condition(), "ok");
}

// Callers in a hurry are the only ones: the daemon must find out that the TPM is fast again from them.
TEST_F(TpmOverload, ATpmThatIsFastAgainServesCallersInAHurry) {
  const milliseconds hurry = kSlow * 2 / 3;
  const Timed late = ask(daemon_.socket(), hurry);
  ASSERT_TRUE(late.reply);
  EXPECT_EQ(late.reply->status, 504) << late.reply->body;
  daemon_.interposer().drop_rules();
  EXPECT_TRUE(eventually([&] { return judge_->approves(ask(daemon_.socket(), hurry).reply); })) << daemon_.log();
}

}  // namespace

}  // namespace signer::test
