// SPDX-License-Identifier: Apache-2.0
//
// The seed of a randomised test.  A run is repeatable: the same seed every time, unless SIGNER_TEST_SEED gives another
// (a number, or "random" for one of the system's).  A failure prints it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace signer::test {

inline unsigned seed() {
  constexpr unsigned kUsual = 20'251'123;
  const char* given =
      std::getenv("SIGNER_TEST_SEED");  // NOLINT(concurrency-mt-unsafe): no test changes its environment
  if (given == nullptr) return kUsual;
  if (std::string_view(given) == "random") return std::random_device{}();
  return static_cast<unsigned>(std::stoul(given));
}

}  // namespace signer::test
