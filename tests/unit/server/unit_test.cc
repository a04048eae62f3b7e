// SPDX-License-Identifier: Apache-2.0
//
// The unit of whoever connected.  Without these a caller could be taken for a service that it is not.
#include "server/unit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <thread>

#include "base/unique_fd.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

namespace signer::server {
namespace {

TEST(UnitOfCgroup, IsTheFirstComponentThatIsNoSlice) {
  const std::pair<const char*, const char*> cases[] = {
      {"0::/system.slice/idp.service\n", "idp.service"},
      {"0::/system.slice/idp.service", "idp.service"},
      {"0::/idp.service\n", "idp.service"},
      {"0::/init.scope\n", "init.scope"},
      {"0::/system.slice/system-idp.slice/idp@1.service\n", "idp@1.service"},
      {"0::/system.slice/idp.service/worker\n", "idp.service"},
      {"0::/system.slice/idp.service/a.slice/b\n", "idp.service"},
      {"0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope"},
      {"0::/machine.slice/libpod-0a1b.scope/container\n", "libpod-0a1b.scope"},
      {"0::/system.slice/_memory.service\n", "memory.service"},
      {"0::/system.slice/__x.service\n", "_x.service"},
      {"0::/system.slice/dev-hugepages.mount\n", ""},
      {"12:pids:/system.slice/other.service\n1:name=systemd:/system.slice/other.service\n0::/a.slice/idp.service\n",
       "idp.service"},
  };
  for (const auto& [text, unit] : cases) EXPECT_EQ(unit_of_cgroup(text), unit) << text;
}

// Whoever has a subtree delegated to it can name what is in it as it likes.
TEST(UnitOfCgroup, WhatADelegateNamesIsNotBelieved) {
  EXPECT_EQ(unit_of_cgroup("0::/user.slice/user-1000.slice/user@1000.service/app.slice/idp.service\n"),
            "user@1000.service");
  EXPECT_EQ(unit_of_cgroup("0::/user.slice/user-1000.slice/user@1000.service/system.slice/idp.service\n"),
            "user@1000.service");
  EXPECT_EQ(unit_of_cgroup("0::/system.slice/docker-12.scope/system.slice/idp.service\n"), "docker-12.scope");
  EXPECT_EQ(unit_of_cgroup("0::/system.slice/batch.service/idp.service\n"), "batch.service");
  EXPECT_EQ(unit_of_cgroup("0::/docker/12/system.slice/idp.service\n"), "") << "not systemd's";
  EXPECT_EQ(unit_of_cgroup("0::/../../system.slice/idp.service\n"), "") << "outside of this namespace";
}

TEST(UnitOfCgroup, NothingElseIsAUnit) {
  for (const char* text :
       {"", "\n", "0::/\n", "0::\n", "0::/system.slice\n", "0::/idp\n", "0::/.service\n", "0::/idp@.service\n",
        "0::/system.slice/idp.service (deleted)\n", "0::/idp.service x\n", "0::/system.slice//idp.service\n",
        "1:name=systemd:/system.slice/idp.service\n", "10::/system.slice/idp.service\n",
        " 0::/system.slice/idp.service\n", "0:cpu:/system.slice/idp.service\n", "0::idp.service\n"}) {
    EXPECT_EQ(unit_of_cgroup(text), "") << text;
  }
  EXPECT_EQ(unit_of_cgroup("0::/" + std::string(248, 'a') + ".service"), "");
  EXPECT_NE(unit_of_cgroup("0::/" + std::string(247, 'a') + ".service"), "");
}

TEST(UnitOfCgroup, AnyTextGivesAPlainNameOrNone) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = "0::/system.slice/idp.service/x\n";
    for (auto edits = random() % 4; edits > 0; --edits) text[random() % text.size()] = static_cast<char>(random());
    const std::string unit = unit_of_cgroup(text);
    ASSERT_EQ(unit.find_first_of(std::string("\0\n\"/ ", 5)), std::string::npos) << text;
    ASSERT_TRUE(unit.empty() || unit.ends_with(".service") || unit.ends_with(".scope")) << text;
  }
}

// A child that waits until it is told to end.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ~Child() { end(); }

  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  // Ended, and not waited for: a zombie keeps its pid.
  void end_as_zombie() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

// A process and what a made-up /proc says of it.
class UnitOfProcess : public testing::Test {
 protected:
  UnitOfProcess() : pid_(child_.pid()) { std::filesystem::create_directory(proc_ / std::to_string(pid_)); }

  [[nodiscard]] std::string cgroup_file() const { return proc_ / (std::to_string(pid_) + "/cgroup"); }

  [[nodiscard]] std::string unit() const { return unit_of_process(child_.pidfd(), pid_, proc_.path()); }

  static constexpr const char* kIdp = "0::/system.slice/idp.service\n";

  test::TemporaryDirectory proc_;
  Child child_;
  pid_t pid_;
};

TEST_F(UnitOfProcess, IsReadWhileTheProcessLives) {
  test::write_text(cgroup_file(), kIdp);
  EXPECT_EQ(unit(), "idp.service");
}

TEST_F(UnitOfProcess, IsUnknownOnceTheProcessHasEnded) {
  test::write_text(cgroup_file(), kIdp);
  child_.end_as_zombie();
  EXPECT_EQ(unit(), "");
  child_.end();
  EXPECT_EQ(unit(), "") << "the file may be of another process with its pid";
}

TEST_F(UnitOfProcess, IsUnknownIfTheProcessEndsWhileItsFileIsRead) {
  ASSERT_EQ(::mkfifo(cgroup_file().c_str(), 0600), 0);
  std::thread writer([this] {
    const UniqueFd file(::open(cgroup_file().c_str(), O_WRONLY | O_CLOEXEC));  // returns when the reader is there
    child_.end();
    EXPECT_GT(::write(file.get(), kIdp, std::string_view(kIdp).size()), 0);
  });
  const std::string found = unit();
  writer.join();
  EXPECT_EQ(found, "");
}

TEST_F(UnitOfProcess, IsUnknownWithoutFileProcessOrPidfd) {
  EXPECT_EQ(unit(), "") << "no file";
  std::filesystem::create_directory(cgroup_file());
  EXPECT_EQ(unit(), "") << "cannot be read";
  std::filesystem::remove(cgroup_file());
  test::write_text(cgroup_file(), kIdp);
  EXPECT_EQ(unit_of_process(-1, pid_, proc_.path()), "");
  EXPECT_EQ(unit_of_process(child_.pidfd(), 0, proc_.path()), "") << "a process of a namespace that is not seen here";
  EXPECT_EQ(unit_of_process(child_.pidfd(), pid_, proc_ / "nowhere"), "");
}

TEST_F(UnitOfProcess, AFileThatIsTooLongIsNotReadInPart) {
  test::write_text(cgroup_file(), kIdp + std::string(60'000, 'x'));
  EXPECT_EQ(unit(), "idp.service");
  test::write_text(cgroup_file(), kIdp + std::string(70'000, 'x'));
  EXPECT_EQ(unit(), "");
}

// Whatever this machine is: the kernel's word and ours are one.
TEST(UnitOfPeer, IsTheOneThatProcSaysOrNoneIfTheKernelCannotTell) {
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd one(ends[0]);
  const UniqueFd other(ends[1]);
  const std::string expected = units_can_be_known() ? unit_of_cgroup(test::read_text("/proc/self/cgroup")) : "";
  EXPECT_EQ(unit_of_peer(one.get(), ::getpid()), expected);
  EXPECT_EQ(unit_of_peer(-1, ::getpid()), "");
  const test::TemporaryDirectory directory;
  const UniqueFd file(::open((directory / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(unit_of_peer(file.get(), ::getpid()), "") << "no socket, no peer";
}

TEST(UnitsCanBeKnown, SaysWhatIsMissing) {
  const test::TemporaryDirectory proc;
  std::filesystem::create_directory(proc / "self");
  const auto reason = [&proc](const std::string& text) {
    test::write_text(proc / "self/cgroup", text);
    const auto known = units_can_be_known(proc.path());
    return known ? std::string() : known.error().text;
  };
  const std::string without = reason("1:name=systemd:/\n");
  EXPECT_TRUE(without.find("cgroup v2") != std::string::npos || without.find("SO_PEERPIDFD") != std::string::npos);
  const std::string with = reason("1:name=systemd:/\n0::/\n");
  EXPECT_TRUE(with.empty() || with.find("SO_PEERPIDFD") != std::string::npos) << with;
}

}  // namespace
}  // namespace signer::server
