// SPDX-License-Identifier: Apache-2.0
//
// The program itself, as signerd starts it: descriptors from 3, frames, exit statuses.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "channel/frames.h"
#include "channel/host_service.h"
#include "evidence_reader.h"
#include "test_token.h"
#include "tests/support/host_process.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;

// signer-hsm with one worker.
class Host : public signer::test::HostProcess {
 public:
  Host() : HostProcess(SIGNER_HSM) {}
};

constexpr std::size_t kControl = Host::kControl;
constexpr std::size_t kWorker = Host::kWorker;

// Opens the token and makes a key.
jose::PublicKey prepare(Host& host, const test::TestToken& token) {
  const auto opened = channel::decode_opened(host.ask(kControl, channel::encode_open(1, token.spec())));
  EXPECT_TRUE(opened && *opened) << (opened ? opened->error().text : "no answer");
  const auto request = test::key_request(jose::KeyKind::kRsa2048);
  const auto key = channel::decode_key(host.ask(kControl, channel::encode_generate(2, request)));
  EXPECT_TRUE(key && *key) << (key ? key->error().text : "no answer");
  return key && *key ? (*key)->public_key : jose::PublicKey{};
}

TEST(HostProgram, OpensGeneratesSignsAndLeavesCleanly) {
  const test::TestToken token;
  Host host;
  const auto key = prepare(host, token);

  const auto answer = channel::decode_signed(host.ask(kWorker, channel::encode_sign(3, test::sign_request())));
  ASSERT_TRUE(answer && *answer);
  EXPECT_TRUE(test::verifies(key, "header.payload", **answer));

  host.hang_up();
  const int status = host.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == channel::kExitOk) << status;
  EXPECT_EQ(control().calls(Function::C_Finalize), 1U);
  EXPECT_EQ(control().violations, 0U);
}

TEST(HostProgram, InspectsAndAttestsAKeyAndSignsWithItAfterwards) {
  const test::TestToken token;
  Host host;
  const auto key = prepare(host, token);

  const auto inspected = channel::decode_key(host.ask(kControl, channel::encode_inspect(3, bytes_of("key-1"))));
  ASSERT_TRUE(inspected && *inspected) << (inspected ? inspected->error().text : "no answer");
  EXPECT_EQ((*inspected)->public_key, key);
  const auto request = test::attest_request("key-1", channel::Probes::kFull);
  const auto attested = channel::decode_attested(host.ask(kControl, channel::encode_attest(4, request)));
  ASSERT_TRUE(attested && *attested) << (attested ? attested->error().text : "no answer");
  EXPECT_NE((*attested)->json.find(R"("throwaway")"), std::string::npos);

  const auto answer = channel::decode_signed(host.ask(kWorker, channel::encode_sign(5, test::sign_request())));
  ASSERT_TRUE(answer && *answer);
  EXPECT_TRUE(test::verifies(key, "header.payload", **answer));
  EXPECT_EQ(control().calls(Function::C_Login), 1U);
  EXPECT_EQ(control().violations, 0U);
}

TEST(HostProgram, Invariant05_LeavesWithAStatusThatStopsRestartsWhenThePinIsRefused) {
  const test::TestToken token;
  token.write_pin("wrong-pin");
  for (int start = 0; start < 3; ++start) {
    Host host;
    const auto opened = channel::decode_opened(host.ask(kControl, channel::encode_open(1, token.spec())));
    ASSERT_TRUE(opened && !*opened);
    EXPECT_EQ(opened->error().status, HostStatus::kPinRefused);
    const int status = host.wait();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == channel::kExitPinRefused) << status;
  }
  EXPECT_EQ(control().calls(Function::C_Login), 1U);
}

TEST(HostProgram, Invariant09_DiesAloneWhenTheDriverCrashesAndANewOneCarriesOn) {
  const test::TestToken token;
  jose::PublicKey key;
  {
    Host host;
    key = prepare(host, token);
    control().crash_at_sign = 1;
    EXPECT_TRUE(host.ask(kWorker, channel::encode_sign(3, test::sign_request())).empty()) << "the channel must close";
    const int status = host.wait();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
  }
  Host next;
  const auto opened = channel::decode_opened(next.ask(kControl, channel::encode_open(1, token.spec())));
  ASSERT_TRUE(opened && *opened) << opened->error().text;
  const auto answer = channel::decode_signed(next.ask(kWorker, channel::encode_sign(2, test::sign_request())));
  ASSERT_TRUE(answer && *answer);
  EXPECT_TRUE(test::verifies(key, "header.payload", **answer));
}

TEST(HostProgram, EndsWhenSignerdIsGoneEvenIfTheDriverHangs) {
  const test::TestToken token;
  Host host;
  prepare(host, token);
  control().hang_sign = 1;
  host.send(kWorker, channel::encode_sign(3, test::sign_request()));
  while (control().hanging == 0) std::this_thread::yield();
  host.hang_up();
  const int status = host.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) << status;
  control().hang_sign = 0;
}

TEST(HostProgram, Invariant05_ShowsThePinNeitherInItsProcessEntriesNorInAnyFileItWrites) {
  const test::TestToken token;
  Host host;
  prepare(host, token);
  std::string pin;
  std::getline(std::ifstream(token.pin_file()), pin);
  ASSERT_EQ(pin.size(), 24U);
  std::ostringstream shown;
  for (const char* entry : {"cmdline", "environ"}) {
    shown << std::ifstream("/proc/" + std::to_string(host.pid()) + "/" + entry).rdbuf();
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(token.directory())) {
    if (entry.is_regular_file() && !entry.path().string().ends_with(".pin")) {
      shown << std::ifstream(entry.path()).rdbuf();
    }
  }
  EXPECT_NE(shown.str().find("--workers"), std::string::npos) << "nothing was read";
  EXPECT_EQ(shown.str().find(pin), std::string::npos);
}

int run(const std::string& command) {
  return WEXITSTATUS(std::system(command.c_str()));
}

TEST(MakeToken, MakesATokenInAPathWithBlanksAndLeavesItAloneTheSecondTime) {
  const test::TemporaryDirectory directory;
  const std::string where = (directory.path() / "a path").string();
  const std::string command =
      "SIGNER_HSM='" SIGNER_HSM "' '" SIGNER_MAKE_TOKEN "' '" + where + "' demo >/dev/null 2>&1";
  ASSERT_EQ(run(command), 0);
  std::stringstream first;
  first << std::ifstream(where + "/user.pin").rdbuf();
  ASSERT_EQ(run(command), 0);
  std::stringstream second;
  second << std::ifstream(where + "/user.pin").rdbuf();
  EXPECT_EQ(first.str().size(), 25U);
  EXPECT_EQ(first.str(), second.str());
}

TEST(MakeToken, RefusesAPathThatSoftHsmCannotRead) {
  const test::TemporaryDirectory directory;
  const std::string where = (directory.path() / "a=b").string();
  EXPECT_EQ(run("SIGNER_HSM='" SIGNER_HSM "' '" SIGNER_MAKE_TOKEN "' '" + where + "' demo 2>/dev/null"), 2);
  EXPECT_FALSE(std::filesystem::exists(where));
}

TEST(HostProgram, ExplainsItself) {
  EXPECT_EQ(run("'" SIGNER_HSM "' --help | grep -q 'PKCS#11 token host'"), 0);
  EXPECT_EQ(run("'" SIGNER_HSM "' 2>/dev/null"), channel::kExitUsage);
  EXPECT_EQ(run("'" SIGNER_HSM "' host --workers 0 2>/dev/null"), channel::kExitUsage);
  EXPECT_EQ(run("'" SIGNER_HSM "' token-list --module /nowhere.so 2>/dev/null"), 1);
}

}  // namespace
}  // namespace signer::hsm
