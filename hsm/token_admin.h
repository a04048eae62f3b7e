// SPDX-License-Identifier: Apache-2.0
//
// What an operator does with a module before signerd uses it: look at its tokens, initialise a blank one.
#pragma once

#include <optional>
#include <string>

#include "channel/values.h"
#include "jose/json.h"

namespace signer::hsm {

struct TokenInitRequest {
  std::string module;
  std::string label;                      // 1 to 32 bytes
  std::string pin_file;                   // of the user; checked as pin.h says
  std::string so_pin_file;                // of the security officer
  bool generate_pins = false;             // make the PIN files that are absent
  std::optional<std::size_t> slot_index;  // which of several blank tokens, counted from 0
};

// Initialises a blank token: label, SO PIN, user PIN.  Destroys nothing: a token that is initialised already is never
// touched, and a label that one of them bears is refused (kInvalid).  The answer names the token and its URI.
[[nodiscard]] channel::HostResult<jose::Json> initialize_token(const TokenInitRequest& request);

// All slots that hold a token, as a JSON array for people and scripts.  No login.
[[nodiscard]] channel::HostResult<jose::Json> describe_tokens(const std::string& module);

}  // namespace signer::hsm
