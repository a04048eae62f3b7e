// SPDX-License-Identifier: Apache-2.0
//
// Why a TPM call failed and what may help: the return code's action for the driver's ladder, the status for signerd,
// the text for the log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "channel/values.h"
#include "tpm/return_code.h"

namespace signer::tpm {

struct TpmError {
  Action action = Action::kRefused;
  channel::HostStatus status = channel::HostStatus::kUnavailable;
  std::string text;  // "tpm: Esys_Sign: TPM_RC_SIZE (0x1d5), parameter 1"
};

template <class T>
using TpmResult = Result<T, TpmError>;

// What signerd is to do once the ladder has no more rungs.
[[nodiscard]] channel::HostStatus host_status(Action action) noexcept;

// Of a call of the TSS that answered `code`, which is not zero.  Codes that call for it are logged as an alarm.
[[nodiscard]] Failure<TpmError> tpm_failure(std::string_view call, std::uint32_t code);

// A verdict of our own: final, no rung of the ladder helps.
[[nodiscard]] Failure<TpmError> verdict(channel::HostStatus status, std::string text);

// For signerd.
[[nodiscard]] inline Failure<channel::HostError> host_failure(TpmError error) {
  return channel::host_failure(error.status, std::move(error.text));
}

}  // namespace signer::tpm
