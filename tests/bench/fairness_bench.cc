// SPDX-License-Identifier: Apache-2.0
//
// What one caller notices of another: the latency of a caller (uid 0) that asks for one token after the other, alone
// and beside another uid that holds 64 idle connections and floods over 64 more, in turns in one run, so that other
// work on the machine meets both.  Prints a table; judges nothing.  Needs root, to call as two users.
//   fairness-bench [seconds per row, default 10] [rows, by number; default all]

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/bench/flood.h"
#include "tests/bench/slices.h"
#include "tests/support/daemon.h"
#include "tests/support/eventually.h"

namespace signer::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLength{350};
constexpr int kConnections = 64;
constexpr uid_t kLimited = 64001;  // 20 tokens a second
constexpr uid_t kFree = 64002;     // no limit
constexpr uid_t kOneByOne = 64003;
constexpr uid_t kStranger = 64004;  // no grant

struct Row {
  const char* label;
  FloodPlan plan;
};

std::string posted(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string batch_of(int items) {
  std::string body = R"({"items":[)";
  for (int i = 0; i < items; ++i) body += std::string(i == 0 ? "" : ",") + R"({"claims":{"sub":"3b0f5c7e-9a51"}})";
  return posted("/v1/keys/issuer/tokens:batch", body + "]}");
}

std::string large_batch() {
  return posted("/v1/keys/issuer/tokens:batch",
                R"({"items":[{"claims":{"sub":")" + std::string(1000 * 1000, 'x') + R"("}}]})");
}

std::vector<Row> rows() {
  const std::string one = issue_request();
  return {
      {"64 idle", {kLimited, kConnections, 0, {}, false}},
      {"+ 64 flooding: beyond the rate (429)", {kLimited, kConnections, kConnections, one, false}},
      {"+ 64 flooding: beyond the rate, pipelined", {kLimited, kConnections, kConnections, one, true}},
      {"+ 64 flooding: batches of 256 beyond the rate", {kLimited, kConnections, kConnections, batch_of(256), false}},
      {"+ 64 flooding: bodies of 1 MB beyond the rate", {kLimited, kConnections, kConnections, large_batch(), false}},
      {"+ 64 flooding: denied (403)", {kStranger, kConnections, kConnections, one, false}},
      {"+ 64 flooding: batches of 256, denied", {kStranger, kConnections, kConnections, batch_of(256), false}},
      {"+ 64 flooding: not HTTP", {kStranger, kConnections, kConnections, std::string(64, '\1'), false}},
      {"+ 64 flooding: GET /v1/jwks, pipelined",
       {kStranger, kConnections, kConnections, "GET /v1/jwks HTTP/1.1\r\nHost: x\r\n\r\n", true}},
      {"+ 64 flooding: tokens, concurrency 1", {kOneByOne, kConnections, kConnections, one, false}},
      {"+ 64 flooding: tokens, no limit", {kFree, kConnections, kConnections, one, false}},
      {"+ 64 flooding: batches of 16, no limit", {kFree, kConnections, kConnections, batch_of(16), false}},
  };
}

std::string grant(const std::string& name, uid_t uid, const std::string& limits) {
  return "[[grant]]\nname = \"" + name + "\"\nmatch = { uid = " + std::to_string(uid) +
         " }\nkeys = [\"issuer\"]\nprofiles = [\"access\"]\nverbs = [\"issue\"]\n" + limits;
}

DaemonOptions options() {
  DaemonOptions options;
  options.listener_settings = "mode = \"0666\"\n";
  options.more = grant("limited", kLimited, "rate = \"20/s\"\n") + grant("free", kFree, "") +
                 grant("one-by-one", kOneByOne, "concurrency = 1\n");
  return options;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

class Measurement {
 public:
  explicit Measurement(TestDaemon& daemon) : daemon_(daemon), caller_(daemon.socket()), request_(issue_request()) {}

  void run(const Row& row, std::chrono::seconds length) {
    std::vector<double> alone;
    std::vector<double> beside;
    std::uint64_t answered = 0;
    double flooded = 0;
    const auto until = Clock::now() + length;
    while (Clock::now() < until) {
      slice(alone);
      {
        const Flood flood(daemon_.socket(), row.plan);
        warm_up();
        const auto started = Clock::now();
        const std::uint64_t before = flood.answered();
        slice(beside);
        answered += flood.answered() - before;
        flooded += std::chrono::duration<double>(Clock::now() - started).count();
      }
      settle();
    }
    const auto ratio = [&](double q) { return quantile(beside, q) / quantile(alone, q); };
    std::printf("| %s | %.0f | %.0f | %.0f | **%.2f** | %.0f | %.0f | **%.2f** | %zu |\n", row.label,
                static_cast<double>(answered) / flooded, quantile(alone, 0.5), quantile(beside, 0.5), ratio(0.5),
                quantile(alone, 0.99), quantile(beside, 0.99), ratio(0.99), beside.size());
    std::fflush(stdout);
  }

 private:
  void slice(std::vector<double>& latencies) {
    const auto until = Clock::now() + kLength;
    while (Clock::now() < until) {
      const auto before = Clock::now();
      caller_.call(request_);
      latencies.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
    }
  }

  // The first requests of the flood meet an empty queue.
  void warm_up() {
    for (int i = 0; i < 30; ++i) caller_.call(request_);
  }

  // What the flood left behind is done.
  void settle() {
    const bool done = eventually([this] {
      HttpConnection connection(daemon_.socket());
      const auto reply = connection.get("/metrics");
      return reply && reply->body.find("\nsigner_connections_open 2\n") != std::string::npos;
    });
    if (!done) std::printf("(the flood's connections are still open)\n");
    for (int i = 0; i < 30; ++i) caller_.call(request_);
  }

  TestDaemon& daemon_;
  Caller caller_;
  std::string request_;
};

void print_load(const char* when) {
  std::array<double, 1> load{};
  if (::getloadavg(load.data(), 1) == 1) std::printf("Load average %s: %.2f.\n", when, load[0]);
}

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  using namespace signer::test;
  if (::getuid() != 0) {
    std::fprintf(stderr, "fairness-bench: needs root, to call as two users\n");
    return 1;
  }
  const std::chrono::seconds length(argc > 1 ? std::atoi(argv[1]) : 10);
  TestDaemon daemon({SIGNERD_PROGRAM, SIGNER_HSM_PROGRAM, SIGNERCTL_PROGRAM}, options());
  if (!daemon.up()) {
    std::fprintf(stderr, "%s", daemon.log().c_str());
    return 1;
  }
  std::filesystem::permissions(daemon.directory(), std::filesystem::perms(0711));
  std::printf(
      "RS256, RSA-2048, SoftHSM2, %ld CPUs; slices of %d ms (alone, beside the flood), %d s a row; times in us.  The "
      "flood runs with SCHED_IDLE.\n",
      ::sysconf(_SC_NPROCESSORS_ONLN), static_cast<int>(kLength.count()), static_cast<int>(length.count()));
  print_load("before");
  std::printf(
      "\n| another uid | its answers/s | p50 alone | p50 beside | ratio | p99 alone | p99 beside | ratio | n |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|\n");
  Measurement measurement(daemon);
  const auto all = rows();
  if (argc <= 2) {
    for (const Row& row : all) measurement.run(row, length);
  }
  for (int i = 2; i < argc; ++i) {
    const auto number = static_cast<std::size_t>(std::atoi(argv[i]));
    if (number >= 1 && number <= all.size()) measurement.run(all[number - 1], length);
  }
  std::printf("\n");
  print_load("after");
  return 0;
}
