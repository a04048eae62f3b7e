// SPDX-License-Identifier: Apache-2.0
//
// Waiting for a condition with a deadline; the only place in the tests that lets time pass.
#pragma once

#include <poll.h>

#include <chrono>

namespace signer::test {

// True as soon as `condition` holds; false if it does not within `limit`.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return condition();
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace signer::test
