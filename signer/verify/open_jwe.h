// SPDX-License-Identifier: Apache-2.0
//
// Opens a JWE in compact form (RFC 7516 §5.2).  What is opened was encrypted by anybody: it proves nothing about its
// sender (RFC 8725 §3.3), so nothing in here is for users of the library.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "signer/decryption_keys.h"

namespace signer::verify {

// What a JWE is expected to hold.
enum class Content {
  kToken,   // cty "JWT"; iss, sub and aud may be repeated in the header (RFC 7519 §5.3)
  kClaims,  // cty "json"
};

struct OpenedJwe {
  Secret plaintext;
  // As the header has them.
  std::optional<std::string> issuer;
  std::optional<std::string> subject;
  std::optional<std::vector<std::string>> audiences;
};

// Nothing for every refusal.  Whether RSA-OAEP or the tag was bad can be told neither by the answer nor by its time:
// a key that does not unwrap is replaced by a random one, and the tag decides (RFC 7516 §11.5).  The sizes and the
// header, which anybody can read, are judged first.
[[nodiscard]] std::optional<OpenedJwe> open_jwe(std::string_view compact, const DecryptionKeys& keys, Content content,
                                                std::size_t header_bytes_max);

}  // namespace signer::verify
