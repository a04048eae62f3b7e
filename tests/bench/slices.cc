// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/slices.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace signer::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSlice{350};

// What one contender did in a slice.
struct Slice {
  double rate = 0;    // signatures per second, all callers
  double cpu_us = 0;  // for each signature
  std::vector<double> latency_us;
};

Slice measure(const Contender& contender) {
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(contender.callers));
  const double cpu_before = contender.cpu();
  const auto started = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < contender.callers; ++i) {
      threads.emplace_back([&, i] {
        while (Clock::now() - started < kSlice) {
          const auto before = Clock::now();
          contender.once(i);
          latencies[static_cast<std::size_t>(i)].push_back(
              std::chrono::duration<double, std::micro>(Clock::now() - before).count());
        }
      });
    }
  }
  const std::chrono::duration<double> time = Clock::now() - started;
  Slice slice;
  for (auto& one : latencies) slice.latency_us.insert(slice.latency_us.end(), one.begin(), one.end());
  const auto count = static_cast<double>(slice.latency_us.size());
  slice.rate = count / time.count();
  slice.cpu_us = (contender.cpu() - cpu_before) * 1e6 / count;
  return slice;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

std::size_t reply_size(std::string_view head) {
  static constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t end = head.find("\r\n\r\n");
  if (end == std::string_view::npos) return end;
  const std::size_t length = head.find(kLength);
  if (!head.starts_with("HTTP/1.1 200 ") || length > end) std::exit(1);
  return end + 4 + static_cast<std::size_t>(std::atoi(head.data() + length + kLength.size()));
}

}  // namespace

Cell run_in_turns(const Contender& direct, const Contender& daemon, std::chrono::seconds length) {
  Cell cell;
  const auto until = Clock::now() + length;
  measure(direct);
  measure(daemon);
  Slice before = measure(direct);
  while (Clock::now() < until) {
    const Slice middle = measure(daemon);
    const Slice after = measure(direct);
    cell.ratios.push_back(2 * middle.rate / (before.rate + after.rate));
    cell.direct_rates.push_back(after.rate);
    cell.daemon_rates.push_back(middle.rate);
    cell.direct_cpu.push_back(after.cpu_us);
    cell.daemon_cpu.push_back(middle.cpu_us);
    cell.direct_us.insert(cell.direct_us.end(), after.latency_us.begin(), after.latency_us.end());
    cell.daemon_us.insert(cell.daemon_us.end(), middle.latency_us.begin(), middle.latency_us.end());
    before = after;
  }
  return cell;
}

double cpu_of_process(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string word;
  double ticks = 0;
  for (int i = 3; i <= 15 && rest >> word; ++i) {
    if (i >= 14) ticks += std::stod(word);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double own_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Arguments read_arguments(int argc, char** argv, int callers_max) {
  Arguments arguments;
  if (argc > 1) arguments.length = std::chrono::seconds(std::atoi(argv[1]));
  for (int i = 2; i < argc; ++i) arguments.callers.push_back(std::clamp(std::atoi(argv[i]), 1, callers_max));
  if (arguments.callers.empty()) arguments.callers = {1, 8};
  return arguments;
}

void print_head(const std::string& what, const std::string& first_column, std::chrono::seconds length) {
  std::printf("%s; slices of %d ms (direct, daemon, direct), %d s a row; rates in signatures/s, times in us.\n\n",
              what.c_str(), static_cast<int>(kSlice.count()), static_cast<int>(length.count()));
  std::printf(
      "| %s | direct/s | daemon/s | ratio, median | ratio, best | direct p50 | daemon p50 | added p50 | direct "
      "p99 | daemon p99 | direct CPU | daemon CPU |\n",
      first_column.c_str());
  std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
}

void print_row(const std::string& label, const Cell& cell) {
  std::printf("| %s | %.0f | %.0f | **%.2f** | %.2f | %.0f | %.0f | %+.0f | %.0f | %.0f | %.0f | %.0f |\n",
              label.c_str(), quantile(cell.direct_rates, 0.5), quantile(cell.daemon_rates, 0.5),
              quantile(cell.ratios, 0.5), quantile(cell.ratios, 1.0), quantile(cell.direct_us, 0.5),
              quantile(cell.daemon_us, 0.5), quantile(cell.daemon_us, 0.5) - quantile(cell.direct_us, 0.5),
              quantile(cell.direct_us, 0.99), quantile(cell.daemon_us, 0.99), quantile(cell.direct_cpu, 0.5),
              quantile(cell.daemon_cpu, 0.5));
  std::fflush(stdout);
}

std::string issue_request() {
  const std::string body =
      R"({"claims":{"sub":"3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a77","scope":"patient/Observation.rs patient/Patient.r",)"
      R"("client_id":"ehr-portal"}})";
  return "POST /v1/keys/issuer/tokens HTTP/1.1\r\nHost: signer\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

Caller::Caller(const std::string& socket_path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.data(), std::min(socket_path.size(), sizeof address.sun_path - 1));
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::exit(1);
}

void Caller::call(std::string_view request) {
  if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    std::exit(1);
  }
  std::size_t size = 0;
  std::size_t needed = std::string_view::npos;
  while (size < needed) {
    const ssize_t count = ::recv(fd_.get(), buffer_.data() + size, buffer_.size() - size, 0);
    if (count <= 0) std::exit(1);
    size += static_cast<std::size_t>(count);
    if (needed == std::string_view::npos) needed = reply_size({buffer_.data(), size});
  }
}

}  // namespace signer::test
