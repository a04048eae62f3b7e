// SPDX-License-Identifier: Apache-2.0
//
// What Claims holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "signer/bytes.h"
#include "signer/jwt.h"
#include "verify/object.h"

namespace signer::jwt {

struct Claims::Data {
  Bytes payload;
  std::string kid;
  verify::Object object;  // refers to `payload`
  std::string issuer;
  std::vector<std::string> audiences;
  double expires = 0;
  std::optional<double> not_before;
  std::optional<double> issued;
};

}  // namespace signer::jwt
