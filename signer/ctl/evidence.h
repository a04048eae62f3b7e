// SPDX-License-Identifier: Apache-2.0
//
// `signerctl evidence`: has signerd make an evidence bundle, and judges one offline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/outcome.h"
#include "evidence/trust.h"

namespace signer::ctl {

struct EvidenceOptions {
  std::string key;
  std::string nonce;  // base64url of 16 to 32 bytes
  std::string out = "-";
  std::string probes = "full";
  std::string file;                            // of the bundle; "-" is standard input
  std::string jwks;                            // file of the keys that the daemon publishes
  std::vector<std::string> roots;              // directories or files of manufacturers' certificates
  std::vector<std::string> attestation_roots;  // of whoever certifies attestation keys
  std::vector<std::string> enrolled;           // files that enroll-ak accept made
  std::string expect_grade = "probed";
  bool no_nonce = false;  // the bundle may be an old one
  bool allow_simulator = false;
  std::optional<std::int64_t> now;  // seconds since 1970; the clock's otherwise
};

// Has signerd make the bundle of a key and writes it.
[[nodiscard]] Outcome evidence_collect(const Context& context, const EvidenceOptions& options);

// kYes: the grade is the expected one or a better one.  kNo: it is worse.  Reads nothing but the files that are named.
[[nodiscard]] Outcome evidence_verify(const Context& context, const EvidenceOptions& options);

// The files that the options name, read.  kInvalidRequest, kNotFound, kInternal.
[[nodiscard]] Result<evidence::Trust> read_trust(const EvidenceOptions& options);

// A fresh nonce.
[[nodiscard]] Outcome evidence_nonce(const Context& context);

}  // namespace signer::ctl
