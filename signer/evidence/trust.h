// SPDX-License-Identifier: Apache-2.0
//
// What whoever judges evidence believes already: certificates, attestation keys that were enrolled before.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "signer/bytes.h"

namespace signer::evidence {

struct Trust {
  std::vector<Bytes> roots;              // DER certificates of manufacturers, taken as they are
  std::vector<Bytes> intermediates;      // DER certificates that may stand between, believed no more than their issuers
  std::vector<Bytes> attestation_roots;  // DER certificates of whoever certifies attestation keys for the auditor
  std::vector<Bytes> enrolled;           // Names (34 bytes) of attestation keys found in their TPM by a challenge
  bool allow_simulator = false;          // believe the chain of a simulated TPM: the grade is `software` all the same
  std::optional<std::int64_t> now;       // seconds since 1970; the clock's otherwise
};

// The time that certificates must be valid at: `now`, or the clock's.
[[nodiscard]] inline std::int64_t time_of_judgement(const Trust& trust) {
  return trust.now.has_value() ? *trust.now : unix_seconds(SystemClock().wall());
}

}  // namespace signer::evidence
