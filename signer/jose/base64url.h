// SPDX-License-Identifier: Apache-2.0
//
// base64url without padding (RFC 7515 §2, RFC 4648 §5), which everything of JOSE uses, and base64 with padding
// (RFC 4648 §4), which text formats of others use.  One spelling for every value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "signer/bytes.h"

namespace signer::jose {

[[nodiscard]] std::string base64url_encode(ByteView bytes);

[[nodiscard]] inline std::string base64url_encode(std::string_view text) {
  return base64url_encode(bytes_of(text));
}

// The only bytes that encode to `text`, or nothing: padding, whitespace, other alphabets, a length of 1 modulo 4 and
// non-zero spare bits (RFC 4648 §3.5) are all refused, so that no two texts decode alike.
[[nodiscard]] std::optional<Bytes> base64url_decode(std::string_view text);

// The same into a buffer that is reused: false leaves `out` unspecified.
[[nodiscard]] bool base64url_decode_into(std::string_view text, Bytes& out);

[[nodiscard]] std::string base64_encode(ByteView bytes);

// As base64url_decode: missing padding is refused too.
[[nodiscard]] std::optional<Bytes> base64_decode(std::string_view text);

}  // namespace signer::jose
