// SPDX-License-Identifier: Apache-2.0
//
// Records in, proof of durability out.  Without these a token could leave before its record is on disk.
#include "audit/audit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>
#include <type_traits>

#include "tests/support/disk.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

namespace signer::audit {
namespace {

namespace fs = std::filesystem;
using test::Bell;
using test::Disk;
using test::eventually;
using test::numbered;
using test::records_in;
using test::TemporaryDirectory;

// Invariant 1, at compile time: nobody but the log makes a proof.
static_assert(!std::is_default_constructible_v<Recorded>);
static_assert(!std::is_constructible_v<Recorded, std::uint64_t>);

std::unique_ptr<AuditLog> open(const fs::path& directory, Disk& disk, Bell& bell,
                               std::uint64_t segment_bytes_max = 1 << 20) {
  auto log =
      AuditLog::open({directory, segment_bytes_max, 4096, std::chrono::milliseconds(1), disk.opener()}, bell.rope());
  EXPECT_TRUE(log) << log.error().text;
  return *std::move(log);
}

TEST(AuditLog, Invariant01_ARecordIsDurableOnlyAfterItsSync) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  const auto log = open(directory.path(), disk, bell);
  disk.hold_syncs();

  const auto index = log->append(numbered(0));
  EXPECT_FALSE(log->recorded(index)) << "taken, not handed over";
  log->flush();
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  EXPECT_FALSE(log->recorded(index)) << "written, not synced";
  EXPECT_EQ(log->size(), 0U);
  EXPECT_TRUE(log->wake_when_durable(index));
  EXPECT_EQ(bell.rings(), 0);

  disk.release_syncs();
  ASSERT_TRUE(bell.rings_after(0));
  const auto proof = log->recorded(index);
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->index(), index);
  EXPECT_EQ(log->size(), 1U);
  EXPECT_FALSE(log->recorded(index + 1));
  EXPECT_FALSE(log->wake_when_durable(index)) << "it is durable already";
}

TEST(AuditLog, RecordsThatWaitTogetherShareOneSync) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  const auto log = open(directory.path(), disk, bell);
  disk.hold_syncs();
  EXPECT_EQ(log->append(numbered(0)), 0U);
  log->flush();
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  for (std::uint64_t i = 1; i <= 100; ++i) {
    EXPECT_EQ(log->append(numbered(i)), i);
    log->flush();
  }

  disk.release_syncs();
  ASSERT_TRUE(eventually([&] { return log->size() == 101; }));
  EXPECT_EQ(disk.syncs(), 2);
}

TEST(AuditLog, WhatIsNotFlushedIsNotWrittenUntilItIsOrTheLogCloses) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  auto log = open(directory.path(), disk, bell);
  const int before = disk.operations();
  log->append(numbered(0));
  log->append(numbered(1));
  EXPECT_EQ(disk.operations(), before);
  EXPECT_EQ(log->size(), 0U);
  log.reset();
  EXPECT_EQ(records_in(directory.path()), 2U);
}

TEST(AuditLog, FlushingNothingDoesNothing) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  auto log = open(directory.path(), disk, bell);
  for (int i = 0; i < 10; ++i) log->flush();
  log.reset();
  EXPECT_EQ(disk.syncs(), 0);
  EXPECT_EQ(records_in(directory.path()), 0U);
}

TEST(AuditLog, EveryAskedForRecordIsToldOnceItIsDurable) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  const auto log = open(directory.path(), disk, bell);
  disk.hold_syncs();
  log->append(numbered(0));
  log->flush();
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  log->append(numbered(1));
  log->flush();
  ASSERT_TRUE(log->wake_when_durable(1));
  ASSERT_TRUE(log->wake_when_durable(0));

  disk.allow_syncs(1);
  ASSERT_TRUE(bell.rings_after(0)) << "for record 0";
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  const int before = bell.rings();
  disk.release_syncs();
  ASSERT_TRUE(eventually([&] { return log->size() == 2; }));
  EXPECT_TRUE(eventually([&] { return bell.rings() > before; }, std::chrono::seconds(2)))
      << "for record 1, which was asked for too";
}

// audit_log.h: "If it is already, nothing is asked".
TEST(AuditLog, AskingForADurableRecordDoesNotSpendTheWakeUpOfALaterOne) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  const auto log = open(directory.path(), disk, bell);
  log->append(numbered(0));
  log->flush();
  ASSERT_TRUE(eventually([&] { return log->size() == 1; }));
  EXPECT_FALSE(log->wake_when_durable(0));

  disk.hold_syncs();
  log->append(numbered(1));
  log->flush();
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  log->append(numbered(2));
  log->flush();
  ASSERT_TRUE(log->wake_when_durable(2));
  disk.allow_syncs(1);
  ASSERT_TRUE(eventually([&] { return log->size() == 2 && disk.a_sync_waits(); }));
  const int before = bell.rings();
  disk.release_syncs();
  ASSERT_TRUE(eventually([&] { return log->size() == 3; }));
  EXPECT_TRUE(eventually([&] { return bell.rings() > before; }, std::chrono::seconds(2)))
      << "record 2 became durable and nobody was told";
}

// A disk without cost, so that the two threads meet at every point.
class NoSegment final : public Segment {
 public:
  Result<void> write_at(std::uint64_t /*offset*/, std::string_view /*bytes*/) override { return {}; }
  Result<void> sync() override { return {}; }
  Result<void> truncate(std::uint64_t /*size*/) override { return {}; }
};

// As the pipeline does it: ask, wait, look, ask again.  A lost wake-up would be a request that hangs.
TEST(AuditLog, Invariant01_NoWakeUpIsEverLost) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const TemporaryDirectory directory;
  Bell bell;
  AuditOptions options{directory.path()};
  options.preallocate_bytes = 0;
  options.open_segment = [](const fs::path&) -> Result<std::unique_ptr<Segment>> {
    return std::unique_ptr<Segment>(std::make_unique<NoSegment>());
  };
  const auto log = AuditLog::open(options, bell.rope());
  ASSERT_TRUE(log);
  std::uint64_t last = 0;
  for (int round = 0; round < 20000; ++round) {
    for (auto count = 1 + random() % 3; count-- > 0;) {
      last = (*log)->append(numbered(last));
      if (random() % 2 == 0) (*log)->flush();
    }
    (*log)->flush();
    if (random() % 3 == 0) continue;
    int heard = bell.rings();
    while ((*log)->wake_when_durable(last)) {
      ASSERT_TRUE(bell.rings_after(heard))
          << "record " << last << " of " << (*log)->size() << " durable: nobody was woken";
      heard = bell.rings();
    }
    ASSERT_TRUE((*log)->recorded(last));
  }
}

TEST(AuditLog, ASegmentThatIsFullIsFollowedByAnotherNamedForItsFirstRecord) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  for (std::uint64_t start = 0; start < 60; start += 20) {  // closed and opened twice on the way
    auto log = open(directory.path(), disk, bell, 300);
    EXPECT_EQ(log->size(), start);
    for (std::uint64_t i = start; i < start + 20; ++i) {
      EXPECT_EQ(log->append(numbered(i)), i);
      log->flush();
      ASSERT_TRUE(eventually([&] { return log->size() == i + 1; }));
    }
    log.reset();
    EXPECT_EQ(records_in(directory.path()), start + 20);
  }
  int segments = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    ++segments;
    EXPECT_LE(entry.file_size(), 300U) << entry.path();
    EXPECT_EQ(entry.path().filename().string().size(), 26U) << "20 digits and .jsonl, so that names sort as numbers";
  }
  EXPECT_GT(segments, 10);
}

TEST(AuditLog, ABatchLargerThanASegmentIsKeptAndTheLogOpensAgain) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  {
    const auto log = open(directory.path(), disk, bell, 500);
    for (std::uint64_t i = 0; i < 200; ++i) log->append(numbered(i));
    log->flush();
    ASSERT_TRUE(eventually([&] { return log->size() == 200; }));
  }
  EXPECT_EQ(records_in(directory.path()), 200U);
  const auto again =
      AuditLog::open({directory.path(), 500, 4096, std::chrono::milliseconds(1), disk.opener()}, bell.rope());
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ((*again)->size(), 200U);
}

TEST(AuditLog, ItsFilesAreTheDaemonsAlone) {
  const TemporaryDirectory directory;
  Bell bell;
  {
    const auto log = AuditLog::open({directory.path() / "a/b"}, bell.rope());
    ASSERT_TRUE(log);
  }
  struct stat status {};
  ASSERT_EQ(::stat((directory / "a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_EQ(::stat((directory / "a/b/00000000000000000000.jsonl").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(AuditLog, ADirectoryThatCannotBeUsedIsRefusedInWords) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << "x";
  const auto refused = AuditLog::open({directory.path() / "file"}, [] {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find(directory / "file"), std::string::npos);

  fs::create_directory(directory / "strange");
  std::ofstream(directory / "strange/notes.jsonl") << "x\n";
  const auto strange = AuditLog::open({directory.path() / "strange"}, [] {});
  ASSERT_FALSE(strange);
  EXPECT_NE(strange.error().text.find("notes.jsonl"), std::string::npos);
  EXPECT_EQ(test::slurp(directory / "strange/notes.jsonl"), "x\n");
}

TEST(AuditLog, ALinkInThePlaceOfASegmentIsNotFollowed) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "audit");
  std::ofstream(directory / "victim") << "precious\ntail";
  fs::create_symlink(directory / "victim", directory / "audit/00000000000000000000.jsonl");
  EXPECT_FALSE(AuditLog::open({directory.path() / "audit"}, [] {}));
  EXPECT_EQ(test::slurp(directory / "victim"), "precious\ntail");
}

}  // namespace
}  // namespace signer::audit
