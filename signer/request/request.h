// SPDX-License-Identifier: Apache-2.0
//
// The words every stage shares: who asks, what for.  Plain values without behaviour.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
  std::string unit = {};      // the systemd unit it runs in; empty: not known
};

// What a grant can allow.
enum class Verb { kIssue, kSignPayload, kCreate, kRotate, kStatus, kReadEvidence, kReadAudit };

// The word of the configuration for each.
inline constexpr std::array<std::pair<Verb, std::string_view>, 7> kVerbWords{{{Verb::kIssue, "issue"},
                                                                              {Verb::kSignPayload, "sign-payload"},
                                                                              {Verb::kCreate, "create"},
                                                                              {Verb::kRotate, "rotate"},
                                                                              {Verb::kStatus, "status"},
                                                                              {Verb::kReadEvidence, "read-evidence"},
                                                                              {Verb::kReadAudit, "read-audit"}}};

[[nodiscard]] constexpr std::string_view to_string(Verb verb) noexcept {
  for (const auto& [one, word] : kVerbWords) {
    if (one == verb) return word;
  }
  return "unknown";
}

// Whether the verb does something with one key, so that a grant of it names the keys.
[[nodiscard]] constexpr bool is_for_a_key(Verb verb) noexcept {
  return verb != Verb::kStatus && verb != Verb::kReadAudit;
}

// Whether the verb makes signatures for a caller, so that a grant of it names the profiles and its limits count.
[[nodiscard]] constexpr bool mints(Verb verb) noexcept {
  return verb == Verb::kIssue || verb == Verb::kSignPayload;
}

// A request for one signature, parsed and not yet judged.
struct IssueRequest {
  std::string key;
  std::optional<std::string> profile;
  jose::Json claims;                        // an object
  std::optional<std::string> payload = {};  // the bytes that `claims` were read from, if exactly these are to be signed

  [[nodiscard]] Verb verb() const noexcept { return payload ? Verb::kSignPayload : Verb::kIssue; }
};

// How long a request may take and what it is called in the log.
struct RequestContext {
  std::string id;  // 16 hex digits of ours
  PeerIdentity peer;
  SteadyTime deadline{};
  SteadyTime arrived{};  // when its header was whole
};

}  // namespace signer
