// SPDX-License-Identifier: Apache-2.0
//
// `signerctl verify`: a token on stdin, its claims or one error code.  Offline; signer::verify and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/outcome.h"

namespace signer::ctl {

struct VerifyOptions {
  std::string jwks;
  std::string
      decryption_key;  // file of the recipient's private keys, PEM or JWK; empty for tokens that are only signed
  std::vector<std::string> issuers;
  std::vector<std::string> audiences;
  std::string typ = "JWT";
  std::vector<std::string> algorithms = {"RS256"};
  std::vector<std::string> required;  // claims besides iss, aud, exp and iat
  int leeway_seconds = 30;
  int lifetime_max_seconds = 3600;
  std::optional<std::int64_t> now;  // seconds since 1970; the clock's otherwise
};

// kYes: the claims on stdout.  kNo: the name of a VerifyError on stderr.  kUsage: no key set or no profile to judge by.
// With a decryption key, a token of five parts is opened first, and encrypted claims are put in their place.
[[nodiscard]] Outcome verify_token(const Context& context, const VerifyOptions& options);

}  // namespace signer::ctl
