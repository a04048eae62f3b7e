// SPDX-License-Identifier: Apache-2.0
//
// The commands that need no signerd, and how the program ends.  signer-hsm is a script that says what it was given.

#include <gtest/gtest.h>

#include "ctl/helper.h"
#include "jose/json.h"
#include "tests/unit/ctl/program.h"

namespace signer {
namespace {

using jose::Json;
using test::Finished;
using test::signerctl;

TEST(Program, ExplainsItself) {
  const Finished help = signerctl({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_NE(help.out.find("signerctl status"), std::string::npos);
  const Finished version = signerctl({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(version.out.starts_with("signerctl ")) << version.out;
}

TEST(Program, ExitsWithTwoIfItDoesNotUnderstand) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "a command is missing\nTry: signerctl --help\n"},
      {{"bogus"}, "'bogus' is not a command\nTry: signerctl --help\n"},
      {{"key"}, "a command is missing\nTry: signerctl key --help\n"},
      {{"key", "bogus"}, "'bogus' is not a command\nTry: signerctl key --help\n"},
      {{"sign"}, "KEY is required\nTry: signerctl sign --help\n"},
      {{"sign", "a", "b"}, "signerctl: there is one argument too many\nTry: signerctl sign --help\n"},
      {{"status", "--bogus=1"}, "signerctl: there is no option --bogus here\nTry: signerctl status --help\n"},
      {{"status", "--bogus"}, "Try: signerctl status --help\n"},
      {{"status", "--timeout", "0"}, "Try: signerctl status --help\n"},
      {{"status", "--socket", ""}, "a socket path has 1 to 107 bytes"},
      {{"status", "--socket", std::string(108, 'a')}, "a socket path has 1 to 107 bytes"}};
  for (const auto& [arguments, expected] : cases) {
    const Finished ran = signerctl(arguments);
    EXPECT_EQ(ran.status, 2) << testing::PrintToString(arguments);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(expected), std::string::npos) << ran.err;
  }
}

// An error ends up in logs.
TEST(Program, RepeatsNoArgumentThatMayBeClaimsOrAToken) {
  const std::string secret = R"({"sub":"Jane.Q"})";
  const std::string token = "eyJhbGciOiJSUzI1NiJ9.Jane.Q";
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{secret},
                                             {token},
                                             {"sign", "issuer", secret},
                                             {"sign", "issuer", "--" + secret},
                                             {"status", "--timeout", secret},
                                             {"--timeout=" + secret, "status"},
                                             {"verify", "--jwks", secret},
                                             {"sign", "issuer", "--claims", secret},
                                             {"verify", "--jwks", "keys.json", token},
                                             {"--json", "sign", "issuer", secret}}) {
    const Finished ran = signerctl(arguments);
    EXPECT_EQ(ran.status, 2) << testing::PrintToString(arguments);
    EXPECT_EQ((ran.out + ran.err).find("Jane"), std::string::npos) << ran.err;
    EXPECT_FALSE(ran.err.empty());
  }
}

TEST(Program, SaysWhatItDoesNotUnderstandInJsonToo) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--json", "key", "create"}, {"status", "--json", "--bogus"}}) {
    const Finished ran = signerctl(arguments);
    EXPECT_EQ(ran.status, 2);
    const auto problem = jose::Json::parse(ran.err);
    EXPECT_EQ(problem["error"]["code"], "invalid_request") << ran.err;
    EXPECT_NE(problem["error"]["detail"].get<std::string>().find("; try signerctl "), std::string::npos) << ran.err;
  }
}

TEST(Program, ExitsWithTwoIfNobodyCanReadItsAnswer) {
  const Finished ran = test::run_program({"/bin/sh", "-c", "'" SIGNERCTL_PROGRAM "' --version >/dev/full; echo $?"});
  EXPECT_EQ(ran.out, "2\n");
  EXPECT_NE(ran.err.find("could not be written to standard output"), std::string::npos) << ran.err;
}

// A program of ours without --help beside it would be a command that teaches nothing.
TEST(Program, HasAnExampleForEveryCommand) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"sign"},
                                                                                       {"verify"},
                                                                                       {"jwks"},
                                                                                       {"status"},
                                                                                       {"key", "list"},
                                                                                       {"key", "create"},
                                                                                       {"key", "csr"},
                                                                                       {"token", "init"},
                                                                                       {"token", "list"},
                                                                                       {"audit", "verify"},
                                                                                       {"audit", "prove"},
                                                                                       {"audit", "check-proof"},
                                                                                       {"audit", "show"},
                                                                                       {"audit", "find"},
                                                                                       {"audit", "report"},
                                                                                       {"audit", "export"},
                                                                                       {"audit", "compress"},
                                                                                       {"audit", "retire"},
                                                                                       {"token", "unlatch"},
                                                                                       {"config", "check"},
                                                                                       {"completion", "bash"}}) {
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--help");
    std::string words = "  signerctl";
    for (const std::string& word : command) words += " " + word;
    const Finished ran = signerctl(arguments);
    EXPECT_EQ(ran.status, 0);
    const std::size_t examples = ran.out.find("Examples:\n");
    ASSERT_NE(examples, std::string::npos) << words;
    EXPECT_NE(ran.out.find(words.substr(2), examples), std::string::npos) << words;
  }
}

class WithConfig : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_ / "state/latch");
    test::write_text(config_, "state_dir = \"" + (directory_ / "state") + R"("
[[listener]]
path = "/run/none"
[[token]]
name = "main"
driver = "pkcs11"
module = "/a.so"
uri = "pkcs11:token=my%20demo"
pin_file = "/nonexistent/main.pin"
environment = { SOFTHSM2_CONF = "/conf" }
[[token]]
name = "spare"
driver = "pkcs11"
module = "/b.so"
uri = "pkcs11:serial=7"
pin_file = "/nonexistent/spare.pin"
)");
    hsm("");
  }

  // signer-hsm that writes its arguments and SOFTHSM2_CONF to `args`, then does `then`.
  void hsm(const std::string& then) {
    test::write_script(directory_ / "hsm", "for a in \"$@\"; do echo \"$a\"; done >> '" + (directory_ / "args") +
                                               "'; echo \"conf=$SOFTHSM2_CONF\" >> '" + (directory_ / "args") + "'\n" +
                                               then);
  }

  Finished token(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "token");
    arguments.insert(arguments.end(), {"--hsm-program", directory_ / "hsm"});
    return signerctl(arguments);
  }

  [[nodiscard]] std::string args() const { return test::read_text(directory_ / "args"); }

  test::TemporaryDirectory directory_;
  std::string config_ = directory_ / "s.toml";
};

using TokenInit = WithConfig;

constexpr const char* kMade = R"(echo '{"label":"my demo","serial":"01","uri":"pkcs11:token=my%20demo;serial=01"}')";

TEST_F(TokenInit, HandsTheHostWhatTheConfigurationSays) {
  hsm(kMade);
  const Finished ran = token({"init", "--config", config_, "main", "--generate-pins"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(args(),
            "token-init\n--module\n/a.so\n--label\nmy demo\n--pin-file\n/nonexistent/main.pin\n--so-pin-file\n"
            "/nonexistent/main.so-pin\n--generate-pins\nconf=/conf\n");
  EXPECT_NE(ran.out.find("uri = \"pkcs11:token=my%20demo;serial=01\""), std::string::npos) << ran.out;
}

// signerctl has no business with a PIN: the files above do not even exist, and here it may not so much as open them.
TEST_F(TokenInit, ReadsNoPin) {
  hsm(kMade);
  test::write_text(directory_ / "pin", "s3cret-pin");
  const Finished ran = token({"init", "--module", "/m.so", "--label", "x", "--pin-file", directory_ / "pin",
                              "--so-pin-file", directory_ / "pin", "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ((ran.out + ran.err + args()).find("s3cret"), std::string::npos);
  EXPECT_EQ(Json::parse(ran.out).at("token").at("serial"), "01");
}

TEST_F(TokenInit, WantsToKnowWhichToken) {
  const std::vector<std::vector<std::string>> cases = {
      {"init"},
      {"init", "main"},
      {"init", "--config", config_},
      {"init", "--config", config_, "other"},
      {"init", "--config", config_, "spare"},  // its uri names no label
      {"init", "--module", "/m.so", "--label", "x", "--pin-file", "/p"}};
  for (const auto& arguments : cases) EXPECT_EQ(token(arguments).status, 2) << testing::PrintToString(arguments);
  EXPECT_EQ(args(), "");
}

TEST_F(TokenInit, PassesOnHowTheHostEnded) {
  for (const auto& [then, status] : std::vector<std::pair<std::string, int>>{
           {"exit 1", 1}, {"exit 2", 2}, {"exit 3", 3}, {"exit 77", 1}, {"kill -11 $$", 3}, {"echo no json", 3}}) {
    hsm("echo why >&2; " + then);
    const Finished ran = token({"init", "--config", config_, "main"});
    EXPECT_EQ(ran.status, status) << then;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("why"), std::string::npos) << ran.err;
  }
}

using TokenList = WithConfig;

TEST_F(TokenList, ListsTheTokensOfOneModule) {
  hsm(R"(echo '[{"label":"demo","serial":"01","flags":["initialized"],"uri":"pkcs11:token=demo"}]')");
  const Finished ran = token({"list", "--module", "/m.so"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(args(), "token-list\n--module\n/m.so\nconf=\n");
  EXPECT_NE(ran.out.find("demo   01"), std::string::npos) << ran.out;
}

TEST_F(TokenList, ListsEveryModuleOfTheConfiguration) {
  hsm("echo '[]'");
  const Finished ran = token({"list", "--config", config_, "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(args(), "token-list\n--module\n/a.so\nconf=/conf\ntoken-list\n--module\n/b.so\nconf=\n");
  EXPECT_EQ(Json::parse(ran.out),
            Json::parse(R"({"modules":[{"module":"/a.so","tokens":[]},{"module":"/b.so","tokens":[]}],"tpms":[]})"));
}

TEST_F(TokenList, WantsAModuleOrATpm) {
  const Finished ran = token({"list"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.err.find("--module M, --tcti T or --config F"), std::string::npos) << ran.err;
}

using TokenUnlatch = WithConfig;

TEST_F(TokenUnlatch, RemovesTheLatchOfThatTokenAlone) {
  test::write_text(directory_ / "state/latch/main.json",
                   "signer-login-latch-2\nrefused 1 CKR_PIN_INCORRECT 1 2 3 4 5 \"/p\"\n");
  test::write_text(directory_ / "state/latch/spare.json", "x");
  const Finished ran = signerctl({"token", "unlatch", "--config", config_, "main"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("the PIN was refused (CKR_PIN_INCORRECT)"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("uses up one of the token's tries"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "state/latch/main.json"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "state/latch/spare.json"));
}

TEST_F(TokenUnlatch, IsContentIfThereIsNothingToDo) {
  const Finished ran = signerctl({"token", "unlatch", "--config", config_, "main", "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out).at("removed"), false);
}

TEST_F(TokenUnlatch, KnowsTheTokensOfTheConfigurationAlone) {
  test::write_text(directory_ / "state/victim.json", "x");
  EXPECT_EQ(signerctl({"token", "unlatch", "--config", config_, "../victim"}).status, 2);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "state/victim.json"));
}

using ConfigCheck = WithConfig;

TEST_F(ConfigCheck, SaysOk) {
  const Finished ran = signerctl({"config", "check", config_});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "OK\n");
  EXPECT_EQ(Json::parse(signerctl({"config", "check", config_, "--json"}).out).at("ok"), true);
}

TEST_F(ConfigCheck, NamesFileLineAndKey) {
  test::write_text(config_, "state_dir = \"relative\"\n");
  const Finished ran = signerctl({"config", "check", config_});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find(config_ + ":1: state_dir: must be an absolute path"), std::string::npos) << ran.err;
  const Json json = Json::parse(signerctl({"config", "check", config_, "--json"}).out);
  EXPECT_EQ(json.at("ok"), false);
  EXPECT_EQ(json.at("problems").at(0).at("line"), 1);
  EXPECT_EQ(json.at("problems").at(0).at("key"), "state_dir");
}

TEST_F(ConfigCheck, ExitsWithTwoIfThereIsNoFile) {
  EXPECT_EQ(signerctl({"config", "check", directory_ / "none"}).status, 2);
  EXPECT_EQ(signerctl({"config", "check", directory_ / "."}).status, 2);
}

using HelperRunner = WithConfig;

TEST_F(HelperRunner, KillsAHelperThatHangs) {
  test::write_script(directory_ / "hang", "exec sleep 600");
  const auto reply = ctl::run_helper(
      {.program = directory_ / "hang", .arguments = {}, .environment = {}, .time_max = std::chrono::milliseconds(100)});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(HelperRunner, KillsAHelperThatHangsWithItsOutputClosed) {
  test::write_script(directory_ / "hang", "exec sleep 600 >&- 2>&-");
  const auto reply = ctl::run_helper(
      {.program = directory_ / "hang", .arguments = {}, .environment = {}, .time_max = std::chrono::milliseconds(100)});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 128 + 9);
}

TEST_F(HelperRunner, KillsAHelperThatPrintsWithoutEnd) {
  test::write_script(directory_ / "yes", "exec yes");
  EXPECT_FALSE(ctl::run_helper({.program = directory_ / "yes", .arguments = {}, .environment = {}}));
}

TEST_F(HelperRunner, PassesNoDescriptorOn) {
  const UniqueFd extra(::open("/dev/null", O_RDONLY));  // not close-on-exec
  test::write_script(directory_ / "fds",
                     "for fd in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && readlink /proc/self/fd/$fd; done; true");
  const auto reply = ctl::run_helper({.program = directory_ / "fds", .arguments = {}, .environment = {}});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->out.find("/dev/null"), std::string::npos) << reply->out;
}

TEST_F(HelperRunner, ReportsAHelperThatDoesNotStart) {
  EXPECT_FALSE(ctl::run_helper({.program = directory_ / "none", .arguments = {}, .environment = {}}));
}

}  // namespace
}  // namespace signer
