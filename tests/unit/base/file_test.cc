// SPDX-License-Identifier: Apache-2.0
//
// Files as values.  Without these a failed write could eat the old file, and with it a key's metadata.  The tests may
// run as root, whom permissions do not stop: faults are made by path shapes and by RLIMIT_FSIZE.
#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/temporary_directory.h"

namespace signer {
namespace {

using test::TemporaryDirectory;

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void put(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

std::vector<std::string> names_in(const std::filesystem::path& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Makes every write beyond `bytes` fail with EFBIG, for this process, until it goes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(ReadFile, GivesEveryByteUpToTheLimitAndNotOneMore) {
  const TemporaryDirectory directory;
  for (const std::size_t size : {0UL, 1UL, 16383UL, 16384UL, 16385UL, 50000UL}) {
    std::string content(size, 'x');
    if (size > 2) content[1] = '\0';
    put(directory / "f", content);
    const auto whole = read_file(directory / "f", size);
    ASSERT_TRUE(whole) << size;
    EXPECT_EQ(*whole, content);
    if (size == 0) continue;
    const auto refused = read_file(directory / "f", size - 1);
    ASSERT_FALSE(refused) << size;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
  }
}

TEST(ReadFile, TellsAbsentFromUnreadableAndNamesPathAndErrno) {
  const TemporaryDirectory directory;

  const auto absent = read_file(directory / "none", 10);
  const auto not_a_file = read_file(directory.path(), 10);
  put(directory / "f", "x");
  const auto below_a_file = read_file(directory / "f/g", 10);

  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
  EXPECT_NE(absent.error().text.find(directory / "none"), std::string::npos);
  EXPECT_NE(absent.error().text.find("ENOENT"), std::string::npos);
  ASSERT_FALSE(not_a_file);
  EXPECT_EQ(not_a_file.error().code, ErrorCode::kInternal);
  EXPECT_NE(not_a_file.error().text.find("EISDIR"), std::string::npos);
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, ErrorCode::kInternal);
  EXPECT_NE(below_a_file.error().text.find("ENOTDIR"), std::string::npos);
}

TEST(WriteFileAtomically, ReplacesTheWholeContentAndSetsTheModeWhateverTheUmask) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(077);
  put(directory / "f", "an old text that is longer than the new one");

  ASSERT_TRUE(write_file_atomically(directory / "f", "new", 0644));
  ASSERT_TRUE(write_file_atomically(directory / "g", std::string("\0\n", 2)));
  ::umask(before);

  EXPECT_EQ(slurp(directory / "f"), "new");
  EXPECT_EQ(mode_of(directory / "f"), 0644U);
  EXPECT_EQ(slurp(directory / "g"), std::string("\0\n", 2));
  EXPECT_EQ(mode_of(directory / "g"), 0600U) << "what we write is the owner's alone unless said otherwise";
  EXPECT_EQ(names_in(directory.path()), (std::vector<std::string>{"f", "g"})) << "a temporary file was left";
}

TEST(WriteFileAtomically, WorksWithANameThatHasNoDirectory) {
  const TemporaryDirectory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());

  const auto written = write_file_atomically("plain", "x");
  std::filesystem::current_path(before);

  ASSERT_TRUE(written);
  EXPECT_EQ(slurp(directory / "plain"), "x");
}

TEST(WriteFileAtomically, LeavesTheOldFileAndNoTemporaryWhenTheDiskRefusesBytes) {
  const TemporaryDirectory directory;
  put(directory / "f", "old");
  Result<void> written;
  {
    const FileSizeLimit limit(1000);
    written = write_file_atomically(directory / "f", std::string(1001, 'n'));
  }

  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kInternal);
  EXPECT_NE(written.error().text.find("EFBIG"), std::string::npos) << written.error().text;
  EXPECT_EQ(slurp(directory / "f"), "old");
  EXPECT_EQ(names_in(directory.path()), std::vector<std::string>{"f"}) << "a temporary file was left";
}

TEST(WriteFileAtomically, LeavesEverythingAloneWhenTheTargetCannotBeReplaced) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "d/inside");
  put(directory / "f", "old");
  std::filesystem::create_symlink("loop", directory / "loop");

  const auto onto_a_directory = write_file_atomically(directory / "d", "x");
  const auto below_a_file = write_file_atomically(directory / "f/g", "x");
  const auto into_nothing = write_file_atomically(directory / "none/g", "x");
  const auto through_a_loop = write_file_atomically(directory / "loop/g", "x");
  const auto name_too_long = write_file_atomically(directory / std::string(300, 'n'), "x");

  for (const auto* refused : {&onto_a_directory, &below_a_file, &into_nothing, &through_a_loop, &name_too_long}) {
    EXPECT_FALSE(*refused);
  }
  EXPECT_NE(below_a_file.error().text.find("ENOTDIR"), std::string::npos);
  EXPECT_EQ(into_nothing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(names_in(directory.path()), (std::vector<std::string>{"d", "f", "loop"})) << "a temporary file was left";
  EXPECT_EQ(slurp(directory / "f"), "old");
}

TEST(EnsureDirectory, MakesParentsForTheOwnerAloneAndKeepsWhatIsThere) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(0);
  ASSERT_EQ(::mkdir((directory / "there").c_str(), 0755), 0);

  const auto made = ensure_directory(directory / "there/a/b");
  const auto again = ensure_directory(directory / "there/a/b/");
  ::umask(before);

  ASSERT_TRUE(made);
  ASSERT_TRUE(again);
  EXPECT_EQ(mode_of(directory / "there"), 0755U);
  EXPECT_EQ(mode_of(directory / "there/a"), 0700U);
  EXPECT_EQ(mode_of(directory / "there/a/b"), 0700U);
}

TEST(EnsureDirectory, RefusesAFileInThePlaceOfADirectory) {
  const TemporaryDirectory directory;
  put(directory / "f", "x");

  const auto itself = ensure_directory(directory / "f");
  const auto below = ensure_directory(directory / "f/d");

  EXPECT_FALSE(itself);
  EXPECT_FALSE(below);
  EXPECT_EQ(slurp(directory / "f"), "x");
}

// A link that leads nowhere is named too, so that its reader fails loudly; a directory is not.
TEST(ListFiles, NamesFilesAndLinksWithTheSuffixInOrderAndNothingElse) {
  const TemporaryDirectory directory;
  for (const char* name : {"b.json", "a.json", "c.jsonl", ".json", "x.json.AbCdEf", "d.JSON"})
    put(directory / name, "");
  std::filesystem::create_directory(directory / "dir.json");
  std::filesystem::create_symlink("nowhere", directory / "dangling.json");

  const auto names = list_files(directory.path(), ".json");
  const auto absent = list_files(directory / "none", ".json");

  ASSERT_TRUE(names);
  EXPECT_EQ(*names, (std::vector<std::string>{".json", "a.json", "b.json", "dangling.json"}));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
}

TEST(ErrnoText, NamesTheErrorForPeopleAndForSearchEngines) {
  EXPECT_EQ(errno_text(ENOENT), "No such file or directory (ENOENT)");
  EXPECT_NE(errno_text(99999).find("99999"), std::string::npos);
}

TEST(ReadFile, TakesNoPipeAndDoesNotWaitForOne) {
  const TemporaryDirectory directory;
  const auto pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto read = read_file(pipe, 100);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInternal);
  EXPECT_NE(read.error().text.find("is a pipe"), std::string::npos) << read.error().text;
}

// `signerctl verify --jwks <(command)`
TEST(ReadFileOrPipe, WaitsForWhatThePipesWriterHasToSay) {
  const TemporaryDirectory directory;
  const auto pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::size_t size_max : {std::size_t{70'000}, std::size_t{69'999}}) {
    std::thread writer([&] { put(pipe, std::string(70'000, 'x')); });
    const auto read = read_file_or_pipe(pipe, size_max);
    writer.join();
    ASSERT_EQ(read.has_value(), size_max == 70'000);
    if (read)
      EXPECT_EQ(*read, std::string(70'000, 'x'));
    else
      EXPECT_EQ(read.error().code, ErrorCode::kInvalidRequest);
  }
  for (const char* content : {R"({"sub":"Jane"})", R"(["Jane"])", "eyJhbGci.Jane.x"}) {
    const auto read = read_file_or_pipe(content, 100);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text.find("Jane"), std::string::npos) << read.error().text;
  }
  put(directory.path() / "file", "text");
  EXPECT_EQ(*read_file_or_pipe(directory.path() / "file", 4), "text");
  EXPECT_EQ(read_file_or_pipe(directory.path() / "absent", 4).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace signer
