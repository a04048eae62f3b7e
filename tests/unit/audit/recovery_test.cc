// SPDX-License-Identifier: Apache-2.0
//
// What a crash leaves behind, and what the log makes of it.  Without these a torn line could swallow the next record,
// or a record that a released token relies on could be cut.
#include <gtest/gtest.h>

#include "tests/support/disk.h"
#include "tests/support/temporary_directory.h"

namespace signer::audit {
namespace {

namespace fs = std::filesystem;
using test::eventually;
using test::numbered;
using test::records_in;
using test::slurp;
using test::TemporaryDirectory;

constexpr const char* kFirst = "00000000000000000000.jsonl";

std::string lines(std::uint64_t from, std::uint64_t count) {
  std::string text;
  for (std::uint64_t i = from; i < from + count; ++i) text += to_line(numbered(i), i) + "\n";
  return text;
}

void put(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

AuditOptions options(const fs::path& directory, std::uint64_t preallocate = 512) {
  AuditOptions made{directory};
  made.preallocate_bytes = preallocate;
  return made;
}

// Opens the log, expects `kept` records, adds one, closes it and expects exactly one more.
void expect_recovers(const fs::path& directory, std::uint64_t kept, const std::string& what) {
  {
    const auto log = AuditLog::open(options(directory), [] {});
    ASSERT_TRUE(log) << what << ": " << log.error().text;
    ASSERT_EQ((*log)->size(), kept) << what;
    ASSERT_TRUE(kept == 0 || (*log)->recorded(kept - 1)) << what;
    ASSERT_FALSE((*log)->recorded(kept)) << what;
    ASSERT_EQ((*log)->append(numbered(kept)), kept) << what;
    (*log)->flush();
    ASSERT_TRUE(eventually([&] { return (*log)->size() == kept + 1; })) << what;
  }
  ASSERT_EQ(records_in(directory), kept + 1) << what;
}

TEST(AuditRecovery, Invariant01_ACutAtAnyByteKeepsEveryWholeRecordAndDropsTheTornOne) {
  const std::string whole = lines(0, 3);
  for (const std::size_t zeroes : {0UL, 100UL}) {  // with and without the zeroed blocks behind
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      const TemporaryDirectory directory;
      const std::string left = whole.substr(0, cut);
      put(directory / kFirst, left + std::string(zeroes, '\0'));
      const auto kept = static_cast<std::uint64_t>(std::count(left.begin(), left.end(), '\n'));
      expect_recovers(directory.path(), kept, "cut at " + std::to_string(cut) + ", zeroes " + std::to_string(zeroes));
      if (HasFatalFailure()) return;
    }
  }
}

// Power that failed in a write of several blocks, or damage to what was durable and whose indexes callers hold: they
// look alike, so nothing is cut and no index is given twice.
TEST(AuditRecovery, RecordsBehindAHoleAreKeptAndTheirIndexesNotGivenAgain) {
  const std::pair<const char*, std::string> cases[] = {
      {"between lines", lines(0, 2) + std::string(300, '\0') + lines(4, 2) + std::string(50, '\0')},
      {"inside a line", lines(0, 2) + "{\"index\":2" + std::string(5, '\0') + "}\n" + lines(3, 3)},
      {"at the front", std::string(100, '\0') + lines(1, 5)}};
  for (const auto& [where, content] : cases) {
    const TemporaryDirectory directory;
    put(directory / kFirst, content);
    auto log = AuditLog::open(options(directory.path()), [] {});
    ASSERT_TRUE(log) << where;
    EXPECT_EQ((*log)->append(numbered(6)), 6U) << where;
    log->reset();
    EXPECT_EQ(slurp(directory / kFirst), content) << where;
    EXPECT_EQ(slurp(directory / "00000000000000000006.jsonl"), lines(6, 1)) << where;
  }
}

TEST(AuditRecovery, ADamagedSegmentThatSaysNothingIsKeptToo) {
  for (const std::string& content :
       {std::string(50, '\0') + "garbage", std::string(1, '\0') + R"("index":99999999,)"}) {
    const TemporaryDirectory directory;
    put(directory / kFirst, content);
    auto log = AuditLog::open(options(directory.path()), [] {});
    ASSERT_TRUE(log);
    EXPECT_EQ((*log)->append(numbered(1)), 1U);
    log->reset();
    EXPECT_EQ(slurp(directory / kFirst), content);
    EXPECT_EQ(slurp(directory / "00000000000000000001.jsonl"), lines(1, 1));
  }
}

TEST(AuditRecovery, ASegmentThatIsDeletedStopsTheLog) {
  const TemporaryDirectory directory;
  AuditOptions impatient = options(directory.path());
  impatient.retry_every = std::chrono::milliseconds(5);
  auto log = AuditLog::open(std::move(impatient), [] {});
  ASSERT_TRUE(log);
  (*log)->append(numbered(0));
  (*log)->flush();
  ASSERT_TRUE(eventually([&] { return (*log)->size() == 1; }));
  std::filesystem::remove_all(directory.path());
  const std::uint64_t lost = (*log)->append(numbered(1));
  (*log)->flush();
  EXPECT_TRUE(eventually([&] { return !(*log)->healthy(); }));
  EXPECT_FALSE((*log)->recorded(lost));
  EXPECT_NE((*log)->failure().find("was deleted"), std::string::npos) << (*log)->failure();
}

TEST(AuditRecovery, ASegmentThatWasBegunAndNeverWrittenGoesOnFromItsName) {
  for (const std::size_t zeroes : {0UL, 4096UL}) {
    const TemporaryDirectory directory;
    put(directory / kFirst, lines(0, 5));
    put(directory / "00000000000000000005.jsonl", std::string(zeroes, '\0'));
    expect_recovers(directory.path(), 5, "zeroes " + std::to_string(zeroes));
  }
}

TEST(AuditRecovery, OnlyTheLastSegmentIsTouched) {
  const TemporaryDirectory directory;
  put(directory / kFirst, lines(0, 5));
  put(directory / "00000000000000000005.jsonl", lines(5, 2) + "{\"torn");
  expect_recovers(directory.path(), 7, "two segments");
  EXPECT_EQ(slurp(directory / kFirst), lines(0, 5));
}

TEST(AuditRecovery, ACrashWhileTheLogIsOpenLosesNothingThatWasDurable) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "live");
  const auto log = AuditLog::open(options(directory.path() / "live", 4096), [] {});
  ASSERT_TRUE(log);
  for (std::uint64_t i = 0; i < 10; ++i) {
    (*log)->append(numbered(i));
    (*log)->flush();
    ASSERT_TRUE(eventually([&] { return (*log)->size() == i + 1; }));
    const std::string copy = directory / ("copy" + std::to_string(i));
    fs::copy(directory / "live", copy, fs::copy_options::recursive);
    EXPECT_GE(fs::file_size(copy + "/" + kFirst), 4096U) << "zeroed ahead";
    expect_recovers(copy, i + 1, "after record " + std::to_string(i));
  }
}

TEST(AuditRecovery, AnOrderlyEndLeavesNoZeroes) {
  const TemporaryDirectory directory;
  {
    const auto log = AuditLog::open(options(directory.path(), 1 << 20), [] {});
    ASSERT_TRUE(log);
    (*log)->append(numbered(0));
    (*log)->flush();
    ASSERT_TRUE(eventually([&] { return (*log)->size() == 1; }));
    EXPECT_GE(fs::file_size(directory / kFirst), 1U << 20);
  }
  EXPECT_EQ(slurp(directory / kFirst), lines(0, 1));
}

TEST(AuditRecovery, StartsAtZeroInAnEmptyDirectoryAndIgnoresOtherFiles) {
  const TemporaryDirectory directory;
  put(directory / "README", "x");
  const auto log = AuditLog::open(options(directory.path()), [] {});
  ASSERT_TRUE(log);
  EXPECT_EQ((*log)->size(), 0U);
  EXPECT_TRUE((*log)->healthy());
  EXPECT_EQ(slurp(directory / "README"), "x");
}

}  // namespace
}  // namespace signer::audit
