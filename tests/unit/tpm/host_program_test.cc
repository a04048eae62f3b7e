// SPDX-License-Identifier: Apache-2.0
//
// signer-tpm itself, as signerd and operators start it: descriptors from 3, frames, exit statuses, and an auth value
// that no process entry, file or log line shows.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "base/hex.h"
#include "channel/frames.h"
#include "channel/host_service.h"
#include "jose/json.h"
#include "test_token.h"
#include "tests/support/host_process.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::cc::kSign;

class Host : public signer::test::HostProcess {
 public:
  explicit Host(const std::string& log_file = {}) : HostProcess(SIGNER_TPM_PROGRAM, log_file) {}
};

constexpr std::size_t kControl = Host::kControl;
constexpr std::size_t kWorker = Host::kWorker;

class HostProgram : public ::testing::Test {
 protected:
  void open(Host& host) {
    const auto opened = channel::decode_opened(host.ask(kControl, channel::encode_open(1, token_.spec())));
    ASSERT_TRUE(opened && *opened) << (opened ? opened->error().text : "no answer");
  }

  // Opens the token and makes a key.
  void prepare(Host& host) {
    open(host);
    const auto key = channel::decode_key(host.ask(kControl, channel::encode_generate(2, test::key_request())));
    ASSERT_TRUE(key && *key) << (key ? key->error().text : "no answer");
    key_ = (*key)->public_key;
  }

  bool signs(Host& host) {
    const auto answer = channel::decode_signed(host.ask(kWorker, channel::encode_sign(3, test::sign_request())));
    EXPECT_TRUE(answer && *answer) << (answer ? answer->error().text : "no answer");
    return answer && *answer && test::verifies(key_, "header.payload", **answer);
  }

  test::TestToken token_;
  jose::PublicKey key_;
};

TEST_F(HostProgram, OpensGeneratesSignsAndLeavesCleanly) {
  Host host;
  prepare(host);
  EXPECT_TRUE(signs(host));
  host.hang_up();
  const int status = host.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == channel::kExitOk) << status;
  EXPECT_TRUE(test::handles_from(token_.tpm(), test::kLoadedSessionFirst).empty()) << "its session was left";
}

TEST_F(HostProgram, LeavesWithoutAWordToTheTpmWhenTheAuthFileIsRefused) {
  std::filesystem::permissions(token_.auth_file(), std::filesystem::perms{0644});
  Host host;
  const auto opened = channel::decode_opened(host.ask(kControl, channel::encode_open(1, token_.spec())));
  ASSERT_TRUE(opened && !*opened);
  EXPECT_EQ(opened->error().status, HostStatus::kInvalid);
  const int status = host.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE) << status;
  EXPECT_EQ(token_.bus().count(), 0U);
}

TEST_F(HostProgram, Invariant09_IsReplacedAfterEachKillAndLeavesNoDebts) {
  // Each dead host leaves a session behind, and there is room for three.
  auto host = std::make_unique<Host>();
  prepare(*host);
  EXPECT_TRUE(signs(*host));
  for (int kill = 0; kill < 5; ++kill) {
    host = nullptr;
    host = std::make_unique<Host>();
    open(*host);
    EXPECT_TRUE(signs(*host)) << kill;
  }
}

TEST_F(HostProgram, Invariant09_SurvivesTheDeathOfTheTpm) {
  Host host;
  prepare(host);
  token_.tpm().kill_hard();
  const auto gone = channel::decode_signed(host.ask(kWorker, channel::encode_sign(3, test::sign_request())));
  ASSERT_TRUE(gone && !*gone);
  EXPECT_EQ(gone->error().status, HostStatus::kUnavailable) << gone->error().text;
  token_.tpm().restart();
  EXPECT_TRUE(test::eventually([&] {
    const auto answer = channel::decode_signed(host.ask(kWorker, channel::encode_sign(4, test::sign_request())));
    return answer && *answer && test::verifies(key_, "header.payload", **answer);
  }));
}

TEST_F(HostProgram, EndsWhenSignerdIsGoneEvenIfTheTpmHangs) {
  Host host;
  prepare(host);
  (void)token_.bus().hold({.code = kSign});
  host.send(kWorker, channel::encode_sign(3, test::sign_request()));
  ASSERT_TRUE(test::eventually([this] { return token_.bus().holds(); }));
  host.hang_up();
  const int status = host.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) << status;
}

TEST_F(HostProgram, LeavesCleanlyWhileItWaitsForABusyTpm) {
  Host host;
  prepare(host);
  EXPECT_TRUE(signs(host));
  const auto busy = token_.bus().answer({.code = kSign}, 0x922);
  host.send(kWorker, channel::encode_sign(3, test::sign_request(std::chrono::seconds(60))));
  ASSERT_TRUE(test::eventually([&] { return token_.bus().hits(busy) > 0; }));
  host.hang_up();
  const int status = host.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == channel::kExitOk) << status << ": the alarm ended it";
}

TEST_F(HostProgram, Invariant05_ShowsTheAuthValueNeitherInItsProcessEntriesNorInAnyFileOrLogLine) {
  const test::TemporaryDirectory directory;
  const std::string log = directory / "log";
  ::setenv("TSS2_LOG", "all+trace", 1);  // the library would print what it encrypts
  Host host(log);
  ::unsetenv("TSS2_LOG");
  prepare(host);
  EXPECT_TRUE(signs(host));
  // Errors of every kind have their say.
  for (const std::uint32_t code : {0x9a2U, 0x921U, 0x901U, 0x18bU, 0x101U}) {
    (void)token_.bus().answer({.code = kSign}, code);
    (void)host.ask(kWorker, channel::encode_sign(4, test::sign_request(std::chrono::milliseconds(300))));
    token_.bus().drop_rules();
  }
  std::string shown = test::read_text(log);
  for (const char* entry : {"cmdline", "environ"}) {
    shown += test::read_text("/proc/" + std::to_string(host.pid()) + "/" + entry);
  }
  shown += token_.key_directory_content();
  EXPECT_NE(shown.find("--workers"), std::string::npos) << "nothing was read";
  EXPECT_NE(shown.find("tpm_try_failed"), std::string::npos) << "nothing was logged";
  EXPECT_NE(shown.find("TSS2 PRIVATE KEY"), std::string::npos) << "no key file was read";
  const std::string value = token_.auth_value();
  ASSERT_EQ(value.size(), 32U);
  EXPECT_EQ(shown.find(value), std::string::npos);
  EXPECT_EQ(shown.find(to_hex(bytes_of(value)).substr(0, 16)), std::string::npos);
  EXPECT_EQ(shown.find("esys:"), std::string::npos) << "the library has no say";
}

signer::test::Finished signer_tpm(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SIGNER_TPM_PROGRAM);
  return test::run(arguments);
}

TEST(TpmProgram, ExplainsItselfAndRefusesWrongUsage) {
  const auto help = signer_tpm({"--help"});
  EXPECT_EQ(help.status, channel::kExitOk);
  EXPECT_NE(help.out.find("TPM 2.0 token host"), std::string::npos) << help.out;
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{},
                                             {"sign"},
                                             {"host"},
                                             {"host", "--workers", "0"},
                                             {"host", "--workers", "257"},
                                             {"token-list"},
                                             {"token-init", "--tcti", "swtpm:path=/x"},
                                             {"token-init", "--auth-file", "/x"}}) {
    EXPECT_EQ(signer_tpm(wrong).status, channel::kExitUsage) << (wrong.empty() ? "nothing" : wrong.front());
  }
}

TEST(TpmProgram, TellsByItsExitStatusWhatIsWrong) {
  const test::TemporaryDirectory directory;
  const std::string nowhere = "swtpm:path=" + directory / "nowhere";
  const std::string auth = directory / "auth";
  EXPECT_EQ(signer_tpm({"token-list", "--tcti", "device"}).status, 1);
  EXPECT_EQ(signer_tpm({"token-list", "--tcti", nowhere}).status, 3);
  EXPECT_EQ(signer_tpm({"token-init", "--tcti", nowhere, "--auth-file", auth}).status, EXIT_FAILURE);
  EXPECT_EQ(signer_tpm({"token-init", "--tcti", nowhere, "--auth-file", auth, "--generate-auth"}).status, 3);
}

TEST(TpmProgram, PrintsJsonAndNothingSecret) {
  const test::Swtpm tpm;
  const test::TemporaryDirectory directory;
  const std::string auth = directory / "auth";
  const auto made = signer_tpm({"token-init", "--tcti", tpm.tcti(), "--auth-file", auth, "--generate-auth"});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto token = jose::parse_json_object(made.out);
  ASSERT_TRUE(token) << made.out;
  EXPECT_EQ((*token)["storage_root_created"], true);
  const std::string digits = test::read_text(auth).substr(0, 64);
  ASSERT_EQ(digits.size(), 64U);
  EXPECT_EQ((made.out + made.err).find(digits.substr(0, 16)), std::string::npos);
  const auto list = signer_tpm({"token-list", "--tcti", tpm.tcti()});
  EXPECT_EQ(list.status, 0);
  EXPECT_EQ(list.out.front(), '[');
}

}  // namespace
}  // namespace signer::tpm
