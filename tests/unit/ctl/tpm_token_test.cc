// SPDX-License-Identifier: Apache-2.0
//
// signerctl with the real signer-tpm and a simulated TPM.  Lose these and the first command that an operator of a TPM
// types may fail, change what it should keep, or say less than there is.

#include "ctl/tpm_token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "jose/json.h"
#include "tests/support/swtpm.h"
#include "tests/unit/ctl/program.h"

namespace signer::ctl {
namespace {

using jose::Json;
using test::Finished;

class TpmTokenCommands : public testing::Test {
 protected:
  void SetUp() override {
    test::write_text(config_, "state_dir = \"" + (directory_ / "state") + R"("
[[listener]]
path = "/run/none"
[[token]]
name = "tpm0"
driver = "tpm2"
tcti = ")" + tpm_.tcti() + R"("
[[token]]
name = "again"
driver = "tpm2"
tcti = ")" + tpm_.tcti() + R"("
[[token]]
name = "main"
driver = "pkcs11"
module = "/a.so"
uri = "pkcs11:token=demo"
)");
    test::write_script(directory_ / "hsm", "echo \"$@\" >> '" + (directory_ / "hsm-args") + "'; echo '[]'");
  }

  // signer-tpm is the real one, beside signerctl; signer-hsm is a script.
  Finished token(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "token");
    if (arguments[1] != "unlatch") arguments.insert(arguments.end(), {"--hsm-program", directory_ / "hsm"});
    return test::signerctl(arguments);
  }

  // The Name of the storage root key as `token list` shows it, "" if there is none.
  std::string storage_root() {
    const Finished ran = token({"list", "--tcti", tpm_.tcti(), "--json"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    const Json root = Json::parse(ran.out).at("tpms").at(0).at("storage_root");
    return root.is_null() ? "" : root.at("name").get<std::string>();
  }

  test::Swtpm tpm_;
  test::TemporaryDirectory directory_;
  std::string config_ = directory_ / "s.toml";
  std::string auth_file_ = directory_ / "state/tpm/tpm0.auth";
};

TEST_F(TpmTokenCommands, InitMakesStorageRootAndAuthFileOfTheConfiguration) {
  ASSERT_EQ(storage_root(), "");
  const Finished ran = token({"init", "--config", config_, "tpm0", "--generate-auth"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("Made the storage root key"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("tcti = \"" + tpm_.tcti() + "\""), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("auth_file = \"" + auth_file_ + "\""), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("SOFTWARE"), std::string::npos) << ran.out;
  EXPECT_EQ(storage_root().size(), 68U);
  struct stat status {};
  ASSERT_EQ(::stat(auth_file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(test::read_text(auth_file_).size(), 65U);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "hsm-args"));
}

TEST_F(TpmTokenCommands, InitKeepsWhatIsThere) {
  ASSERT_EQ(token({"init", "--config", config_, "tpm0", "--generate-pins"}).status, 0);
  const std::string root = storage_root();
  const std::string auth = test::read_text(auth_file_);
  const Finished again = token({"init", "--config", config_, "tpm0", "--generate-auth", "--json"});
  ASSERT_EQ(again.status, 0) << again.err;
  const Json said = Json::parse(again.out);
  EXPECT_EQ(said.at("token").at("storage_root_created"), false);
  EXPECT_EQ(said.at("auth_file"), auth_file_);
  EXPECT_EQ(storage_root(), root);
  EXPECT_EQ(test::read_text(auth_file_), auth);
}

TEST_F(TpmTokenCommands, InitNeedsNoConfiguration) {
  const Finished ran =
      token({"init", "--tcti", tpm_.tcti(), "--auth-file", directory_ / "auth", "--generate-auth", "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out).at("token").at("storage_root_created"), true);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "auth"));
}

// An auth value made by mistake would be believed to be the one of the keys.
TEST_F(TpmTokenCommands, InitMakesNoAuthFileUnlessTold) {
  const Finished ran = token({"init", "--config", config_, "tpm0"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("--generate-auth makes one"), std::string::npos) << ran.err;
  EXPECT_FALSE(std::filesystem::exists(auth_file_));
  EXPECT_EQ(storage_root(), "") << "the TPM was changed by a command that was refused";
}

TEST_F(TpmTokenCommands, Invariant05_InitShowsTheAuthValueToNobody) {
  const Finished made = token({"init", "--config", config_, "tpm0", "--generate-auth"});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string auth = test::read_text(auth_file_).substr(0, 64);
  ASSERT_EQ(auth.size(), 64U);
  const Finished listed = token({"list", "--config", config_, "--json"});
  EXPECT_EQ((made.out + made.err + listed.out + listed.err).find(auth), std::string::npos);
  test::write_text(auth_file_, auth.substr(1));
  const Finished refused = token({"init", "--config", config_, "tpm0"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ((refused.out + refused.err).find(auth.substr(1, 32)), std::string::npos) << refused.err;
}

// OpenSSL takes a pass phrase up to the first line end or zero, so that a certificate request would be refused.
TEST_F(TpmTokenCommands, InitMakesAuthValuesThatOpensslCanTake) {
  for (int i = 0; i < 40; ++i) {
    const std::string file = directory_ / ("auth" + std::to_string(i));
    ASSERT_EQ(token({"init", "--tcti", tpm_.tcti(), "--auth-file", file, "--generate-auth"}).status, 0);
    const std::string digits = test::read_text(file).substr(0, 64);
    for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
      const std::string byte = digits.substr(at, 2);
      EXPECT_TRUE(byte != "00" && byte != "0a" && byte != "0d") << digits;
    }
  }
}

TEST_F(TpmTokenCommands, InitRefusesWhatIsForTheOtherKindOfToken) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"init", "--config", config_, "tpm0", "--pin-file", "/p"}, "takes --tcti and --auth-file"},
      {{"init", "--config", config_, "tpm0", "--slot-index", "0"}, "takes --tcti and --auth-file"},
      {{"init", "--config", config_, "main", "--auth-file", "/a"}, "takes --module"},
      {{"init", "--config", config_, "main", "--tcti", tpm_.tcti()}, "takes --module"},
      {{"init", "--tcti", tpm_.tcti(), "--auth-file", "/a", "--module", "/m.so"}, "takes --tcti and --auth-file"},
      {{"init", "--tcti", tpm_.tcti()}, "--auth-file is missing"},
      {{"init", "--auth-file", "/a"}, "--tcti is missing"},
      {{"init"}, "--tcti"}};
  for (const auto& [arguments, says] : cases) {
    const Finished ran = token(arguments);
    EXPECT_EQ(ran.status, 2) << testing::PrintToString(arguments);
    EXPECT_NE(ran.err.find(says), std::string::npos) << ran.err;
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "hsm-args"));
  EXPECT_EQ(storage_root(), "");
}

TEST_F(TpmTokenCommands, ListShowsModulesAndTpmsTogetherEachOnce) {
  const Finished ran = token({"list", "--config", config_});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(test::read_text(directory_ / "hsm-args"), "token-list --module /a.so\n");
  EXPECT_NE(ran.out.find("Module /a.so\n"), std::string::npos) << ran.out;
  const std::size_t tpm = ran.out.find("\nTPM " + tpm_.tcti() + "\n");
  ASSERT_NE(tpm, std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("TPM " + tpm_.tcti(), tpm + 2), std::string::npos) << "two tokens of one TPM";
  for (const char* word : {"IBM SW TPM, firmware ", "SOFTWARE", "storage root     none", "RSA-2048, RSA-3072, P-256",
                           "persistent keys  none; room for ", "no, 0 failed tries of ", "advice: "}) {
    EXPECT_NE(ran.out.find(word), std::string::npos) << word << " is not in:\n" << ran.out;
  }
}

TEST_F(TpmTokenCommands, ListAnswersInJsonWithAllThatTheHelperSaid) {
  const Finished ran = token({"list", "--tcti", tpm_.tcti(), "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json said = Json::parse(ran.out);
  EXPECT_EQ(said.at("modules"), Json::array());
  const Json& tpm = said.at("tpms").at(0);
  EXPECT_EQ(tpm.at("tcti"), tpm_.tcti());
  EXPECT_EQ(tpm.at("simulator"), true);
  for (const char* member : {"manufacturer", "vendor", "firmware", "storage_root", "key_kinds", "persistent_handles",
                             "persistent_room", "lockout", "owner_auth_set", "lockout_auth_set", "advice"}) {
    EXPECT_TRUE(tpm.contains(member)) << member;
  }
}

TEST_F(TpmTokenCommands, ATpmThatIsNotThereIsUnavailableAndNamed) {
  const std::string absent = "swtpm:path=" + (directory_ / "none");
  for (const Finished& ran : {token({"list", "--tcti", absent}), token({"init", "--tcti", absent, "--auth-file",
                                                                        directory_ / "auth", "--generate-auth"})}) {
    EXPECT_EQ(ran.status, 3);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(directory_ / "none"), std::string::npos) << ran.err;
  }
}

// The TSS would complete it by guessing, down to a TCP port where anybody may play the TPM.
TEST_F(TpmTokenCommands, ATctiThatIsNotExplicitIsRefused) {
  for (const char* tcti : {"swtpm", "device", "swtpm:", ":path=/x", "/lib/x.so:a"}) {
    EXPECT_EQ(token({"list", "--tcti", tcti}).status, 1) << tcti;
  }
}

TEST_F(TpmTokenCommands, UnlatchSaysThatATpmHasNoLatch) {
  const Finished ran = token({"unlatch", "--config", config_, "tpm0"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("there is nothing to unlatch"), std::string::npos) << ran.out;
  EXPECT_EQ(Json::parse(token({"unlatch", "--config", config_, "tpm0", "--json"}).out).at("removed"), false);
}

TEST_F(TpmTokenCommands, TheHelpersCanBeNamedByOptionAndEnvironment) {
  test::write_script(directory_ / "tpm", "echo \"$@\" >> '" + (directory_ / "tpm-args") + "'; echo '[{}]'");
  const std::vector<std::string> list = {SIGNERCTL_PROGRAM, "token", "list", "--tcti", "device:/dev/null"};
  EXPECT_EQ(test::run_program(list, "", {{"SIGNER_TPM", directory_ / "tpm"}}).status, 0);
  EXPECT_EQ(test::read_text(directory_ / "tpm-args"), "token-list --tcti device:/dev/null\n");
  EXPECT_EQ(test::run_program({SIGNERCTL_PROGRAM, "token", "list", "--module", "/m.so"}, "",
                              {{"SIGNER_HSM", directory_ / "hsm"}})
                .status,
            0);
  EXPECT_EQ(test::read_text(directory_ / "hsm-args"), "token-list --module /m.so\n");
  EXPECT_EQ(token({"list", "--tcti", "device:/dev/null", "--tpm-program", directory_ / "none"}).status, 2);
}

TEST_F(TpmTokenCommands, WhatIsNotOfTheHelperIsNotPassedOn) {
  for (const char* answer : {"{}", "[]", "[1]", "[{},{}]", "no json"}) {
    test::write_script(directory_ / "tpm", std::string("echo '") + answer + "'");
    const Finished ran = token({"list", "--tcti", "device:/dev/null", "--tpm-program", directory_ / "tpm"});
    EXPECT_EQ(ran.status, 3) << answer;
    EXPECT_EQ(ran.out, "") << answer;
  }
}

}  // namespace
}  // namespace signer::ctl
