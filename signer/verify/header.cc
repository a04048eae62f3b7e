// SPDX-License-Identifier: Apache-2.0

#include "verify/header.h"

#include <algorithm>
#include <array>

#include "jose/base64url.h"
#include "jose/public_key.h"
#include "signer/jws.h"
#include "verify/object.h"

namespace signer::verify {

namespace {

// Parameters that change what is verified (crit, b64), carry or fetch a key the sender chose (jku, jwk, x5u, x5c) or
// belong to encryption (zip, enc, epk, p2c, p2s): no policy can allow them.  RFC 8725 §3.10, RFC 7797 §7.
constexpr std::array<std::string_view, 11> kNeverAllowed = {"crit", "b64", "jku", "jwk", "x5u", "x5c",
                                                            "zip",  "enc", "epk", "p2c", "p2s"};

}  // namespace

Result<Header, VerifyError> parse_header(std::string_view encoded) {
  const auto text = jose::base64url_decode(encoded);
  if (!text) return fail(VerifyError::kMalformed);
  const auto object = Object::parse(text_of(*text), {.depth_max = 1, .members_max = 32});
  if (!object) return fail(VerifyError::kHeaderRefused);

  Header header;
  const Value& root = object->root();
  for (const Value* value = object->first(root); value != nullptr; value = object->after(root, *value)) {
    if (!value->is_text() || std::ranges::find(kNeverAllowed, value->name) != kNeverAllowed.end()) {
      return fail(VerifyError::kHeaderRefused);
    }
    if (value->name == "alg") {
      header.alg = value->text;
    } else if (value->name == "kid") {
      header.kid = std::string(value->text);
    } else if (value->name == "typ") {
      header.type = std::string(value->text);
    } else {
      header.other_parameters.emplace_back(value->name);
    }
  }
  if (header.alg.empty() || (header.kid && !jose::is_acceptable_kid(*header.kid)))
    return fail(VerifyError::kHeaderRefused);
  header.algorithm = jose::find_algorithm(header.alg);
  if (header.type) header.normalized_type = jws::TypeRule::normalized(*header.type);
  return header;
}

}  // namespace signer::verify
