// SPDX-License-Identifier: Apache-2.0
//
// The commands that ask signerd: sign, jwks, status, key list, key create.  What `doctor` asks is here too.
#pragma once

#include <string>

#include "ctl/outcome.h"
#include "ctl/status_text.h"

namespace signer::ctl {

struct SignOptions {
  std::string key;
  std::string profile;
  std::string claims = "-";  // a file, or "-"
};

[[nodiscard]] Outcome sign(const Context& context, const SignOptions& options);

// Of one key, or of all if `key` is empty.
[[nodiscard]] Outcome jwks(const Context& context, const std::string& key);

// What signerd says of itself.
[[nodiscard]] Result<Status, ClientError> ask_status(const Context& context);

// kNo unless every key can sign.
[[nodiscard]] Outcome status(const Context& context);

[[nodiscard]] Outcome key_list(const Context& context);

// RSA-4096 in a slow token takes its time: waits 65 s unless told otherwise.
[[nodiscard]] Outcome key_create(const Context& context, const std::string& key);

// Has signerd take the key that the TPM token holds under `key_id` (lower-case hexadecimal digits).
[[nodiscard]] Outcome key_adopt(const Context& context, const std::string& key, const std::string& key_id);

}  // namespace signer::ctl
