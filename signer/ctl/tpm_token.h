// SPDX-License-Identifier: Apache-2.0
//
// `signerctl token init|list` for TPMs: what signer-tpm is asked, and what it answers in plain words.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/token.h"
#include "jose/json.h"

namespace signer::ctl {

// Makes storage root key and auth file as far as they are wanted.  What the command line leaves out is `table`'s.
[[nodiscard]] Outcome tpm_token_init(const Context& context, const TokenOptions& given,
                                     const std::optional<config::Token>& table);

// What signer-tpm says of the TPM, an object.
[[nodiscard]] Result<jose::Json, Outcome> describe_tpm(const Context& context, const TokenOptions& options,
                                                       const std::string& tcti,
                                                       const std::map<std::string, std::string>& environment);

// The arguments of `signer-tpm token-init`; kInvalidRequest says which option is missing, or that the auth value is a
// credential, which only systemd makes.  Pure.
[[nodiscard]] Result<std::vector<std::string>> tpm_init_arguments(const TokenOptions& options);

// What such an object says, for people.  Pure.
[[nodiscard]] std::string tpm_text(const jose::Json& tpm);

}  // namespace signer::ctl
