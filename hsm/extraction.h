// SPDX-License-Identifier: Apache-2.0
//
// The probes that try to take a key out of its token: by reading it and by wrapping it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "hsm/probe_log.h"

namespace signer::hsm {

struct OfferedMechanism {
  CK_MECHANISM_TYPE type = 0;
  CK_MECHANISM_INFO info{};
};

// `probe`: each private number by itself.
void try_reads(ProbeLog& log, std::string_view probe, CK_OBJECT_HANDLE key, bool rsa);

// `read-mixed`: a public number with all private ones in one call.
void try_mixed_read(ProbeLog& log, CK_OBJECT_HANDLE key, bool rsa);

// `probe`: with each symmetric mechanism that could wrap, under a key that the token makes for it and that only this
// session can use.
void try_wraps(ProbeLog& log, std::string_view probe, CK_OBJECT_HANDLE key, std::span<const OfferedMechanism> offered);

// `wrap-public`: with a public key whose private half, made with it, may do nothing and goes with the session.
void try_public_wraps(ProbeLog& log, CK_OBJECT_HANDLE key);

}  // namespace signer::hsm
