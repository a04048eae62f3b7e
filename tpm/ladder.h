// SPDX-License-Identifier: Apache-2.0
//
// Which step to take after a failure: each of them a limited number of times for a request, so that whoever forges
// error codes gets an answer late and never a loop.  Pure.
#pragma once

#include <chrono>

#include "tpm/return_code.h"

namespace signer::tpm {

enum class Step {
  kGiveUp,
  kPause,       // wait pause(), then try again
  kAgain,       // try again
  kFindKey,     // forget where the key was, look for it, persist it again from its blob
  kNewSession,  // flush the session, start another
  kFreeSlots,   // flush all that this connection shows, then a new context
  kNewContext,  // new transport, new context, compare the storage root, find the keys again
};

// One for each request.
class Ladder {
 public:
  static constexpr std::chrono::milliseconds kPauseMin{50};
  static constexpr std::chrono::milliseconds kPauseMax{2000};
  static constexpr unsigned kContextsMax = 2;  // the transport breaks, and then the TPM turns out to have been reset

  [[nodiscard]] Step next(Action action) noexcept;

  // After kPause.  Doubles from kPauseMin to kPauseMax.
  [[nodiscard]] std::chrono::milliseconds pause() const noexcept { return pause_; }

 private:
  [[nodiscard]] Step once(Step step) noexcept;
  [[nodiscard]] Step another_context() noexcept;

  unsigned taken_ = 0;  // a bit for each step
  unsigned contexts_ = 0;
  bool auth_refused_ = false;
  std::chrono::milliseconds pause_{0};
};

}  // namespace signer::tpm
