// SPDX-License-Identifier: Apache-2.0
//
// One decision as a line of JSON (docs/audit-format.md).  Holds who, what, when and the outcome; no claim value
// (invariant 11).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "request/request.h"

namespace signer::audit {

enum class Event {
  kIssue,   // a token with this jti is about to be released
  kRefuse,  // a request was refused: nothing was signed
  kFail,    // the signing that an issue record announced did not come about
  kKeyCreated,
  kKeyAdopted,
  kKeyStopped,
  kEvidence,  // a key is about to sign an evidence bundle
  kKeyReady,  // a key that was stopped can sign again
  kStart,
  kStop,
  kReload,
  kSegment,         // the log's own: a segment begins
  kCheckpoint,      // a checkpoint was signed
  kRecovered,       // a start cut what a crash had left
  kAuditRecovered,  // records can be written again
  kSearchKey,       // a search key was made
  kRefusals,        // refusals that were counted and not written
  kHostLost,
  kPinRefused,
  kClockStep,
};

[[nodiscard]] std::string_view to_string(Event event) noexcept;

// What a detector found in a claim that the configuration exempts from it.
struct Exempted {
  std::string rule;    // "phi.email"
  std::string place;   // RFC 6901: "/contact"
  std::string reason;  // the operator's
};

struct Record {
  Event event = Event::kIssue;
  WallTime time{};
  std::string request_id;
  const PeerIdentity* peer = nullptr;  // borrowed for the call; none for the daemon's own events
  std::string grant;
  std::string key;
  std::string kid;
  std::string profile;
  std::string profile_sha256;  // base64url (docs/claim-policy.md)
  std::vector<Exempted> exempted;
  std::size_t exempted_more = 0;      // that were found beyond those
  std::vector<std::string> reported;  // "phi.email /contact": what was found where the profile only reports
  std::string rule;                   // of a refusal by the claim policy
  std::string pointer;                // where
  std::string jti;
  std::vector<std::string> audiences;
  long long exp = 0;
  std::string input_sha256;      // base64url of the SHA-256 of the signing input
  std::string code;              // of a refusal or failure: the wire's word
  std::uint64_t suppressed = 0;  // refusals of this uid that were counted and not written since the last one
  std::string detail;            // ours, never a caller's bytes; of a key that was stopped: why
  std::optional<uid_t> uid;      // of a summary, which has no peer
  std::string sub_hmac;          // base64url (docs/audit-format.md, the search key)
  std::int64_t latency_us = 0;   // from the request's arrival to the decision
  std::string config_sha256;     // base64url: what is in force from now on
  std::string config_sha256_before;
  std::string token;              // of an event of a token's
  std::string origin;             // of a segment
  std::vector<std::string> tree;  // of a segment: base64 of the hashes of tlog::Frontier
  std::string note;               // of a checkpoint
  std::uint64_t size = 0;         // of a checkpoint
  std::uint64_t bytes = 0;        // that recovery cut
  std::string tail_sha256;        // base64url: of these
  std::int64_t step_us = 0;       // of the clock
  std::int64_t down_us = 0;       // for which records could not be written
  std::string search_key;         // which one, 16 hex digits
};

// What stands for the hash of the line before until the writer, which alone knows it, puts that in its place.
inline constexpr std::string_view kPrevUnknown = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

// The line without its newline; members that are empty are left out.  `index` is the line's place in the whole log,
// from 0.  `prev` is kPrevUnknown, and absent in the line with index 0.
[[nodiscard]] std::string to_line(const Record& record, std::uint64_t index);

// Where the value of `prev` begins in a line of to_line, or npos.
[[nodiscard]] std::size_t place_of_prev(std::string_view line) noexcept;

}  // namespace signer::audit
