// SPDX-License-Identifier: Apache-2.0
//
// The words every stage shares: who asks, what for.  Plain values without behaviour.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jose/json.h"

namespace signer {

// Who the kernel says is at the other end, taken once when the connection is accepted.
struct PeerIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;  // supplementary groups (SO_PEERGROUPS)
  std::string listener;       // path of the socket it came through
};

// What a grant can allow.
enum class Verb { kIssue, kCreate, kStatus };

// A request for one token, parsed and not yet judged.
struct IssueRequest {
  std::string key;
  std::optional<std::string> profile;
  jose::Json claims;  // an object
};

// How long a request may take and what it is called in the log.
struct RequestContext {
  std::string id;  // 16 hex digits of ours
  PeerIdentity peer;
  SteadyTime deadline{};
};

}  // namespace signer
