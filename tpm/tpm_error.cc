// SPDX-License-Identifier: Apache-2.0

#include "tpm/tpm_error.h"

#include <utility>

#include "base/log.h"

namespace signer::tpm {

using channel::HostStatus;

HostStatus host_status(Action action) noexcept {
  switch (action) {
    case Action::kDone:
      return HostStatus::kOk;
    // Anybody on the bus can send any code, and a code that others caused may pass: it ends a request and no key.  What
    // stops a key is a verdict of ours.
    case Action::kKeyGone:
    case Action::kLockout:
    case Action::kAuthRefused:
    case Action::kRefused:
      return HostStatus::kRefused;
    case Action::kBackOff:
    case Action::kRetryOnce:
    case Action::kFlushSessions:
    case Action::kReopenContext:
    case Action::kRebuild:
    case Action::kDead:
    case Action::kNotReady:
    case Action::kDiscardContext:
      break;
  }
  return HostStatus::kUnavailable;
}

Failure<TpmError> tpm_failure(std::string_view call, std::uint32_t code) {
  const ReturnCode judged = classify(code);
  std::string text = "tpm: " + describe(judged, call);
  if (judged.alarm) log::error("tpm_alarm", {{"reason", text}});
  return {TpmError{judged.action, host_status(judged.action), std::move(text)}};
}

Failure<TpmError> verdict(HostStatus status, std::string text) {
  return {TpmError{Action::kRefused, status, "tpm: " + std::move(text)}};
}

}  // namespace signer::tpm
