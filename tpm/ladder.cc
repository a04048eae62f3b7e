// SPDX-License-Identifier: Apache-2.0

#include "tpm/ladder.h"

#include <algorithm>
#include <utility>

namespace signer::tpm {

Step Ladder::once(Step step) noexcept {
  const unsigned bit = 1U << static_cast<unsigned>(step);
  if ((taken_ & bit) != 0) return Step::kGiveUp;
  taken_ |= bit;
  return step;
}

Step Ladder::another_context() noexcept {
  return contexts_++ < kContextsMax ? Step::kNewContext : Step::kGiveUp;
}

Step Ladder::next(Action action) noexcept {
  switch (action) {
    case Action::kBackOff:
      pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
      return Step::kPause;
    case Action::kRetryOnce:
      return once(Step::kAgain);
    case Action::kFlushSessions: {
      // Never on to a password: a forged code would then be all it takes to read the auth value off the bus.
      const Step step = once(Step::kNewSession);
      return step == Step::kGiveUp ? once(Step::kFreeSlots) : step;
    }
    case Action::kReopenContext:
      return once(Step::kFreeSlots);
    case Action::kKeyGone:
      return once(Step::kFindKey);
    case Action::kRebuild:
    case Action::kDiscardContext:
      return another_context();
    case Action::kAuthRefused:
      return std::exchange(auth_refused_, true) ? Step::kGiveUp : another_context();
    case Action::kDone:
    case Action::kLockout:
    case Action::kDead:
    case Action::kNotReady:
    case Action::kRefused:
      break;
  }
  return Step::kGiveUp;
}

}  // namespace signer::tpm
