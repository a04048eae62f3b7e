// SPDX-License-Identifier: Apache-2.0
//
// A simulated TPM with a storage root key as operators make it, and their tools pointed at it alone.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/swtpm.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

class ToolsOnTpm : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"tpm2_encodeobject", "--version"}).status, 0) << "no tpm2-tools";
    const auto provider = run({"openssl", "list", "-providers", "-provider", "tpm2"}, {}, environment());
    ASSERT_EQ(provider.status, 0) << "no tpm2-openssl: " << provider.err;
    tool({"tpm2_createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", file("srk.ctx")});
    tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", file("srk.ctx"), "0x81000001"});
    flush();
  }

  [[nodiscard]] Environment environment() const {
    return {{"TPM2TOOLS_TCTI", tpm_.tcti()}, {"TPM2OPENSSL_TCTI", tpm_.tcti()}};
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }

  // How a tool that may fail ends.
  [[nodiscard]] Finished outcome(const std::vector<std::string>& arguments) const {
    return run(arguments, {}, environment());
  }

  // Runs a tool that must succeed.
  void tool(const std::vector<std::string>& arguments) const {
    const Finished finished = outcome(arguments);
    ASSERT_EQ(finished.status, 0) << arguments.front() << "\n" << finished.out << finished.err;
  }

  // There is no resource manager: what a tool leaves loaded stays.
  void flush() const { tool({"tpm2_flushcontext", "-t"}); }

  Swtpm tpm_;
  TemporaryDirectory directory_;
};

}  // namespace signer::test
