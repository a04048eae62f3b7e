// SPDX-License-Identifier: Apache-2.0
//
// What signer-hsm says of tokens (an array of objects on its stdout), in plain words.  Pure.
#pragma once

#include <string>

#include "jose/json.h"

namespace signer::ctl {

[[nodiscard]] std::string token_table(const jose::Json& tokens);

struct PinFiles {
  std::string user;
  std::string security_officer;
};

// What was made, and what to do with it next.
[[nodiscard]] std::string initialized_text(const jose::Json& token, const PinFiles& files);

// What the token host wrote into a login latch (`refused 1 CKR_PIN_INCORRECT` below a header).
[[nodiscard]] std::string latch_reason(const std::string& content);

}  // namespace signer::ctl
