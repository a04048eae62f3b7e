// SPDX-License-Identifier: Apache-2.0
//
// Sends the audit log's checkpoints elsewhere (docs/audit-format.md, Anchors): a copy that this machine cannot change
// is what makes a rewritten log show.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "signer/result.h"

namespace signer::anchor {

// How long after a failure the newest note is sent again: doubled each time up to the longest.
struct Patience {
  std::chrono::milliseconds first{10'000};
  std::chrono::milliseconds longest{300'000};
};

// Hands one note to one anchor; blocks.  kDeadlineExceeded if a command took too long and was killed; kInternal with
// what went wrong.  For a file: the note and an empty line are appended and synced.
[[nodiscard]] Result<void> deliver(const config::Anchor& anchor, const std::string& note);

// A thread for each anchor, so that one that hangs holds up none.  Thread-safe.
class Anchors {
 public:
  explicit Anchors(const std::vector<config::Anchor>& anchors, Patience patience = {});

  Anchors(const Anchors&) = delete;
  Anchors& operator=(const Anchors&) = delete;

  // Gives what was sent last three seconds to arrive; a delivery that still hangs is left behind.
  ~Anchors();

  // Never waits.  A note that still waits at an anchor is replaced: the newer one covers what it covers.
  void send(const std::string& note);

  // Deliveries that failed.
  [[nodiscard]] std::uint64_t failures() const noexcept;

 private:
  struct Worker;

  std::vector<std::shared_ptr<Worker>> workers_;
};

}  // namespace signer::anchor
