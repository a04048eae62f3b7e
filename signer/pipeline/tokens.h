// SPDX-License-Identifier: Apache-2.0
//
// The configured tokens, and what the tables of keys say of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "channel/values.h"
#include "signer/result.h"
#include "token/token_service.h"

namespace signer::pipeline {

using Tokens = std::map<std::string, std::unique_ptr<token::TokenService>, std::less<>>;

// 20 random bytes for a CKA_ID (ADR 0006).
[[nodiscard]] Result<Bytes> fresh_key_id();

// Whether a host's answer to a question about a key says that the key is not the one that is meant or not as keys are
// made, and not that the token could not be asked.
[[nodiscard]] bool disagrees(channel::HostStatus status) noexcept;

}  // namespace signer::pipeline
