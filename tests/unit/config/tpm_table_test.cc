// SPDX-License-Identifier: Apache-2.0
//
// The [[token]] of a TPM.  Lose these and a file may name a TPM that the library completes by guessing, or a member
// that was meant for the other kind of token is passed over in silence.
#include <gtest/gtest.h>

#include "config/config.h"
#include "tests/unit/config/example.h"
#include "tests/unit/config/problems.h"
#include "tpm/tcti.h"

namespace signer::config {
namespace {

using namespace std::chrono_literals;
using test::expect_problem;
using test::kConfigText;
using test::lines_in;
using test::problems_of;
using test::with;

const std::string kTpmTokenTable = R"(
[[token]]
name = "tpm0"
driver = "tpm2"
tcti = "device:/dev/tpmrm0"
)";

TEST(TpmTable, ReadsEveryMemberOfATpmToken) {
  const auto config = parse(std::string(kConfigText) + kTpmTokenTable +
                                "auth_file = \"credential:tpm0.auth\"\nauthorization = \"password\"\n"
                                "operation_timeout = \"3s\"\nkey_check_every = \"24h\"\nenvironment = { A = \"b\" }\n",
                            "f");
  ASSERT_TRUE(config) << config.error().text;
  const Token& token = config->tokens.back();
  EXPECT_EQ(token.pin_file, "credential:tpm0.auth");
  EXPECT_EQ(token.authorization, "password");
  EXPECT_EQ(token.operation_timeout, 3s);
  EXPECT_EQ(token.key_check_every, 24h);
  EXPECT_EQ(token.environment, (std::map<std::string, std::string>{{"A", "b"}}));
  const auto hmac = parse(
      std::string(kConfigText) + kTpmTokenTable + "authorization = \"hmac\"\nauth_file = \"/etc/signer/tpm0.auth\"\n",
      "f");
  ASSERT_TRUE(hmac) << hmac.error().text;
  EXPECT_EQ(hmac->tokens.back().pin_file, "/etc/signer/tpm0.auth");
}

TEST(TpmTable, TheTimeOfATpmIsNotThatOfItsNeighbour) {
  const auto config = parse(std::string(kConfigText) + kTpmTokenTable, "f");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->tokens.front().operation_timeout, 2s);
}

// Which sizes there are differs from TPM to TPM, and it is the TPM that says so when the key is made.
TEST(TpmTable, LeavesTheSizeOfAKeyToTheTpm) {
  for (const char* bits : {"2048", "3072", "4096"}) {
    const auto config = parse(std::string(kConfigText) + kTpmTokenTable +
                                  "[[key]]\nname = \"large\"\ntokens = [\"tpm0\"]\nbits = " + bits + "\n",
                              "f");
    EXPECT_TRUE(config) << bits << ": " << config.error().text;
  }
}

// The host refuses what the file should have refused, but only once it runs.
TEST(TpmTable, TakesATctiExactlyIfTheHostDoes) {
  for (const char* tcti :
       {"device:/dev/tpmrm0", "swtpm:path=/tmp/s", "mssim:host=localhost,port=2321", "tabrmd:bus_type=session",
        "a-b-9:x", "-:x", "device", "device:", ":", ":/dev/tpmrm0", "Device:/dev/tpm0", "/usr/lib/x.so:y", "a b:c",
        "./x:y", "dev_ice:x", "device:a:b", "device: ", "libtss2-tcti-device.so.0:/dev/tpmrm0"}) {
    const auto config = parse(with(std::string(kConfigText) + kTpmTokenTable, "device:/dev/tpmrm0", tcti), "f");
    EXPECT_EQ(config.has_value(), tpm::is_explicit_tcti(tcti)) << tcti;
  }
}

// The example with its token in a TPM; line 9 is the tcti.
std::string tpm_text(std::string_view more = "", std::string_view tcti = "tcti = \"device:/dev/tpmrm0\"\n") {
  return with(kConfigText,
              "driver = \"pkcs11\"\nmodule = \"/usr/lib/softhsm/libsofthsm2.so\"\nuri = \"pkcs11:token=demo\"\n",
              "driver = \"tpm2\"\n" + std::string(tcti) + std::string(more));
}

void expect_tpm_problem(const std::string& text, const std::string& begins, const std::string& says) {
  const std::string problems = problems_of(text);
  EXPECT_TRUE(problems.starts_with("signer.toml:" + begins)) << problems;
  EXPECT_NE(problems.find(says), std::string::npos) << problems;
  EXPECT_EQ(lines_in(problems), 1) << problems;
}

TEST(TpmTableProblem, ATpmIsNamedInFull) {
  ASSERT_EQ(problems_of(tpm_text()), "");
  expect_tpm_problem(tpm_text("", ""), "6: token.tcti: ", "is missing; add tcti");
  for (const char* tcti : {"device", "device:", ":/dev/tpmrm0", "/dev/tpmrm0", "Device:/dev/tpmrm0", "./x.so:y"}) {
    expect_tpm_problem(tpm_text("", "tcti = \"" + std::string(tcti) + "\"\n"),
                       "9: token.tcti: ", "must name transport and place, such as \"device:/dev/tpmrm0\"");
  }
  expect_tpm_problem(tpm_text("", "tcti = 7\n"), "9: token.tcti: ", "must be a text");
}

TEST(TpmTableProblem, AnAuthFileIsAnAbsolutePathOrACredential) {
  expect_tpm_problem(tpm_text("auth_file = \"relative\"\n"), "10: token.auth_file: ", "absolute path, or credential:");
  expect_tpm_problem(tpm_text("auth_file = \"\"\n"), "10: token.auth_file: ", "must be a text");
  // The default is below state_dir: one problem, not two.
  expect_tpm_problem(with(tpm_text(), "\"/var/lib/signer\"", "\"var\""), "1: state_dir: ", "absolute path");
}

TEST(TpmTableProblem, AnAuthorizationIsOneOfTwo) {
  for (const char* word : {"none", "HMAC", "policy", " hmac"}) {
    expect_tpm_problem(tpm_text("authorization = \"" + std::string(word) + "\"\n"),
                       "10: token.authorization: ", "must be \"hmac\" or \"password\"");
  }
}

TEST(TpmTableProblem, TheTimeoutOfATpmHasTheSameBounds) {
  EXPECT_EQ(problems_of(tpm_text("operation_timeout = \"120s\"\n")), "");
  expect_tpm_problem(tpm_text("operation_timeout = \"121s\"\n"), "10: token.operation_timeout: ", "120000ms");
}

TEST(TpmTableProblem, AMemberOfTheOtherDriverIsRefusedWithWhatToUseInstead) {
  const std::tuple<const char*, const char*, const char*> on_a_tpm[] = {
      {"module = \"/m.so\"\n", "module", "named by tcti"},
      {"uri = \"pkcs11:token=x\"\n", "uri", "named by tcti"},
      {"pin_file = \"/p\"\n", "pin_file", "auth_file"},
      {"sessions = 2\n", "sessions", "one thing at a time"},
      {"sessions = \"many\"\n", "sessions", "one thing at a time"}};
  for (const auto& [line, key, says] : on_a_tpm) {
    expect_tpm_problem(tpm_text(line), "10: token." + std::string(key) + ": is for driver = \"pkcs11\"; ", says);
  }
  const std::tuple<const char*, const char*, const char*> on_pkcs11[] = {
      {"tcti = \"device:/dev/tpmrm0\"\n", "tcti", "module and uri"},
      {"auth_file = \"/a\"\n", "auth_file", "pin_file"},
      {"authorization = \"hmac\"\n", "authorization", "a PIN"}};
  for (const auto& [line, key, says] : on_pkcs11) {
    expect_problem(
        "uri =", std::string(line) + "uri =", "10: token." + std::string(key) + ": is for driver = \"tpm2\"; ", says);
  }
}

TEST(TpmTableProblem, AnUnknownMemberOfATpmIsNotCompletedToOneThatIsRefused) {
  expect_tpm_problem(tpm_text("autorization = \"hmac\"\n"),
                     "10: token.autorization: ", "did you mean 'authorization'?");
  const std::string text = problems_of(tpm_text("modul = \"/m\"\n"));
  EXPECT_NE(text.find("10: token.modul: is not known"), std::string::npos) << text;
  EXPECT_EQ(text.find("module"), std::string::npos) << text;
}

TEST(TpmTableProblem, Invariant05_AnAuthValueWrittenAsAMemberIsRefusedAndNotRepeated) {
  for (const char* member : {"auth = \"31337\"", "auth_value = \"31337\"", "auth_file = \"31337\"", "auth_file = 31337",
                             "authorization = \"31337\"", "pin_file = \"31337\""}) {
    const std::string text = problems_of(tpm_text(std::string(member) + "\n"));
    EXPECT_TRUE(text.starts_with("signer.toml:10: token.")) << text;
    EXPECT_EQ(text.find("31337"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace signer::config
