// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the detectors ask.
#pragma once

#include <string>
#include <string_view>

#include "phi/phi.h"

namespace signer::phi {

// Whether this detector, asked alone, finds something.
inline bool finds(Detector detector, std::string_view text, std::string_view claim_name = "claim") {
  return find(text, claim_name, DetectorSet::none().with(detector)) == detector;
}

// The rule of what all detectors find together; "" for nothing.
inline std::string found(std::string_view text, std::string_view claim_name = "claim") {
  const auto detector = find(text, claim_name, DetectorSet::all());
  return detector ? std::string(rule_of(*detector)) : "";
}

}  // namespace signer::phi
