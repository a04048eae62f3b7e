// SPDX-License-Identifier: Apache-2.0
//
// A PIN file that others can read or replace is no secret; each check here has a test that fails without it.
#include "hsm/pin.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "test_token.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;

class PinFile : public ::testing::Test {
 protected:
  void expect_refused(const std::string& source, std::string_view because) {
    const auto pin = read_pin(source);
    ASSERT_FALSE(pin) << "accepted";
    EXPECT_EQ(pin.error().status, HostStatus::kInvalid);
    EXPECT_NE(pin.error().text.find(because), std::string::npos) << pin.error().text;
  }

  test::TemporaryDirectory directory_;
};

TEST_F(PinFile, IsReadWithoutItsLastNewline) {
  const auto pin = read_pin(directory_.file("pin", "12 34\n"));
  ASSERT_TRUE(pin) << pin.error().text;
  EXPECT_EQ(pin->secret.reveal(), "12 34");
}

TEST_F(PinFile, LosesItsNewline) {
  const auto pin = read_pin(directory_.file("pin", "1234\n"));
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin->secret.reveal(), "1234");
}

// Each would cost an attempt at the token.
TEST_F(PinFile, IsRefusedWithAControlCharacterBeforeItIsTried) {
  for (const std::string& content : {std::string("1234\r\n"), std::string("1234\n\n"), std::string("12\t34"),
                                     std::string("12\x7f"), std::string("12\0", 3)}) {
    expect_refused(directory_.file("pin", content), "control character");
  }
}

TEST_F(PinFile, MayHold256BytesAndNotOneMore) {
  EXPECT_TRUE(read_pin(directory_.file("pin", std::string(kPinBytesMax, 'x'))));
  EXPECT_TRUE(read_pin(directory_.file("pin", std::string(kPinBytesMax - 1, 'x') + "\n")));
  expect_refused(directory_.file("pin", std::string(kPinBytesMax + 1, 'x')), "longer than 256");
}

TEST_F(PinFile, IsRefusedWhenEmptyOrANewlineAlone) {
  expect_refused(directory_.file("pin", ""), "is empty");
  expect_refused(directory_.file("pin", "\n"), "is empty");
}

TEST_F(PinFile, Invariant05_IsRefusedWhenGroupOrOthersMayTouchIt) {
  for (const unsigned mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U}) {
    expect_refused(directory_.file("pin", "1234", mode), "chmod 600");
  }
  EXPECT_TRUE(read_pin(directory_.file("pin", "1234", 0400)));
}

TEST_F(PinFile, Invariant05_IsRefusedWhenItBelongsToSomeoneElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const std::string path = directory_.file("pin", "1234");
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  expect_refused(path, "belongs to uid 12345; run: chown");
}

TEST_F(PinFile, IsRefusedAsASymbolicLinkDirectoryOrFifo) {
  const std::string target = directory_.file("pin", "1234");
  const std::string link = directory_.path() / "link";
  ASSERT_EQ(::symlink(target.c_str(), link.c_str()), 0);
  const std::string fifo = directory_.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_refused(link, "symbolic link");
  expect_refused(fifo, "not a regular file");
  expect_refused(directory_.path(), "not a regular file");
}

TEST_F(PinFile, IsRefusedWhenAbsent) {
  expect_refused(directory_.path() / "none", "ENOENT");
}

TEST_F(PinFile, Invariant11_NeverAppearsInARefusal) {
  const auto pin = read_pin(directory_.file("file", "s3cr3t-s3cr3t", 0644));
  ASSERT_FALSE(pin);
  EXPECT_EQ(pin.error().text.find("s3cr3t"), std::string::npos);
}

TEST_F(PinFile, HasAnotherFingerprintWhenRewritten) {
  const auto before = read_pin(directory_.file("pin", "1234"));
  const auto same = read_pin(directory_.path() / "pin");
  const auto after = read_pin(directory_.file("pin", "12345"));
  ASSERT_TRUE(before && same && after);
  EXPECT_EQ(before->fingerprint, same->fingerprint);
  EXPECT_FALSE(before->fingerprint == after->fingerprint);
}

TEST_F(PinFile, ComesFromASystemdCredentialWithAFingerprintThatSurvivesARestart) {
  ::setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1);
  [[maybe_unused]] const auto first_file = directory_.file("main.pin", "1234", 0440);
  const auto first = read_pin("credential:main.pin");
  [[maybe_unused]] const auto second_file = directory_.file("main.pin", "1234\n", 0440);
  const auto second = read_pin("credential:main.pin");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  ASSERT_TRUE(first && second) << first.error().text;
  EXPECT_EQ(first->secret.reveal(), "1234");
  EXPECT_EQ(first->fingerprint, second->fingerprint);
}

TEST_F(PinFile, IsNotReachedThroughACredentialNameThatIsAPath) {
  ::setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1);
  expect_refused("credential:../etc/passwd", "no credential name");
  expect_refused("credential:", "no credential name");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  expect_refused("credential:main.pin", "LoadCredential");
}

TEST_F(PinFile, IsGeneratedOnceWith24UrlSafeCharacters) {
  const std::string path = directory_.path() / "new.pin";
  const auto made = read_or_generate_pin(path);
  const auto again = read_or_generate_pin(path);
  ASSERT_TRUE(made && again) << made.error().text;
  EXPECT_EQ(made->secret.reveal().size(), 24U);
  EXPECT_EQ(made->secret.reveal().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_EQ(made->secret.reveal(), again->secret.reveal());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(PinFile, IsNotGeneratedOverABadFile) {
  const std::string path = directory_.file("pin", "1234", 0644);
  EXPECT_FALSE(read_or_generate_pin(path));
}

}  // namespace
}  // namespace signer::hsm
