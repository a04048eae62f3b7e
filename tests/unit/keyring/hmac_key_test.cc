// SPDX-License-Identifier: Apache-2.0
//
// The files of HMAC keys.  Without these a damaged file could pass for an absent key, and a new key in its place would
// give everybody another pseudonym.
#include "keyring/hmac_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "base/file.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace signer::keyring {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::TemporaryDirectory;
using test::write_text;

HmacKey some_hmac_key() {
  HmacKey key;
  key.name = "pairwise";
  key.token = "main";
  key.key_id = {0xa9, 0x01};
  for (std::size_t i = 0; i < key.known_answer.size(); ++i) key.known_answer[i] = static_cast<std::uint8_t>(i);
  key.created = WallTime(std::chrono::seconds(1'764'000'000));
  return key;
}

fs::path file_in(const TemporaryDirectory& directory) {
  return directory.path() / "hmac-keys/pairwise.json";
}

// The page shows this file (docs/key-metadata.md).
constexpr std::string_view kText = R"({
  "alg": "HS256",
  "created": "2025-11-24T16:00:00Z",
  "format": 1,
  "key_id": "a901",
  "known_answer": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  "name": "pairwise",
  "token": "main"
}
)";

TEST(HmacKeyFile, IsTheTextOfThePageAndComesBack) {
  EXPECT_EQ(to_file_text(some_hmac_key()), kText);
  const auto again = hmac_key_from_file_text(kText);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(*again, some_hmac_key());
}

TEST(HmacKeyFile, IsRefusedForEveryMemberThatIsAbsentOrWrong) {
  const auto with_member = [](const std::string& name,
                              const std::function<void(jose::Json&, const std::string&)>& edit) {
    jose::Json file = jose::parse_json(kText).value();
    edit(file, name);
    return hmac_key_from_file_text(file.dump());
  };
  for (const char* name : {"alg", "created", "format", "key_id", "known_answer", "name", "token"}) {
    EXPECT_FALSE(with_member(name, [](auto& file, const auto& one) { file.erase(one); })) << name;
    EXPECT_FALSE(with_member(name, [](auto& file, const auto& one) { file[one] = nullptr; })) << name;
    EXPECT_FALSE(with_member(name, [](auto& file, const auto& one) {
      file.erase(one);
      file["other"] = "x";
    })) << name;
  }
  EXPECT_FALSE(with_member("more", [](auto& file, const auto& one) { file[one] = 1; }));
  const std::pair<const char*, const char*> wrong[] = {
      {"alg", "RS256"},
      {"created", "2025-02-31T00:00:00Z"},
      {"key_id", ""},
      {"key_id", "A901"},
      {"known_answer", "00"},
      {"known_answer", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"},
      {"known_answer", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},
  };
  for (const auto& [name, value] : wrong) {
    const auto key = with_member(name, [text = value](auto& file, const auto& one) { file[one] = text; });
    ASSERT_FALSE(key) << name << " " << value;
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidRequest);
  }
  EXPECT_FALSE(with_member("format", [](auto& file, const auto& one) { file[one] = 2; }));
  EXPECT_FALSE(hmac_key_from_file_text(""));
  EXPECT_FALSE(hmac_key_from_file_text(std::string(kText) + std::string(17 * 1024, ' ')));
}

TEST(HmacKeyFile, IsSavedForItsOwnerAloneAndLoaded) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(load_hmac_key(directory.path(), "pairwise").value()) << "not made yet";
  ASSERT_TRUE(save_hmac_key(directory.path(), some_hmac_key()));
  const auto loaded = load_hmac_key(directory.path(), "pairwise");
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(**loaded, some_hmac_key());
  EXPECT_FALSE(load_hmac_key(directory.path(), "other").value());
  struct stat status {};
  ASSERT_EQ(::stat(file_in(directory).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(HmacKeyFile, Invariant08_IsNeverWrittenOver) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(save_hmac_key(directory.path(), some_hmac_key()));
  HmacKey other = some_hmac_key();
  other.key_id = {7};
  const auto refused = save_hmac_key(directory.path(), other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(read_text(file_in(directory)), kText);
  write_text(file_in(directory), "torn");
  EXPECT_FALSE(save_hmac_key(directory.path(), other));
  EXPECT_EQ(read_text(file_in(directory)), "torn");
}

TEST(HmacKeyFile, Invariant08_WhatCannotBeReadIsAProblemAndNotAnAbsentKey) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(save_hmac_key(directory.path(), some_hmac_key()));
  const fs::path path = file_in(directory);
  const auto problem = [&] {
    const auto loaded = load_hmac_key(directory.path(), "pairwise");
    return loaded ? std::string() : loaded.error().text;
  };
  write_text(path, std::string(kText.substr(0, kText.size() / 2)));
  EXPECT_NE(problem().find(path.string()), std::string::npos) << problem();
  write_text(path, "");
  EXPECT_NE(problem(), "");
  HmacKey renamed = some_hmac_key();
  renamed.name = "other";
  write_text(path, to_file_text(renamed));
  EXPECT_NE(problem().find("name is not that of its path"), std::string::npos) << problem();
  fs::remove(path);
  fs::create_symlink("/nonexistent/volume/x.json", path);
  EXPECT_NE(problem(), "") << "the key would look absent, and another could be made in its place";
  EXPECT_FALSE(save_hmac_key(directory.path(), some_hmac_key()));
  EXPECT_TRUE(fs::is_symlink(path));
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_NE(problem(), "");
}

TEST(HmacKeyFile, NothingIsSavedThatCouldNotBeLoadedAgain) {
  const TemporaryDirectory directory;
  HmacKey without_id = some_hmac_key();
  without_id.key_id.clear();
  EXPECT_FALSE(save_hmac_key(directory.path(), without_id));
  EXPECT_FALSE(fs::exists(file_in(directory)));
}

}  // namespace
}  // namespace signer::keyring
