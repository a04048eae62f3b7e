// SPDX-License-Identifier: Apache-2.0
//
// The JOSE header of a JWS as it stands in the token: read strictly, believed by nobody yet.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jose/algorithms.h"
#include "signer/result.h"
#include "signer/verify_error.h"

namespace signer::verify {

struct Header {
  std::string alg;
  const jose::AlgorithmRow* algorithm = nullptr;  // none for a name that is not in the table
  std::optional<std::string> kid;
  std::optional<std::string> type;             // as it was written
  std::optional<std::string> normalized_type;  // as TypeRule compares it
  std::vector<std::string> other_parameters;   // text parameters besides alg, kid and typ
};

// Reads the first part of a compact JWS.  kMalformed if it is not exact base64url; kHeaderRefused if it is not one
// strict JSON object, holds a parameter that is not text or one that makes a verifier do more than verify, or has no
// alg, or a kid that is not acceptable.
[[nodiscard]] Result<Header, VerifyError> parse_header(std::string_view encoded);

}  // namespace signer::verify
