// SPDX-License-Identifier: Apache-2.0
//
// Key metadata on disk.  Without these a key could be lost, taken for another, or rewritten behind an auditor's back.
#include "keyring/key_version.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "tests/support/temporary_directory.h"
#include "tests/vectors/rfc_vectors.h"

namespace signer::keyring {
namespace {

namespace fs = std::filesystem;
using jose::Json;
using test::TemporaryDirectory;

KeyVersion version_of(std::string_view jwk, std::string name = "issuer") {
  KeyVersion version;
  version.name = std::move(name);
  version.public_key = *jose::from_jwk(*jose::parse_json(jwk));
  version.kid = jose::thumbprint(version.public_key);
  version.token = "main";
  version.key_id = {0x00, 0x7f, 0xff};
  version.created = WallTime(std::chrono::seconds(1795456800));  // 2026-11-23T18:00:00Z
  return version;
}

KeyVersion some_version() {
  return version_of(vectors::kRfc7638Jwk);
}

KeyVersion other_version() {
  return version_of(vectors::kRfc7515A2Jwk);
}

Json some_file() {
  return *jose::parse_json(to_file_text(some_version()));
}

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

fs::path file_of(const fs::path& state_dir, const KeyVersion& version) {
  return state_dir / "keys" / version.name / (version.kid + ".json");
}

std::map<std::string, std::string> everything_below(const fs::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    files[fs::relative(entry.path(), root)] = entry.is_regular_file() ? slurp(entry.path()) : "";
  }
  return files;
}

TEST(KeyFile, SaysWhatTheFormatSays) {
  const Json file = some_file();
  EXPECT_EQ(file.size(), 9U);
  EXPECT_EQ(file["format"], 1);
  EXPECT_EQ(file["name"], "issuer");
  EXPECT_EQ(file["kid"], vectors::kRfc7638Thumbprint);
  EXPECT_EQ(file["alg"], "RS256");
  EXPECT_EQ(file["token"], "main");
  EXPECT_EQ(file["key_id"], "007fff");
  EXPECT_EQ(file["created"], "2026-11-23T18:00:00Z");
  EXPECT_EQ(file["state"], "active");
  EXPECT_EQ(file["jwk"]["kid"], file["kid"]);
  EXPECT_TRUE(to_file_text(some_version()).ends_with("}\n"));
}

TEST(KeyFile, ComesBackAsTheSameVersion) {
  for (KeyVersion version : {some_version(), other_version(), version_of(vectors::kRfc7515A3Jwk)}) {
    for (const KeyState state :
         {KeyState::kPending, KeyState::kActive, KeyState::kRetiring, KeyState::kRetired, KeyState::kRevoked}) {
      version.state = state;
      for (const std::size_t size : {1UL, 64UL}) {
        version.key_id = Bytes(size, 0xab);
        const auto back = from_file_text(to_file_text(version));
        ASSERT_TRUE(back) << back.error().text;
        EXPECT_EQ(*back, version);
      }
    }
  }
}

TEST(KeyFile, EachMemberMissingWrongOrTooManyIsRefused) {
  const Json good = some_file();
  for (const auto& [name, value] : good.items()) {
    Json file = good;
    file.erase(name);
    EXPECT_FALSE(from_file_text(file.dump())) << name << " missing";
    file["other"] = value;
    EXPECT_FALSE(from_file_text(file.dump())) << name << " under another name";
    if (name == "name" || name == "token") continue;  // any text is one
    for (const Json& wrong : {Json(nullptr), Json(2), Json(""), Json("x"), Json::array(), Json::object(), Json(true)}) {
      file = good;
      file[name] = wrong;
      EXPECT_FALSE(from_file_text(file.dump())) << name << "=" << wrong;
    }
  }
  for (const char* name : {"name", "token"}) {
    for (const Json& wrong : {Json(nullptr), Json(2), Json::array({"x"})}) {
      Json file = good;
      file[name] = wrong;
      EXPECT_FALSE(from_file_text(file.dump())) << name << "=" << wrong;
    }
  }
  Json more = good;
  more["note"] = "x";
  EXPECT_FALSE(from_file_text(more.dump()));
}

TEST(KeyFile, Invariant06_AKidOrAlgorithmThatIsNotTheKeysIsRefused) {
  Json file = some_file();
  file["kid"] = other_version().kid;
  EXPECT_FALSE(from_file_text(file.dump()));
  file = some_file();
  file["jwk"] = jose::to_jwk(other_version().public_key);
  EXPECT_FALSE(from_file_text(file.dump()));
  file = some_file();
  file["alg"] = "ES256";
  EXPECT_FALSE(from_file_text(file.dump()));
  file = some_file();
  file["jwk"]["d"] = "AQAB";
  EXPECT_FALSE(from_file_text(file.dump())) << "a private member";
}

TEST(KeyFile, AKeyIdIsLowerCaseHexOf1To64Bytes) {
  for (const std::string& good : {std::string("00"), std::string(128, 'f')}) {
    Json file = some_file();
    file["key_id"] = good;
    EXPECT_TRUE(from_file_text(file.dump())) << good;
  }
  for (const std::string& bad : {std::string(), std::string("0"), std::string("FF"), std::string("0g"),
                                 std::string("0x01"), std::string(130, 'f'), std::string(" 00")}) {
    Json file = some_file();
    file["key_id"] = bad;
    EXPECT_FALSE(from_file_text(file.dump())) << bad;
  }
}

TEST(KeyFile, ATimeIsWrittenInExactlyOneWay) {
  for (const char* good : {"1970-01-01T00:00:00Z", "2028-02-29T23:59:59Z", "2262-01-01T00:00:00Z"}) {
    Json file = some_file();
    file["created"] = good;
    const auto version = from_file_text(file.dump());
    ASSERT_TRUE(version) << good;
    EXPECT_EQ(rfc3339(version->created), good);
  }
  using namespace std::string_literals;
  for (const std::string& bad :
       {"2026-11-23T18:00:00"s, "9999-12-31T23:59:59Z"s, "2026-11-23T18:00:00+00:00"s, "2026-11-23T18:00:00.5Z"s,
        "2026-11-23 18:00:00Z"s, "2026-13-01T00:00:00Z"s, "2026-02-31T00:00:00Z"s, "2027-02-29T00:00:00Z"s,
        "2026-1-2T3:4:5Z"s, " 2026-11-23T18:00:00Z"s, "2026-11-23T24:00:00Z"s, "2026-11-23T18:00:60Z"s,
        "2026-11-23T18:00:00Z "s, "2026-11-23T18:00:00Zx"s, "2026-11-23T18:00:00Z\0x"s, "26-11-23T18:00:00Z"s}) {
    Json file = some_file();
    file["created"] = bad;
    EXPECT_FALSE(from_file_text(file.dump())) << bad;
  }
}

TEST(KeyFile, WhatIsNotOneStrictJsonObjectIsRefused) {
  const std::string text = to_file_text(some_version());
  for (std::size_t size = 0; size + 2 < text.size(); ++size)
    ASSERT_FALSE(from_file_text(text.substr(0, size))) << "cut at " << size;
  EXPECT_FALSE(from_file_text("\xEF\xBB\xBF" + text));
  EXPECT_FALSE(from_file_text(text + "x"));
  EXPECT_FALSE(from_file_text(text + text));
  EXPECT_FALSE(from_file_text("[" + text + "]"));
  EXPECT_FALSE(from_file_text(text.substr(0, text.size() - 2) + ",\"kid\":\"x\"}"));
  EXPECT_FALSE(from_file_text(text + std::string(16 * 1024, ' ')));
}

TEST(Keyring, LoadsWhatWasSavedAndOwnsItAlone) {
  const TemporaryDirectory directory;
  const KeyVersion second = version_of(vectors::kRfc7515A3Jwk, "audit.key");
  ASSERT_TRUE(save_version(directory.path(), some_version()));
  ASSERT_TRUE(save_version(directory.path(), other_version()));
  ASSERT_TRUE(save_version(directory.path(), second));

  const auto loaded = load_versions(directory.path());

  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->problems.empty());
  EXPECT_EQ(loaded->versions.size(), 3U);
  for (const KeyVersion& version : {some_version(), other_version(), second}) {
    EXPECT_NE(std::find(loaded->versions.begin(), loaded->versions.end(), version), loaded->versions.end());
    struct stat status {};
    ASSERT_EQ(::stat(file_of(directory.path(), version).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
  }
}

TEST(Keyring, NothingSavedIsNoVersionsAndNoProblem) {
  const TemporaryDirectory directory;
  for (const fs::path& state_dir : {directory.path(), directory.path() / "absent"}) {
    const auto loaded = load_versions(state_dir);
    ASSERT_TRUE(loaded);
    EXPECT_TRUE(loaded->versions.empty());
    EXPECT_TRUE(loaded->problems.empty());
  }
  fs::create_directories(directory.path() / "keys/empty");
  EXPECT_TRUE(load_versions(directory.path())->versions.empty());
}

TEST(Keyring, Invariant06_AKidIsNeverWrittenTwice) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(save_version(directory.path(), some_version()));
  const auto before = everything_below(directory.path());
  KeyVersion changed = some_version();
  changed.state = KeyState::kRevoked;

  const auto refused = save_version(directory.path(), changed);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(everything_below(directory.path()), before);
}

TEST(Keyring, Invariant08_AFileThatCannotBeReadIsNotWrittenOver) {
  const TemporaryDirectory directory;
  const fs::path path = file_of(directory.path(), some_version());
  put(path, "torn");
  EXPECT_FALSE(save_version(directory.path(), some_version()));
  EXPECT_EQ(slurp(path), "torn");

  fs::remove(path);
  fs::create_symlink("elsewhere-not-mounted.json", path);
  EXPECT_FALSE(save_version(directory.path(), some_version()))
      << "a link whose target is away is still that kid's file";
  EXPECT_TRUE(fs::is_symlink(path));
}

TEST(Keyring, ASaveThatFailsLeavesNothing) {
  const TemporaryDirectory directory;
  put(directory.path() / "keys", "a file in the place of the directory");
  const auto before = everything_below(directory.path());
  EXPECT_FALSE(save_version(directory.path(), some_version()));
  EXPECT_EQ(everything_below(directory.path()), before);
  EXPECT_FALSE(load_versions(directory.path())) << "a directory that cannot be listed is a failure, not an empty ring";

  fs::remove(directory.path() / "keys");
  put(directory.path() / "keys/issuer", "x");
  EXPECT_FALSE(save_version(directory.path(), some_version()));
  EXPECT_EQ(everything_below(directory.path()).size(), 2U);
}

TEST(Keyring, AFileThatIsWrongIsThatKeysProblemAndTheOthersLoad) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(save_version(directory.path(), some_version()));
  const KeyVersion healthy = version_of(vectors::kRfc7515A3Jwk, "healthy");
  ASSERT_TRUE(save_version(directory.path(), healthy));
  const std::string good = to_file_text(other_version());
  put(directory.path() / "keys/torn" / (other_version().kid + ".json"), good.substr(0, good.size() / 2));
  put(directory.path() / "keys/wrong-name" / (other_version().kid + ".json"), good);
  put(directory.path() / "keys/wrong-kid" / "abc.json", to_file_text(version_of(vectors::kRfc7515A2Jwk, "wrong-kid")));
  put(directory.path() / "keys/empty" / "x.json", "");
  put(directory.path() / "keys/large" / "x.json", std::string(17 * 1024, ' '));

  const auto loaded = load_versions(directory.path());

  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->versions.size(), 2U);
  std::map<std::string, std::string> problems(loaded->problems.begin(), loaded->problems.end());
  EXPECT_EQ(problems.size(), 5U);
  for (const char* name : {"torn", "wrong-name", "wrong-kid", "empty", "large"}) {
    ASSERT_TRUE(problems.contains(name)) << name;
    EXPECT_NE(problems[name].find(directory.path().string() + "/keys/" + name), std::string::npos)
        << "names the file: " << problems[name];
  }
}

TEST(Keyring, Invariant08_AMetadataLinkWhoseTargetIsGoneIsAProblemAndNotAnAbsentKey) {
  const TemporaryDirectory directory;
  fs::create_directories(directory.path() / "keys/issuer");
  fs::create_symlink("/nonexistent/volume/x.json", file_of(directory.path(), some_version()));

  const auto loaded = load_versions(directory.path());

  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->problems.size(), 1U) << "the key would look absent, and a second one could be made in its place";
  EXPECT_EQ(loaded->problems[0].first, "issuer");
}

TEST(Keyring, Invariant08_WhatCannotBeListedIsThatKeysProblemAndNotAnAbsentKey) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(save_version(directory.path(), some_version()));
  fs::create_directories(directory.path() / "keys/directory/x.json");
  fs::create_directory_symlink("/nonexistent/volume", directory.path() / "keys/link");

  const auto loaded = load_versions(directory.path());

  ASSERT_TRUE(loaded) << "the others must go on: " << loaded.error().text;
  EXPECT_EQ(loaded->versions.size(), 1U);
  std::map<std::string, std::string> problems(loaded->problems.begin(), loaded->problems.end());
  for (const char* name : {"directory", "link"}) EXPECT_TRUE(problems.contains(name)) << name;
}

TEST(Keyring, StrayFilesAreIgnored) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(save_version(directory.path(), some_version()));
  const std::string kid = some_version().kid;
  put(directory.path() / "keys/issuer" / (kid + ".json.AbCdEf"), "the temporary file of a crash");
  put(directory.path() / "keys/issuer" / (kid + ".json~"), "an editor's");
  put(directory.path() / "keys/issuer/README", "x");
  put(directory.path() / "keys/notes.json", "x");
  fs::create_directories(directory.path() / "keys/issuer/dir.json");

  const auto loaded = load_versions(directory.path());

  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->versions, std::vector<KeyVersion>{some_version()});
  EXPECT_TRUE(loaded->problems.empty());
}

TEST(Keyring, Invariant08_LoadingChangesNotOneByte) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(save_version(directory.path(), some_version()));
  put(directory.path() / "keys/torn/x.json", "{");
  put(directory.path() / "keys/issuer/x.json.AbCdEf", "left by a crash");
  const auto before = everything_below(directory.path());

  ASSERT_TRUE(load_versions(directory.path()));
  ASSERT_TRUE(load_versions(directory.path()));

  EXPECT_EQ(everything_below(directory.path()), before);
}

TEST(Keyring, NothingIsSavedThatCouldNotBeLoadedAgain) {
  const TemporaryDirectory directory;
  KeyVersion without_id = some_version();
  without_id.key_id.clear();
  KeyVersion wrong_kid = some_version();
  wrong_kid.kid = other_version().kid;
  for (const KeyVersion& bad : {without_id, wrong_kid}) {
    const auto saved = save_version(directory.path(), bad);
    if (!saved) continue;
    EXPECT_TRUE(load_versions(directory.path())->problems.empty()) << "a key was made and its metadata is unreadable";
    fs::remove_all(directory.path() / "keys");
  }
}

}  // namespace
}  // namespace signer::keyring
