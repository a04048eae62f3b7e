// SPDX-License-Identifier: Apache-2.0
//
// Keeps recovery and signing apart: any number of callers share the token, or one has it alone.  Unlike
// std::shared_mutex a waiting recovery holds back newcomers (glibc lets readers starve writers), and every wait ends.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>

#include "base/clock.h"

namespace signer {

class Gate {
 public:
  // Held while its owner is inside; empty if the deadline passed first.
  class [[nodiscard]] Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), alone_(other.alone_) {}
    Pass& operator=(Pass&&) = delete;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass();

    explicit operator bool() const noexcept { return gate_ != nullptr; }

   private:
    friend class Gate;
    Pass(Gate* gate, bool alone) : gate_(gate), alone_(alone) {}

    Gate* gate_ = nullptr;
    bool alone_ = false;
  };

  Pass share(SteadyTime deadline);

  // Waits until nobody is inside.  Those who wait are let in in the order in which they came, so that one who comes
  // again and again does not keep the others out.  Never call with a Pass in hand.
  Pass alone(SteadyTime deadline);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  std::list<int> waiting_alone_;  // places in a queue: what counts is which one is the first
  bool taken_ = false;
};

}  // namespace signer
