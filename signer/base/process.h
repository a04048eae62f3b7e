// SPDX-License-Identifier: Apache-2.0
//
// What every program of ours does before it reads a byte of input.
#pragma once

namespace signer {

// No core dumps, not dumpable (so no same-uid ptrace and no /proc/PID/mem), no new privileges, umask 077, SIGPIPE
// ignored, and as many descriptors as the hard limit allows.  Best effort: a refusal is not an error.
void harden_process() noexcept;

}  // namespace signer
