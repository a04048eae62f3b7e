// SPDX-License-Identifier: Apache-2.0
//
// What signerd says of its keys and tokens (docs/protocol.md §2.4, §2.6, §2.7), in plain words.  Pure.
#pragma once

#include <optional>
#include <string>

#include "jose/json.h"

namespace signer::ctl {

struct Status {
  std::string socket;
  jose::Json readiness;              // body of /readyz
  jose::Json keys;                   // the array of /v1/keys
  std::optional<jose::Json> tokens;  // the array of /v1/tokens, if we may see it
  std::string tokens_refusal;        // why not
};

// Whether every configured key can sign now.  What is not said is not so.
[[nodiscard]] bool is_ready(const Status& status);

[[nodiscard]] std::string status_text(const Status& status);
[[nodiscard]] jose::Json status_json(const Status& status);

// The table of `key list`.
[[nodiscard]] std::string keys_text(const jose::Json& keys);

// One line for each key and token that cannot serve: what is wrong and what to do.
[[nodiscard]] std::string troubles_text(const Status& status);

}  // namespace signer::ctl
