// SPDX-License-Identifier: Apache-2.0
//
// What each detector finds, what it must let pass, and where its edges are.
#include <gtest/gtest.h>

#include "phi/phi.h"

namespace signer::phi {
namespace {

TEST(Phi, EveryDetectorHasARuleOfItsOwnAndTheRuleLeadsBack) {
  for (const Detector detector : kDetectors) {
    EXPECT_TRUE(rule_of(detector).starts_with("phi."));
    EXPECT_EQ(detector_of(rule_of(detector)), detector);
  }
  for (const std::string_view text : {"", "phi", "phi.", "phi.nam", "phi.names", "PHI.NAME", "name"}) {
    EXPECT_FALSE(detector_of(text)) << text;
  }
}

}  // namespace
}  // namespace signer::phi
