// SPDX-License-Identifier: Apache-2.0
//
// What a KeySet holds: one key, which has one algorithm, for each kid.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "signer/key_set.h"
#include "verify/verification_key.h"

namespace signer {

struct KeySet::Keys {
  struct Entry {
    verify::VerificationKey key;
    std::string identity;  // algorithm and RFC 7638 thumbprint: tells whether a kid still means the same key
  };

  std::map<std::string, Entry, std::less<>> by_kid;  // Exact bytes: no prefix, no case folding, no guess.
};

}  // namespace signer
