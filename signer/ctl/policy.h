// SPDX-License-Identifier: Apache-2.0
//
// `signerctl policy`: what a configuration would decide, offline; nothing is signed and nobody is asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/outcome.h"

namespace signer::ctl {

struct PolicyOptions {
  std::string config = "/etc/signer/signer.toml";
  std::string cases;    // policy test
  std::string profile;  // policy show, and policy explain: may be left out
  std::string user;     // a name or a number
  std::vector<std::string> groups;
  std::string listener;
  std::string unit;
  std::string key;
  std::string verb = "issue";
  std::string claims = "-";
  std::optional<std::int64_t> now;
};

// Which grant and which rule decide about one request.  kYes: it would be allowed.  kNo: refused.
[[nodiscard]] Outcome policy_explain(const Context& context, const PolicyOptions& options);

// Whether the verdicts of a file of cases are as expected.  kNo: some are not.
[[nodiscard]] Outcome policy_test(const Context& context, const PolicyOptions& options);

// The profiles in the form that the audit log's profile_sha256 is the hash of.
[[nodiscard]] Outcome policy_show(const Context& context, const PolicyOptions& options);

}  // namespace signer::ctl
