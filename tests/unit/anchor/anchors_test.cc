// SPDX-License-Identifier: Apache-2.0
//
// A checkpoint that is not sent elsewhere protects nothing; an anchor that hangs must hold up nobody.
#include "anchor/anchors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace signer::anchor {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::TemporaryDirectory;

const std::string kNote = "origin\n7\nroot\n\n\xE2\x80\x94 origin AAAA\n";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

config::Anchor to_file(const std::string& path) {
  config::Anchor anchor;
  anchor.file = path;
  return anchor;
}

config::Anchor shell(const std::string& script, std::chrono::seconds timeout = 30s) {
  config::Anchor anchor;
  anchor.command = {"/bin/sh", "-c", script};
  anchor.timeout = timeout;
  return anchor;
}

TEST(Deliver, AFileGetsEachNoteAndAnEmptyLine) {
  const TemporaryDirectory directory;
  const std::string path = directory / "notes";
  ASSERT_TRUE(deliver(to_file(path), kNote));
  ASSERT_TRUE(deliver(to_file(path), "second\n"));
  EXPECT_EQ(text_of(path), kNote + "\nsecond\n\n");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// A full disk can leave half a note; what follows must not become a part of it.
TEST(Deliver, APartOfANoteIsSetOffFromTheNext) {
  const TemporaryDirectory directory;
  const std::string path = directory / "notes";
  ASSERT_TRUE(deliver(to_file(path), kNote));
  std::ofstream(path, std::ios::app) << "\xE2\x80\x94 ori";
  ASSERT_TRUE(deliver(to_file(path), "second\n"));
  EXPECT_EQ(text_of(path), kNote + "\n\xE2\x80\x94 ori\n\nsecond\n\n");
}

TEST(Deliver, AFileThatCannotBeWrittenIsAFailureWithItsName) {
  const TemporaryDirectory directory;
  const auto failed = deliver(to_file(directory / "none/notes"), kNote);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text.find("none/notes"), std::string::npos);
  std::filesystem::create_symlink(directory / "elsewhere", directory / "link");
  EXPECT_FALSE(deliver(to_file(directory / "link"), kNote)) << "a link is not followed";
  const auto full = deliver(to_file("/dev/full"), kNote);
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().text.find("ENOSPC"), std::string::npos) << full.error().text;
}

TEST(Deliver, ACommandGetsTheNoteOnItsInputAndNothingElseOfOurs) {
  const TemporaryDirectory directory;
  const std::string out = directory / "out";
  ASSERT_TRUE(
      deliver(shell("cat > '" + out + "'; env > '" + out + ".env'; ls /proc/self/fd > '" + out + ".fd'"), kNote));
  EXPECT_EQ(text_of(out), kNote);
  const std::string environment = text_of(out + ".env");
  EXPECT_EQ(environment.find("HOME="), std::string::npos) << environment;
  EXPECT_NE(environment.find("PATH="), std::string::npos) << environment;
  EXPECT_EQ(text_of(out + ".fd"), "0\n1\n2\n3\n") << "3 is the directory that ls reads";
}

TEST(Deliver, ACommandThatDoesNotReadIsNoReasonToWait) {
  EXPECT_TRUE(deliver(shell("exit 0"), std::string(60'000, 'x')));
}

TEST(Deliver, ACommandThatFailsOrIsMissingIsAFailureThatSaysHow) {
  const auto failed = deliver(shell("exit 7"), kNote);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text.find("exited with 7"), std::string::npos);
  const auto killed = deliver(shell("kill -9 $$"), kNote);
  ASSERT_FALSE(killed);
  EXPECT_NE(killed.error().text.find("signal 9"), std::string::npos);
  config::Anchor missing;
  missing.command = {"/nonexistent/program"};
  const auto absent = deliver(missing, kNote);
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().text.find("/nonexistent/program"), std::string::npos);
}

TEST(Deliver, ACommandThatHangsIsKilledWithWhatItStarted) {
  const TemporaryDirectory directory;
  const std::string pid_file = directory / "pid";
  const auto hung = deliver(shell("sleep 1000 & echo $! > '" + pid_file + "'; wait", 1s), kNote);
  ASSERT_FALSE(hung);
  EXPECT_EQ(hung.error().code, ErrorCode::kDeadlineExceeded);
  const int child = std::stoi(text_of(pid_file));
  // Dead, though perhaps not yet reaped by whoever inherits it.
  EXPECT_TRUE(eventually([child] {
    std::ifstream status("/proc/" + std::to_string(child) + "/stat");
    std::string pid;
    std::string name;
    std::string state;
    return !(status >> pid >> name >> state) || state == "Z";
  })) << "it still runs";
}

TEST(Anchors, EachGetsWhatIsSent) {
  const TemporaryDirectory directory;
  {
    Anchors anchors({to_file(directory / "a"), to_file(directory / "b")});
    anchors.send(kNote);
    EXPECT_TRUE(eventually([&] { return text_of(directory / "a") == kNote + "\n"; }));
    EXPECT_TRUE(eventually([&] { return text_of(directory / "b") == kNote + "\n"; }));
    anchors.send("last\n");
  }
  EXPECT_EQ(text_of(directory / "a"), kNote + "\nlast\n\n") << "what was sent before the end is delivered";
  EXPECT_EQ(text_of(directory / "b"), kNote + "\nlast\n\n");
}

TEST(Anchors, OneThatHangsHoldsUpNeitherTheOthersNorTheSender) {
  const TemporaryDirectory directory;
  const std::string go = directory / "go";
  Anchors anchors({shell("cat > '" + (directory / "got") + "'; while [ ! -e '" + go + "' ]; do sleep 0.01; done"),
                   to_file(directory / "other")});
  for (int i = 0; i < 5; ++i) {
    anchors.send("note " + std::to_string(i) + "\n");
    ASSERT_TRUE(eventually([&] {
      return text_of(directory / "other").find("note " + std::to_string(i)) != std::string::npos;
    })) << i;
  }
  std::ofstream(go) << "x";
  EXPECT_TRUE(eventually([&] { return text_of(directory / "got") == "note 4\n"; })) << "the newest, not each";
  EXPECT_EQ(anchors.failures(), 0U);
}

TEST(Anchors, AFailureIsCountedAndTheNewestNoteSentAgain) {
  const TemporaryDirectory directory;
  Anchors anchors({to_file(directory / "mount/notes")}, {5ms, 20ms});
  anchors.send("first\n");
  ASSERT_TRUE(eventually([&] { return anchors.failures() >= 3; })) << "it is tried again";
  anchors.send("second\n");
  std::filesystem::create_directory(directory / "mount");
  EXPECT_TRUE(eventually([&] { return text_of(directory / "mount/notes").ends_with("second\n\n"); }));
  const auto failures = anchors.failures();
  anchors.send("third\n");
  EXPECT_TRUE(eventually([&] { return text_of(directory / "mount/notes").ends_with("third\n\n"); }));
  EXPECT_EQ(anchors.failures(), failures);
}

TEST(Anchors, TheEndDoesNotWaitForOneThatFailsOrIsIdle) {
  const TemporaryDirectory directory;
  const auto begin = std::chrono::steady_clock::now();
  {
    Anchors anchors({to_file(directory / "none/notes"), to_file(directory / "idle")}, {60s, 60s});
    anchors.send("x\n");
    ASSERT_TRUE(eventually([&] { return anchors.failures() == 1; }));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "the pause of a minute was waited for";
}

}  // namespace
}  // namespace signer::anchor
