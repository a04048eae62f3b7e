// SPDX-License-Identifier: Apache-2.0
//
// The kinds of profile that ship with signer.  Each is the claim set of one specification, minimal, and no token is of
// two of them (RFC 8725 §3.12): `typ`, the relation of `sub` to `iss`, or a claim that one requires and the others do
// not know keeps them apart.
#pragma once

#include <chrono>
#include <span>
#include <string_view>
#include <vector>

#include "claims/judge.h"
#include "claims/rule.h"

namespace signer::claims {

enum class Subject : std::uint8_t {
  kAny,
  kIssuer,     // `sub` is `iss`: a client speaks of itself (RFC 7523 §3)
  kNotIssuer,  // `sub` is there and is not `iss`
};

struct Kind {
  std::string_view name;
  std::string_view typ;
  Subject subject = Subject::kAny;
  std::chrono::seconds ttl_max{};
  std::vector<Rule> rules;         // sorted by name; what judge() takes
  bool certificate_chain = false;  // the header has an x5c
};

// rfc9068-access-token, oidc-id-token, smart-client-assertion, udap-client-assertion, kubernetes-service-account,
// internal-service.
[[nodiscard]] std::span<const Kind> shipped_kinds();

// Null if there is none of this name.
[[nodiscard]] const Kind* find_kind(std::string_view name);

// What every profile allows beside what is judged elsewhere: `sub` and `jti` as opaque ids.
[[nodiscard]] std::vector<Rule> base_rules();

// Claims that mark a kind: no profile of another kind, and none without a kind, may allow them.
[[nodiscard]] bool is_marker(std::string_view claim) noexcept;

// Whether `sub` stands to `iss` as it must.
[[nodiscard]] std::optional<Breach> judge_subject(const jose::Json& claims, Subject subject);

}  // namespace signer::claims
