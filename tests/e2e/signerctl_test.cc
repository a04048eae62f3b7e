// SPDX-License-Identifier: Apache-2.0
//
// signerctl and the client examples against a real daemon, and the programs' own hardening.

#include <signal.h>

#include <cstdio>

#include "tests/e2e/fixture.h"
#include "tests/support/signal_process.h"

namespace signer::test {

namespace {

class Signerctl : public RunningDaemon {
 protected:
  Finished ctl(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), {daemon_.programs().signerctl, "--socket", daemon_.socket()});
    return run(arguments, input, daemon_.token().environment());
  }
};

TEST_F(Signerctl, SignsAndItsTokenVerifiesWithTheKeySetItPrints) {
  const Finished signed_token = ctl({"sign", "issuer"}, R"({"sub":"client-1"})");
  ASSERT_EQ(signed_token.status, 0) << signed_token.err;
  write_text(daemon_.file("jwks"), ctl({"jwks"}).out);
  const Finished verified = ctl({"verify", "--jwks", daemon_.file("jwks"), "--issuer", "https://idp.example",
                                 "--audience", "https://api.example", "--typ", "at+jwt"},
                                signed_token.out);
  EXPECT_EQ(verified.status, 0) << verified.err;
  EXPECT_NE(verified.out.find("client-1"), std::string::npos);
}

TEST_F(Signerctl, SaysWhatIsRefusedAndExitsWithOne) {
  const Finished refused = ctl({"sign", "issuer"}, R"({"exp":1})");
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("claim_policy"), std::string::npos) << refused.err;
}

TEST_F(Signerctl, ShowsKeysTokensAndReadiness) {
  const Finished status = ctl({"status"});
  EXPECT_EQ(status.status, 0) << status.err;
  EXPECT_NE(status.out.find("software stand-in"), std::string::npos) << "SoftHSM2 is no hardware: " << status.out;
  const Finished keys = ctl({"--json", "key", "list"});
  ASSERT_EQ(keys.status, 0) << keys.err;
  EXPECT_NE(keys.out.find("issuer"), std::string::npos);
  const Finished tokens = ctl({"token", "list", "--module", SoftHsmToken::module()});
  ASSERT_EQ(tokens.status, 0) << tokens.err;
  EXPECT_NE(tokens.out.find(daemon_.token().label()), std::string::npos);
}

TEST_F(Signerctl, DoctorFindsNothingWrongThenWhatWasNotReloadedThenNobody) {
  const std::vector<std::string> doctor = {"doctor", "--config", daemon_.config_file()};
  const Finished well = ctl(doctor);
  EXPECT_EQ(well.status, 0) << well.out << well.err;
  EXPECT_NE(well.out.find("\nNothing is wrong.\n"), std::string::npos) << well.out;
  EXPECT_NE(well.out.find("note  token main: it is a software stand-in"), std::string::npos) << well.out;
  EXPECT_EQ(ctl({"doctor"}).status, 0) << "without the file";

  daemon_.write_configuration("[[key]]\nname = \"later\"\ntokens = [\"main\"]\n");
  const Finished changed = ctl(doctor);
  EXPECT_EQ(changed.status, 1) << changed.out;
  EXPECT_NE(changed.out.find("wrong  key later: it has no metadata"), std::string::npos) << changed.out;
  EXPECT_NE(changed.out.find("wrong  key later: the file has it and the running signerd does not"), std::string::npos)
      << changed.out;

  EXPECT_EQ(daemon_.stop(), 0);
  const Finished alone = ctl(doctor);
  EXPECT_EQ(alone.status, 3) << alone.out;
  EXPECT_NE(alone.out.find("wrong  key later: it has no metadata"), std::string::npos) << alone.out;
}

TEST_F(Signerctl, ExitsWithThreeWhenNobodyAnswers) {
  EXPECT_EQ(daemon_.stop(), 0);
  const Finished finished = ctl({"status"});
  EXPECT_EQ(finished.status, 3);
  EXPECT_NE(finished.err.find(daemon_.socket()), std::string::npos);
}

TEST_F(Signerctl, MakesACertificateRequestThatOpensslVerifies) {
  const Finished request =
      ctl({"key", "csr", "issuer", "--subject", "/O=Example Hospital/CN=issuer", "--config", daemon_.config_file()});
  ASSERT_EQ(request.status, 0) << request.err;
  const Finished verified = run({"openssl", "req", "-verify", "-noout", "-subject"}, request.out);
  EXPECT_EQ(verified.status, 0) << verified.err;
  EXPECT_NE(verified.out.find("Example Hospital"), std::string::npos);
}

TEST_F(Signerctl, TheClientExamplesPrintATokenAndReportARefusal) {
  struct Example {
    const char* name;
    const char* needs;
    std::vector<std::string> command;
  };
  const std::string examples = std::string(SOURCE_DIRECTORY) + "/examples/";
  const std::vector<Example> all = {
      {"curl", "curl", {"bash", examples + "curl.sh"}},
      {"python", "python3", {"/usr/bin/python3", examples + "python/issue.py"}},
      {"node", "node", {"node", examples + "node/issue.mjs"}},
      {"java", "java", {"java", examples + "java/Issue.java"}},
      {"go", "go", {"go", "run", examples + "go/main.go"}},
  };
  int ran = 0;
  for (const Example& example : all) {
    if (run({"sh", "-c", std::string("command -v ") + example.needs}).status != 0) {
      std::printf("[  NOTE    ] %s is not installed; its example was not run\n", example.needs);
      continue;
    }
    Environment environment = {{"SIGNER_SOCKET", daemon_.socket()}};
    std::vector<std::string> command = example.command;
    command.emplace_back("issuer");
    const Finished good = run(command, {}, environment, std::chrono::seconds(120));
    EXPECT_EQ(good.status, 0) << example.name << ": " << good.err;
    EXPECT_NE(good.out.find("eyJ"), std::string::npos) << example.name << ": " << good.out;
    command.back() = "nobody";
    const Finished refused = run(command, {}, environment, std::chrono::seconds(120));
    EXPECT_NE(refused.status, 0) << example.name;
    EXPECT_NE(refused.err.find("denied"), std::string::npos) << example.name << ": " << refused.err;
    ++ran;
  }
  EXPECT_GE(ran, 2);  // curl and Python are what the tests install
}

TEST_F(Signerctl, AHostHoldsNothingOfTheCallersAndNothingOfTheDaemons) {
  HttpConnection waiting(daemon_.socket());
  ASSERT_EQ(waiting.get("/healthz")->status, 200);
  const pid_t before = daemon_.host_pid();
  ASSERT_TRUE(signal_process(before, SIGKILL));
  pid_t host = -1;
  ASSERT_TRUE(eventually([&] { return (host = daemon_.host_pid()) > 0 && host != before; }));
  ASSERT_TRUE(daemon_.ready());
  int streams = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(host) + "/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    streams += target.starts_with("socket:") ? 1 : 0;
    EXPECT_EQ(target.find("audit"), std::string::npos) << target;
  }
  EXPECT_EQ(streams, 3);  // control and two workers
}

#if defined(SIGNER_HARDENED)
TEST(Programs, AreHardened) {
  for (const char* program : {SIGNERD_PROGRAM, SIGNER_HSM_PROGRAM, SIGNERCTL_PROGRAM}) {
    const std::string headers = run({"readelf", "-W", "-h", "-l", "-d", program}).out;
    EXPECT_NE(headers.find("DYN"), std::string::npos) << program << " is not position independent";
    EXPECT_NE(headers.find("GNU_RELRO"), std::string::npos) << program;
    EXPECT_NE(headers.find("BIND_NOW"), std::string::npos) << program;
    EXPECT_NE(headers.find("GNU_STACK"), std::string::npos) << program;
    EXPECT_EQ(headers.find("RWE"), std::string::npos) << program << " has an executable stack or writable code";
    const std::string symbols = run({"readelf", "-W", "--dyn-syms", program}).out;
    EXPECT_NE(symbols.find("__stack_chk_fail"), std::string::npos) << program;
  }
  // The daemon holds no driver and no PIN code.
  const std::string libraries = run({"readelf", "-d", SIGNERD_PROGRAM}).out;
  EXPECT_EQ(libraries.find("p11"), std::string::npos) << libraries;
}
#endif

}  // namespace

}  // namespace signer::test
