// SPDX-License-Identifier: Apache-2.0
//
// `signerctl evidence enroll-ak`: finds out that an attestation key is in the TPM of an endorsement key, by a challenge
// between auditor and operator.
#pragma once

#include <string>

#include "ctl/evidence.h"
#include "ctl/outcome.h"

namespace signer::ctl {

struct EnrollOptions {
  EvidenceOptions trust;      // roots, allow_simulator, now
  std::string tcti;           // of the TPM
  std::string key_directory;  // of its token: state_dir/tpm/NAME
  std::string program;        // signer-tpm, if it is elsewhere
  std::string file;           // the card, the challenge or the answer; "-" is standard input
  std::string kept;           // what the auditor keeps between challenge and answer
  std::string out = "-";
};

// Operator: the two keys, as the TPM says them.  Makes the attestation key if there is none.
[[nodiscard]] Outcome enroll_show(const Context& context, const EnrollOptions& options);

// Auditor: a challenge for these keys.  kNo, and none is made, if no root stands behind the endorsement key.
[[nodiscard]] Outcome enroll_challenge(const Context& context, const EnrollOptions& options);

// Operator: what the TPM makes of it.
[[nodiscard]] Outcome enroll_answer(const Context& context, const EnrollOptions& options);

// Auditor: kYes and a file for `evidence verify --enrolled` if the answer is right.
[[nodiscard]] Outcome enroll_accept(const Context& context, const EnrollOptions& options);

}  // namespace signer::ctl
