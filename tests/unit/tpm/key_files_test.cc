// SPDX-License-Identifier: Apache-2.0
//
// The key directory: a damaged or foreign file must stop its key and nothing else, and no file is ever removed or
// replaced to suit what the TPM shows (invariants 6 and 8).
#include "tpm/key_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/hex.h"
#include "status_of.h"
#include "tests/support/temporary_directory.h"
#include "worked_areas.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using test::from_text;
using test::status_of;

const Bytes kId{0x01, 0xab};
const Bytes kRoot(34, 0x0b);
const Bytes kOtherRoot(34, 0x0c);

class KeyDirectory : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(files_.prepare()); }

  std::string path(const std::string& name) { return directory_ / ("keys/" + name); }

  void write(const std::string& name, std::string_view content) {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << content;
  }

  std::map<std::string, std::string> content() {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "keys")) {
      std::ostringstream text;
      text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      all[entry.path().filename()] = text.str();
    }
    return all;
  }

  void write_key() {
    ASSERT_TRUE(files_.write_blob(kId, test::file_of(test::kRsaArea)));
    ASSERT_TRUE(files_.write_place(kId, {0x81000100, from_text(test::kRsaName), kRoot}));
  }

  // Refused with this status and these words, and nothing was changed.
  void expect_refused(HostStatus status, std::string_view because) {
    const auto before = content();
    const auto read = files_.read(kId, kRoot);
    ASSERT_FALSE(read) << because;
    EXPECT_EQ(read.error().status, status) << read.error().text;
    EXPECT_NE(read.error().text.find(because), std::string::npos) << read.error().text;
    EXPECT_EQ(content(), before);
  }

  signer::test::TemporaryDirectory directory_;
  KeyFiles files_{directory_ / "keys"};
};

TEST_F(KeyDirectory, GivesBackWhatWasWritten) {
  write_key();
  EXPECT_TRUE(files_.contains(kId));
  const auto key = files_.read(kId, kRoot);
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ(key->file, test::file_of(test::kRsaArea));
  EXPECT_EQ(key->name, from_text(test::kRsaName));
  EXPECT_EQ(key->public_key.modulus, from_text(test::kRsaModulus));
  ASSERT_TRUE(key->place);
  EXPECT_EQ(*key->place, (KeyPlace{0x81000100, from_text(test::kRsaName), kRoot}));
}

TEST_F(KeyDirectory, TakesAKeyWithoutAPlace) {
  ASSERT_TRUE(files_.write_blob(kId, test::file_of(test::kP256Area)));
  const auto key = files_.read(kId, kRoot);
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_FALSE(key->place);
}

TEST_F(KeyDirectory, IsMadeForItsOwnerAlone) {
  struct stat status {};
  ASSERT_EQ(::stat((directory_ / "keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
}

TEST_F(KeyDirectory, HasNoKeyThatNobodyMade) {
  EXPECT_FALSE(files_.contains(kId));
  expect_refused(HostStatus::kNotFound, "01ab.pem");
  ASSERT_TRUE(files_.write_place(kId, {0x81000100, from_text(test::kRsaName), kRoot}));
  expect_refused(HostStatus::kNotFound, "01ab.pem");
}

TEST_F(KeyDirectory, Invariant08_StopsAKeyWhoseBlobIsDamaged) {
  write_key();
  const std::string good = content()["01ab.pem"];
  for (const std::string& bad : {std::string(), std::string("no key"), good.substr(0, good.size() / 2), good + good,
                                 std::string(kKeyFileBytesMax + 1, 'x')}) {
    write("01ab.pem", bad);
    expect_refused(HostStatus::kMismatch, "01ab.pem");
    EXPECT_TRUE(files_.contains(kId)) << "its id is not free";
  }
}

TEST_F(KeyDirectory, Invariant08_StopsAKeyWhosePlaceIsDamaged) {
  write_key();
  const std::string name = std::string(test::kRsaName);
  const std::string root = to_hex(kRoot);
  const std::string rest = R"(,"name":")" + name + R"(","storage_root":")" + root + "\"}";
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"), R"({"handle":2164260864)" + rest,
        R"({"handle":"0x8100010")" + rest, R"({"handle":"0x810001000")" + rest, R"({"handle":"0x8100010g")" + rest,
        R"({"handle":"81000100")" + rest, R"({"handle":"0x81000100","handle":"0x81000100")" + rest,
        R"({"handle":"0x81000100","name":"zz","storage_root":")" + root + "\"}",
        R"({"handle":"0x81000100","name":")" + name + "\"}", std::string(5000, ' ')}) {
    write("01ab.json", bad);
    expect_refused(HostStatus::kMismatch, "01ab.json");
  }
  write("01ab.json", R"({"handle":"0x81000100")" + rest);
  EXPECT_TRUE(files_.read(kId, kRoot)) << "the same, undamaged";
}

TEST_F(KeyDirectory, Invariant06_StopsAKeyWhosePlaceIsAnotherKeys) {
  write_key();
  ASSERT_TRUE(files_.write_place(kId, {0x81000100, from_text(test::kP256Name), kRoot}));
  expect_refused(HostStatus::kMismatch, "another key");
}

TEST_F(KeyDirectory, Invariant08_StopsAKeyOfAnotherStorageRoot) {
  write_key();
  ASSERT_TRUE(files_.write_place(kId, {0x81000100, from_text(test::kRsaName), kOtherRoot}));
  expect_refused(HostStatus::kMismatch, "another TPM, or this one was cleared");
}

TEST_F(KeyDirectory, RefusesAKeyOfAParentThatIsNotTheStorageRoot) {
  auto file = test::file_of(test::kRsaArea);
  for (const std::uint32_t parent : {0x81000002U, 0x81010001U, 0x4000000bU, 0x40000007U}) {
    file.parent = parent;
    ASSERT_TRUE(files_.write_blob(kId, file));
    expect_refused(HostStatus::kUnsupported, "its parent is 0x");
  }
  file.parent = 0x40000001;
  ASSERT_TRUE(files_.write_blob(kId, file));
  EXPECT_TRUE(files_.read(kId, kRoot)) << "as tpm2-openssl names the storage root";
}

TEST_F(KeyDirectory, Invariant04_RefusesAKeyThatIsWeakerThanOurs) {
  auto area = test::area_of(test::kRsaArea);
  area.publicArea.objectAttributes &= ~TPMA_OBJECT_FIXEDPARENT;
  auto file = test::file_of(test::kRsaArea);
  file.public_area = write_public_area(area).value();
  ASSERT_TRUE(files_.write_blob(kId, file));
  expect_refused(HostStatus::kUnsupported, "fixedParent=0");
}

TEST_F(KeyDirectory, StopsAKeyWhosePublicAreaIsNone) {
  auto file = test::file_of(test::kRsaArea);
  file.public_area = from_text("0004deadbeef");
  ASSERT_TRUE(files_.write_blob(kId, file));
  expect_refused(HostStatus::kMismatch, "01ab.pem");
}

TEST_F(KeyDirectory, SaysUnavailableNotMissingWhenAFileCannotBeRead) {
  std::filesystem::create_directory(path("01ab.pem"));
  const auto read = files_.read(kId, kRoot);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().status, HostStatus::kNotFound) << read.error().text;
  EXPECT_TRUE(files_.contains(kId));
}

TEST_F(KeyDirectory, TakesAnIdThatALinkToNowhereHolds) {
  std::filesystem::create_symlink("nowhere", path("01ab.pem"));
  EXPECT_TRUE(files_.contains(kId)) << "or a key would be made over it";
}

TEST_F(KeyDirectory, FailsLoudlyWhereItCannotWrite) {
  KeyFiles nowhere(directory_ / "missing");
  EXPECT_EQ(status_of(nowhere.write_blob(kId, test::file_of(test::kRsaArea))), HostStatus::kRefused);
  EXPECT_EQ(status_of(nowhere.write_place(kId, {0x81000100, kRoot, kRoot})), HostStatus::kRefused);
  EXPECT_EQ(status_of(nowhere.check_storage_root(kRoot)), HostStatus::kUnavailable) << "a pin that was not kept";
}

TEST(KeyDirectoryPath, MustBeAbsoluteAndADirectory) {
  const signer::test::TemporaryDirectory directory;
  for (const char* path : {"", "keys", "./keys"}) {
    EXPECT_EQ(status_of(KeyFiles(path).prepare()), HostStatus::kInvalid) << path;
  }
  EXPECT_EQ(status_of(KeyFiles(directory.file("file", "")).prepare()), HostStatus::kUnavailable);
  EXPECT_EQ(status_of(KeyFiles(directory / "keys").prepare()), HostStatus::kOk);
  EXPECT_EQ(status_of(KeyFiles(directory / "keys").prepare()), HostStatus::kOk) << "again";
}

TEST_F(KeyDirectory, Invariant08_PinsTheFirstStorageRootForGood) {
  EXPECT_TRUE(files_.check_storage_root(kRoot));
  const auto pinned = content();
  EXPECT_TRUE(files_.check_storage_root(kRoot));
  const auto other = files_.check_storage_root(kOtherRoot);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().status, HostStatus::kMismatch);
  EXPECT_NE(other.error().text.find(to_hex(kRoot)), std::string::npos) << other.error().text;
  EXPECT_NE(other.error().text.find(to_hex(kOtherRoot)), std::string::npos) << other.error().text;
  EXPECT_EQ(content(), pinned);
}

TEST_F(KeyDirectory, Invariant08_StopsAllKeysOverADamagedPin) {
  for (const char* bad : {"", "{", "[]", "{}", R"({"name":7})", R"({"name":"0g"})", R"({"name":"0"})"}) {
    write("storage-root.json", bad);
    const auto before = content();
    EXPECT_EQ(status_of(files_.check_storage_root(kRoot)), HostStatus::kMismatch) << bad;
    EXPECT_EQ(content(), before);
  }
}

}  // namespace
}  // namespace signer::tpm
