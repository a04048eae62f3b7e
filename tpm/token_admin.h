// SPDX-License-Identifier: Apache-2.0
//
// What an operator does with a TPM before signerd uses it: look at it, make the storage root key and the auth value.
#pragma once

#include <string>

#include "channel/values.h"
#include "jose/json.h"

namespace signer::tpm {

struct TokenInitRequest {
  std::string tcti;
  std::string auth_file;       // checked as auth_value.h says
  bool generate_auth = false;  // make the auth file if it is absent
};

// Makes the storage root key if there is none, the auth file if asked to, and says what there is.  Changes nothing
// else: a key at the handle is judged (kUnsupported if it is no storage key) and kept.
[[nodiscard]] channel::HostResult<jose::Json> initialize_token(const TokenInitRequest& request);

// The TPM in a JSON array of one, for people and scripts: identity, storage root, room, lockout, hierarchies, advice.
// Reads alone.
[[nodiscard]] channel::HostResult<jose::Json> describe_tokens(const std::string& tcti);

}  // namespace signer::tpm
