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

// An attestation key that answered a challenge to an endorsement key: it counts with that endorsement key alone,
// because the challenge showed nothing of any other TPM.
struct EnrolledKey {
  Bytes name;              // of the attestation key, 34 bytes
  Bytes endorsement_name;  // of the endorsement key that was challenged, 34 bytes
  bool simulator = false;  // that endorsement key was a simulator's, which was allowed
};

struct Trust {
  std::vector<Bytes> roots;              // DER certificates of manufacturers, taken as they are
  std::vector<Bytes> intermediates;      // DER certificates that may stand between, believed no more than their issuers
  std::vector<Bytes> attestation_roots;  // DER certificates of whoever certifies attestation keys for the auditor
  std::vector<EnrolledKey> enrolled;     // attestation keys found in their TPM by a challenge
  bool allow_simulator = false;          // believe the chain of a simulated TPM: the grade is `software` all the same
  std::optional<std::int64_t> now;       // seconds since 1970; the clock's otherwise
};

// The time that certificates must be valid at: `now`, or the clock's.
[[nodiscard]] inline std::int64_t time_of_judgement(const Trust& trust) {
  return trust.now.has_value() ? *trust.now : unix_seconds(SystemClock().wall());
}

}  // namespace signer::evidence
