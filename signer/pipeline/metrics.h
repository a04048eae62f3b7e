// SPDX-License-Identifier: Apache-2.0
//
// What the daemon counts (Prometheus).  Labels are words of the configuration or of closed sets, never a caller's
// bytes.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "signer/result.h"

namespace signer::pipeline {

// Plain numbers that the event loop owns; the server renders them when asked.
struct Metrics {
  // Upper bounds in seconds of the latency histogram.
  static constexpr double kLatencyBounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

  struct Latency {
    std::uint64_t counts[std::size(kLatencyBounds) + 1] = {};
    double sum = 0;

    void observe(double seconds) {
      std::size_t bucket = 0;
      while (bucket < std::size(kLatencyBounds) && seconds > kLatencyBounds[bucket]) ++bucket;
      ++counts[bucket];
      sum += seconds;
    }
  };

  std::uint64_t tokens_issued = 0;
  std::map<ErrorCode, std::uint64_t> refusals;
  std::uint64_t self_check_failures = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t http_errors = 0;  // what was not HTTP, too slow or too large
  std::uint64_t reloads = 0;
  std::uint64_t reload_failures = 0;
  std::uint64_t keys_stopped = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoint_failures = 0;
  std::uint64_t evidence_bundles = 0;
  Latency issue_latency;
};

}  // namespace signer::pipeline
