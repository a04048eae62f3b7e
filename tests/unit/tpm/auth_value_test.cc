// SPDX-License-Identifier: Apache-2.0
//
// The file that all keys of a TPM depend on: read by others it is no secret, overwritten it makes every key useless,
// and its content in an error text ends up in a log (invariants 5, 8, 11).
#include "tpm/auth_value.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hex.h"
#include "tests/support/temporary_directory.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;

const std::string kDigits = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class AuthValue : public ::testing::Test {
 protected:
  // Refused, for this reason, without a word of what is in the file.
  void expect_refused(const std::string& source, std::string_view because, const std::string& content = kDigits) {
    for (const auto& value : {read_auth_value(source), read_or_generate_auth_value(source)}) {
      ASSERT_FALSE(value) << "accepted";
      EXPECT_EQ(value.error().status, HostStatus::kInvalid);
      const std::string& text = value.error().text;
      EXPECT_NE(text.find(because), std::string::npos) << text;
      for (std::size_t at = 0; at + 8 <= content.size(); ++at) {
        EXPECT_EQ(text.find(content.substr(at, 8)), std::string::npos) << text;
      }
    }
  }

  signer::test::TemporaryDirectory directory_;
};

TEST_F(AuthValue, Is32BytesWrittenIn64Digits) {
  for (const char* end : {"", "\n"}) {
    const auto value = read_auth_value(directory_.file("auth", kDigits + end));
    ASSERT_TRUE(value) << value.error().text;
    EXPECT_EQ(to_hex(bytes_of(value->reveal())), kDigits);
  }
}

TEST_F(AuthValue, Invariant11_IsRefusedInAnyOtherFormWithoutBeingShown) {
  std::string upper = kDigits;
  upper[20] = 'A';
  std::string letter = kDigits;
  letter[63] = 'g';
  std::string blank = kDigits;
  blank[0] = ' ';
  for (const std::string& content : {kDigits.substr(1), kDigits.substr(2), upper, letter, blank, kDigits + " "}) {
    expect_refused(directory_.file("auth", content), "64 hexadecimal digits", content);
  }
  for (const std::string& content : {kDigits.substr(2) + "\r\n", kDigits.substr(2) + "\t", std::string(64, '\0')}) {
    expect_refused(directory_.file("auth", content), "control character");
  }
  for (const std::string& content : {kDigits + "\r\n", kDigits + "\n\n", kDigits + "00", kDigits + kDigits}) {
    expect_refused(directory_.file("auth", content), "is longer than 65 bytes");
  }
  expect_refused(directory_.file("auth", ""), "is empty");
  expect_refused(directory_.file("auth", "\n"), "is empty");
}

TEST_F(AuthValue, IsRefusedWhenATpmWouldTakeItForNone) {
  const std::string zeros(64, '0');
  expect_refused(directory_.file("auth", zeros), "all zeros", zeros);
  std::string almost = zeros;
  almost[1] = '1';
  EXPECT_TRUE(read_auth_value(directory_.file("auth", almost)));
}

TEST_F(AuthValue, Invariant05_IsRefusedWhenGroupOrOthersMayTouchIt) {
  for (const unsigned mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U}) {
    expect_refused(directory_.file("auth", kDigits, mode), "chmod 600");
  }
  for (const unsigned mode : {0600U, 0400U}) EXPECT_TRUE(read_auth_value(directory_.file("auth", kDigits, mode)));
}

TEST_F(AuthValue, Invariant05_IsRefusedAsALinkDirectoryOrFifo) {
  const std::string target = directory_.file("auth", kDigits);
  ASSERT_EQ(::symlink(target.c_str(), (directory_ / "link").c_str()), 0);
  expect_refused(directory_ / "link", "symbolic link");
  ASSERT_EQ(::symlink((directory_ / "nowhere").c_str(), (directory_ / "dangling").c_str()), 0);
  expect_refused(directory_ / "dangling", "symbolic link");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "nowhere")) << "made through a link";
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  expect_refused(directory_ / "fifo", "not a regular file");
  expect_refused(directory_.path().string(), "not a regular file");
}

TEST_F(AuthValue, IsReadFromASystemdCredential) {
  [[maybe_unused]] const auto file = directory_.file("tpm-auth", kDigits, 0440);
  ::setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1);
  const auto value = read_auth_value("credential:tpm-auth");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  ASSERT_TRUE(value) << value.error().text;
  EXPECT_EQ(to_hex(bytes_of(value->reveal())), kDigits);
  EXPECT_FALSE(read_auth_value("credential:tpm-auth"));
}

TEST_F(AuthValue, IsMadeOnceForItsOwnerAlone) {
  const std::string path = directory_ / "auth";
  EXPECT_FALSE(read_auth_value(path)) << "reading makes none";
  EXPECT_FALSE(std::filesystem::exists(path));
  const auto made = read_or_generate_auth_value(path);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->reveal().size(), kAuthValueBytes);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(content_of(path), to_hex(bytes_of(made->reveal())) + "\n");
}

TEST_F(AuthValue, Invariant08_IsNeverOverwritten) {
  const std::string path = directory_ / "auth";
  const auto made = read_or_generate_auth_value(path);
  const auto again = read_or_generate_auth_value(path);
  ASSERT_TRUE(made && again);
  EXPECT_EQ(made->reveal(), again->reveal());
  // Nor is a file that cannot be used.
  for (const std::string& content : {std::string("damaged"), std::string()}) {
    const std::string bad = directory_.file("bad", content);
    EXPECT_FALSE(read_or_generate_auth_value(bad));
    EXPECT_EQ(content_of(bad), content);
  }
}

TEST_F(AuthValue, DiffersFromFileToFile) {
  const auto one = read_or_generate_auth_value(directory_ / "one");
  const auto other = read_or_generate_auth_value(directory_ / "other");
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->reveal(), other->reveal());
}

TEST_F(AuthValue, IsNotMadeWhereItCannotBeWritten) {
  std::ofstream(directory_ / "file") << "in the way of a directory";
  const auto refused = read_or_generate_auth_value(directory_ / "file/auth");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kInvalid);
  EXPECT_NE(refused.error().text.find("file"), std::string::npos) << refused.error().text;
}

}  // namespace
}  // namespace signer::tpm
