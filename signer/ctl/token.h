// SPDX-License-Identifier: Apache-2.0
//
// `signerctl token init|list|unlatch`.  What touches a module or a PIN happens in signer-hsm, what touches a TPM or its
// keys' auth value in signer-tpm, started for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "ctl/outcome.h"

namespace signer::ctl {

struct TokenOptions {
  std::string config;  // either this and, for init, a name
  std::string name;
  std::string module;  // or these
  std::string label;
  std::string pin_file;
  std::string so_pin_file;
  std::string tcti;  // or these
  std::string auth_file;
  bool generate_secrets = false;       // PINs or auth value
  std::optional<unsigned> slot_index;  // which of several blank tokens
  std::string hsm_program;
  std::string tpm_program;
};

[[nodiscard]] Outcome token_init(const Context& context, const TokenOptions& options);
[[nodiscard]] Outcome token_list(const Context& context, const TokenOptions& options);

// Removes state_dir/latch/NAME.json, so that the token host tries the PIN once more.  kYes if there was nothing to
// remove.
[[nodiscard]] Outcome token_unlatch(const Context& context, const TokenOptions& options);

// The `token` attribute of an RFC 7512 URI, decoded; nothing if it has none or is none.  Pure.
[[nodiscard]] std::optional<std::string> label_of(std::string_view uri);

// The table of that name, or kNotFound with the names there are.
[[nodiscard]] Result<config::Token> find_token(const config::Config& config, const std::string& name);

// kInvalidRequest names the first option of token init that is for the other kind of token.  Pure.
[[nodiscard]] Result<void> check_options_of(config::DriverKind driver, const TokenOptions& options);

// The arguments of `signer-hsm token-init`; kInvalidRequest says which option is missing.  Pure.
[[nodiscard]] Result<std::vector<std::string>> init_arguments(const TokenOptions& options);

}  // namespace signer::ctl
