// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "tests/support/daemon.h"
#include "tests/support/eventually.h"

namespace signer::test {

inline TestDaemon::Programs programs() {
  return {SIGNERD_PROGRAM, SIGNER_HSM_PROGRAM, SIGNERCTL_PROGRAM};
}

// signerd up, with its key made.
class RunningDaemon : public testing::Test {
 protected:
  explicit RunningDaemon(DaemonOptions options = {}) : daemon_(programs(), std::move(options)) {}

  void SetUp() override { ASSERT_TRUE(daemon_.up()) << daemon_.log(); }

  TestDaemon daemon_;
};

}  // namespace signer::test
