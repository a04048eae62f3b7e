// SPDX-License-Identifier: Apache-2.0
//
// How a secret's file is made.  Lose these and the secret may lie where nobody looks for it.  What is refused when one
// is read is tested with the PIN, in tests/unit/hsm/pin_test.cc.

#include "base/secret_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/temporary_directory.h"

namespace signer {
namespace {

Result<Secret> some_line() {
  return Secret(std::string("made-here"));
}

// The working directory is the test's own for a while.
class InDirectory : public testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(directory_.path());
  }

  void TearDown() override { std::filesystem::current_path(before_); }

  test::TemporaryDirectory directory_;
  std::filesystem::path before_;
};

using SecretFileMaking = InDirectory;

TEST_F(SecretFileMaking, MakesAnAbsentFileAndKeepsOneThatIsThere) {
  const auto made = read_or_make_secret_file(directory_ / "secret", 64, some_line);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->secret.reveal(), "made-here");
  const std::string path = directory_.file("own", "of-the-operator\n");
  const auto kept = read_or_make_secret_file(path, 64, some_line);
  ASSERT_TRUE(kept) << kept.error().text;
  EXPECT_EQ(kept->secret.reveal(), "of-the-operator");
}

// "credential:NAME" is no path: made as one, the secret would lie in whatever directory the program was started in.
TEST_F(SecretFileMaking, Invariant05_NeverMakesACredential) {
  ::unsetenv("CREDENTIALS_DIRECTORY");
  const auto made = read_or_make_secret_file("credential:pin", 64, some_line);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text.find("LoadCredential=pin"), std::string::npos) << made.error().text;
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  ::setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1);
  const auto in_a_unit = read_or_make_secret_file("credential:pin", 64, some_line);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_FALSE(in_a_unit);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

class SecretText : public testing::Test {
 protected:
  std::string file(std::string_view content, mode_t mode = 0600) { return directory_.file("key", content, mode); }

  test::TemporaryDirectory directory_;
};

TEST_F(SecretText, IsAllOfTheFile) {
  const std::string text = "-----BEGIN\r\nx\n\n";
  const auto read = read_secret_text(file(text), text.size());
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->secret.reveal(), text);
  EXPECT_EQ(read->fingerprint.size, text.size());
  const auto empty = read_secret_text(file(""), 8);
  ASSERT_TRUE(empty) << empty.error().text;
  EXPECT_TRUE(empty->secret.empty());
}

TEST_F(SecretText, IsRefusedIfOthersMayTouchItOrItIsTooLong) {
  EXPECT_FALSE(read_secret_text(file("12345"), 4));
  EXPECT_TRUE(read_secret_text(file("1234"), 4));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0644U}) {
    const auto refused = read_secret_text(file("x", mode), 4);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().code, ErrorCode::kDenied);
    EXPECT_NE(refused.error().text.find("chmod 600"), std::string::npos) << refused.error().text;
  }
  EXPECT_FALSE(read_secret_text(directory_.path(), 4));
  EXPECT_FALSE(read_secret_text(directory_ / "absent", 4));
}

}  // namespace
}  // namespace signer
