// SPDX-License-Identifier: Apache-2.0
//
// The program itself, as signerd starts it: descriptors from 3, frames, exit statuses.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/unique_fd.h"
#include "channel/frames.h"
#include "channel/host_service.h"
#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using fault::Function;
using test::control;

constexpr int kPatienceMs = 20'000;

// signer-hsm with one worker; killed on destruction if it still runs.
class Host {
 public:
  Host() {
    for (int i = 0; i < 2; ++i) {
      int pair[2]{};
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
      ours_[i].reset(pair[0]);
      theirs_[i].reset(pair[1]);
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    // First out of the way of 3 and 4, then into place; dup2 clears close-on-exec.
    for (int i = 0; i < 2; ++i) ::posix_spawn_file_actions_adddup2(&actions, theirs_[i].get(), 100 + i);
    for (int i = 0; i < 2; ++i) ::posix_spawn_file_actions_adddup2(&actions, 100 + i, channel::kFirstChannelFd + i);
    for (int i = 0; i < 2; ++i) ::posix_spawn_file_actions_addclose(&actions, 100 + i);
    std::string program = SIGNER_HSM;
    std::string words[] = {"host", "--workers", "1"};
    char* argv[] = {program.data(), words[0].data(), words[1].data(), words[2].data(), nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    for (auto& fd : theirs_) fd.reset();
  }

  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  ~Host() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

  void send(int channel, const Bytes& frame) {
    ASSERT_EQ(::send(ours_[channel].get(), frame.data(), frame.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(frame.size()));
  }

  // Nothing if the host has closed its end.
  Bytes receive(int channel) {
    pollfd poll{ours_[channel].get(), POLLIN, 0};
    if (::poll(&poll, 1, kPatienceMs) != 1) return {};
    Bytes frame(channel::kFrameBytesMax);
    const ssize_t count = ::recv(ours_[channel].get(), frame.data(), frame.size(), 0);
    frame.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return frame;
  }

  Bytes ask(int channel, const Bytes& frame) {
    send(channel, frame);
    return receive(channel);
  }

  void hang_up() {
    for (auto& fd : ours_) fd.reset();
  }

  // The wait status; the test's own timeout bounds it.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  UniqueFd ours_[2];
  UniqueFd theirs_[2];
  pid_t pid_ = -1;
};

constexpr int kControl = 0;
constexpr int kWorker = 1;

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
