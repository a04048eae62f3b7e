// SPDX-License-Identifier: Apache-2.0
//
// Expected verdicts of a policy, kept in a file beside the configuration (docs/claim-policy.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signer/result.h"

namespace signer::config {

// Who is asking.  Names need not exist on this machine: whoever tries the case assumes those that do not.
struct CaseCaller {
  std::optional<std::string> user;  // this or uid, not both
  std::optional<std::uint32_t> uid;
  std::vector<std::string> groups;  // names, beside those that the user is in on this machine
  std::vector<std::uint32_t> gids;
  std::string listener;  // empty: that of the first [[listener]]
  std::string unit;
};

// One request and what must become of it.
struct PolicyCase {
  std::string name;
  CaseCaller caller;
  std::string key;
  std::optional<std::string> profile;
  std::string verb = "issue";      // or "sign-payload"
  std::string claims = "{}";       // JSON text
  std::optional<std::int64_t> at;  // seconds since 1970; the clock's otherwise
  std::string expect;              // "allowed", or the code of a refusal
  std::string rule;                // of a claim_policy refusal; empty: any
  std::string pointer;             // the same
  std::string grant;               // that allows it; empty: any
  std::size_t line = 0;
};

// As config::parse: all problems, one a line.
[[nodiscard]] Result<std::vector<PolicyCase>> parse_policy_cases(std::string_view text, const std::string& file);

// Reads the file, at most 4 MiB, and parses it.
[[nodiscard]] Result<std::vector<PolicyCase>> load_policy_cases(const std::filesystem::path& file);

}  // namespace signer::config
