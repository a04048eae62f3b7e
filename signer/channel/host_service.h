// SPDX-License-Identifier: Apache-2.0
//
// The host's side of the channel, the same for every driver: signer-hsm, signer-tpm and the tests' fake.
#pragma once

#include <span>

#include "channel/driver.h"

namespace signer::channel {

inline constexpr int kFirstChannelFd = 3;  // the control channel; worker channels follow
inline constexpr int kExitOk = 0;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitPinRefused = 77;  // packaging: RestartPreventExitStatus

// Serves `driver` until signerd closes the control channel, then stops the workers, closes the driver and returns an
// exit status.  `worker_count` worker channels follow the control channel from descriptor kFirstChannelFd.  A driver
// call that hangs while signerd is gone ends the process after 5 s.
[[nodiscard]] int serve(Driver& driver, int worker_count);

}  // namespace signer::channel
