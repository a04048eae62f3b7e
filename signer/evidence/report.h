// SPDX-License-Identifier: Apache-2.0
//
// A verdict for people and for machines.  Both are ASCII; the order of checks in the JSON is that of judging.
#pragma once

#include <string>

#include "evidence/verify.h"
#include "jose/json.h"

namespace signer::evidence {

// Lines of at most 100 characters: grade and reason, the key, a table of all checks, the worst first, and grade and
// reason again.
[[nodiscard]] std::string to_text(const Verdict& verdict);

// {"grade","reason","key","kid","fmt","made","checks":[{"check","finding","found","meaning"}]}.  `made` is a time in
// UTC; it, `key`, `kid` and `fmt` are left out where the bundle cannot be read that far.  Names are stable.
[[nodiscard]] jose::Json to_json(const Verdict& verdict);

}  // namespace signer::evidence
