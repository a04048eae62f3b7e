// SPDX-License-Identifier: Apache-2.0
//
// One request before a policy, without a daemon.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/policy_cases.h"
#include "policy/claims.h"

namespace signer::ctl {

// A configuration and its policy, on a machine that need not be the one it is for.
struct OfflinePolicy {
  config::Config config;
  std::shared_ptr<const policy::Policy> policy;
  policy::Accounts accounts;
  std::vector<std::string> notes;  // what was assumed: users and groups that are not here, files that cannot be
                                   // read, pseudonyms that a token makes
};

// Assumes, with a note, what the machine does not have: a user, a group, a recipient's key, a secret.  A profile whose
// certificates cannot be read goes without them.  Otherwise as config::load and policy::Policy::build: a file that can
// be read and is wrong is an error.
[[nodiscard]] Result<std::unique_ptr<OfflinePolicy>> load_policy(const std::string& file);

struct Verdict {
  std::optional<Refusal> refusal;  // nothing: allowed
  std::string grant;               // empty: no grant allows it
  std::shared_ptr<const policy::Profile> profile;
  claims::Findings findings;
  std::map<std::string, std::string> members;  // of an allowed token: claim, and whether it is sent or set
};

// What signerd would do with the request: looks for a grant, reads the request, authorises it and shapes its claims, in
// this order.  A caller that this machine knows has its groups here beside those of the case; what is assumed of one
// that it does not know is added to the notes.  kInvalidRequest if the case cannot be tried: its listener is none of
// the configuration's.
[[nodiscard]] Result<Verdict> try_case(OfflinePolicy& offline, const config::PolicyCase& one);

}  // namespace signer::ctl
