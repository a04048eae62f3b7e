// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "tests/support/daemon.h"
#include "tests/support/eventually.h"

namespace signer::test {

inline TestDaemon::Programs programs() {
  return {SIGNERD_PROGRAM, SIGNER_HSM_PROGRAM, SIGNERCTL_PROGRAM, SIGNER_TPM_PROGRAM};
}

// signerd up, with its key made.
class RunningDaemon : public testing::Test {
 protected:
  explicit RunningDaemon(DaemonOptions options = {}) : daemon_(programs(), std::move(options)) {}

  void SetUp() override { ASSERT_TRUE(daemon_.up()) << daemon_.log(); }

  // A host that a sanitizer ends looks to callers like any crash: it is started again.  Here it shows.
  void TearDown() override {
    if (!daemon_.process().wait(std::chrono::milliseconds(0))) {
      EXPECT_EQ(daemon_.stop(), 0) << daemon_.log();
    }
    const std::string log = daemon_.log();
    for (const char* word : {"ERROR: AddressSanitizer: heap", "ERROR: AddressSanitizer: stack", "LeakSanitizer",
                             "ThreadSanitizer", "runtime error:"}) {
      EXPECT_EQ(log.find(word), std::string::npos) << log;
    }
  }

  TestDaemon daemon_;
};

}  // namespace signer::test
