// SPDX-License-Identifier: Apache-2.0
//
// `signerctl doctor`: what does not fit together between configuration, metadata, tokens and the running daemon, in
// plain words and each with what to do.  Changes nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "ctl/outcome.h"
#include "ctl/status_text.h"
#include "keyring/key_version.h"
#include "policy/policy.h"

namespace signer::ctl {

struct DoctorOptions {
  std::string config;       // empty: what is in files is not looked at
  std::string csr_program;  // signer-p11-csr, if it is elsewhere
};

// kYes: nothing is wrong; kNo: something is; kUsage: the file cannot be read; kUnavailable: signerd does not answer,
// and what can be seen without it is said all the same.
[[nodiscard]] Outcome doctor(const Context& context, const DoctorOptions& options);

struct Finding {
  enum class Weight {
    kWrong,    // keeps something from working, or will
    kNote,     // worth knowing
    kSkipped,  // was not looked at, and why
  };

  Weight weight = Weight::kNote;
  std::string about;   // "key issuer", "token main", "state directory"
  std::string found;   // what is so
  std::string advice;  // what to do; empty: nothing
};

using Findings = std::vector<Finding>;

// What the configuration names on this machine: directories, files, sockets, accounts, metadata.  Of a PIN file owner
// and mode are looked at, never what is in it.
[[nodiscard]] Findings look_at_files(const config::Config& config, const policy::Accounts& accounts);

// Configuration and metadata against each other.  `now` tells what was made in the future.  Pure.
[[nodiscard]] Findings compare_metadata(const config::Config& config, const keyring::LoadedVersions& loaded,
                                        WallTime now);

// What signerd says of itself.  Pure.
[[nodiscard]] Findings look_at_daemon(const Status& status);

// What signerd says against what the files say now.  Pure.
[[nodiscard]] Findings compare_with_daemon(const config::Config& config, const keyring::LoadedVersions& loaded,
                                           const Status& status);

// The page of /metrics: whether records can be written and are covered.  Pure.
[[nodiscard]] Findings look_at_metrics(std::string_view page);

// A compact JWS that signerd made with the key just now.
using JwsOf = std::function<Result<std::string>(const std::string& key)>;

// Has each RS256 key of a PKCS#11 token that is ready sign, through libp11, what signerd signed with it, and compares
// the bytes, which RS256 makes the same.  Starts signer-p11-csr, which logs in, once for each token.
[[nodiscard]] Findings cross_with_libp11(const config::Config& config, const keyring::LoadedVersions& loaded,
                                         const Status& status, const JwsOf& jws_of, const std::string& csr_program);

// Whether the signature of `jws` is `other` (base64url): a finding either way.  Pure.
[[nodiscard]] Finding compare_signatures(const std::string& key, std::string_view jws, std::string_view other);

}  // namespace signer::ctl
