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

// What token hosts wrote into a login latch (docs/adr/0008-login-latch.md): a phrase for each PIN file, or that it
// cannot be read.
[[nodiscard]] std::string latch_reason(const std::string& content);

// Whether it keeps this PIN file, an absolute path or credential:NAME, from being tried.
[[nodiscard]] bool is_latched(const std::string& content, const std::string& pin_file);

}  // namespace signer::ctl
