// SPDX-License-Identifier: Apache-2.0
//
// Two ways to sign, measured in turns: slices of one run, so that other work on the machine meets both.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace signer::test {

// One of the two.
struct Contender {
  int callers = 1;                // threads; each has a number from 0
  std::function<void(int)> once;  // one signature for this caller
  std::function<double()> cpu;    // CPU time in seconds of the processes concerned, since they started
};

// What the slices of a row gave.
struct Cell {
  std::vector<double> ratios;  // daemon / mean of the direct slices around it
  std::vector<double> direct_rates;
  std::vector<double> daemon_rates;
  std::vector<double> direct_us;  // of each signature
  std::vector<double> daemon_us;
  std::vector<double> direct_cpu;  // in us for each signature
  std::vector<double> daemon_cpu;
};

// Direct, daemon, direct, ... until `length` is over.
[[nodiscard]] Cell run_in_turns(const Contender& direct, const Contender& daemon, std::chrono::seconds length);

[[nodiscard]] double cpu_of_process(pid_t pid);
[[nodiscard]] double own_cpu();

// "PROGRAM [seconds per row, default 20] [callers of each row, default 1 8]"
struct Arguments {
  std::chrono::seconds length{20};
  std::vector<int> callers;
};

[[nodiscard]] Arguments read_arguments(int argc, char** argv, int callers_max);

// A table in Markdown; the first column has the caller's word for a row.
void print_head(const std::string& what, const std::string& first_column, std::chrono::seconds length);
void print_row(const std::string& label, const Cell& cell);

// The same small set of claims for all.
[[nodiscard]] std::string issue_request();

// A caller that does no more than it must, as load generators do: what it costs is not the daemon's.
class Caller {
 public:
  // Connects; ends the program if it cannot.
  explicit Caller(const std::string& socket_path);

  // Sends the request and reads the reply to its last byte; anything but 200 ends the program.
  void call(std::string_view request);

 private:
  UniqueFd fd_;
  std::array<char, 16384> buffer_;
};

}  // namespace signer::test
