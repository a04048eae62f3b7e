// SPDX-License-Identifier: Apache-2.0
//
// Judges claims by a profile's rules and by the PHI detectors.  Pure; linear in the size of the claims.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "claims/rule.h"
#include "jose/json.h"

namespace signer::claims {

// One claim that does not fit.  Holds nothing of its value: not its bytes, its length or its hash.
struct Breach {
  std::string rule;     // "claim.not_allowed", "claim.missing", "claim.type", "claim.length", "claim.items",
                        // "claim.value", or what a detector is called: "phi.ssn"
  std::string pointer;  // RFC 6901.  A name that is on no allow-list could itself be PHI: in its place stands the
                        // member's number in the order of the alphabet, from 0
  std::string problem;  // for people, to be read behind "claim X": "must be a text"
};

enum class PhiMode : std::uint8_t { kEnforce, kReport };

// A detector that found something and did not refuse it.
struct Finding {
  phi::Detector detector;
  std::string pointer;      // of names of the allow-list and indexes alone
  std::string reason = {};  // of an exemption, as the configuration has it

  friend bool operator==(const Finding&, const Finding&) = default;
};

struct Findings {
  std::vector<Finding> reported;  // in mode kReport
  std::vector<Finding> exempted;  // the rule is exempt from this detector; of kName, where the configuration exempts it
};

// Names that judge() passes over: the stage that sets or bounds these claims judges them.
inline constexpr std::string_view kJudgedElsewhere[] = {"aud", "exp", "iat", "iss", "nbf"};

// The first breach, in the order of the alphabet; nothing if all claims fit.  `claims` is an object; `rules` are sorted
// by name.  Of claims that fit, what detectors found is appended to `findings`.
[[nodiscard]] std::optional<Breach> judge(const jose::Json& claims, std::span<const Rule> rules, PhiMode mode,
                                          Findings& findings);

// "claim 'client_id' must be a text": pointer and problem as one sentence.
[[nodiscard]] std::string describe(const Breach& breach);

}  // namespace signer::claims
