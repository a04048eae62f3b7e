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

// The segment's own record is the first.
constexpr std::uint64_t kHead = 1;

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
  EXPECT_EQ(log->size(), kHead + 1);
  EXPECT_FALSE(log->recorded(index + 1));
  EXPECT_FALSE(log->wake_when_durable(index)) << "it is durable already";
}

TEST(AuditLog, RecordsThatWaitTogetherShareOneSync) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  const auto log = open(directory.path(), disk, bell);
  disk.hold_syncs();
  EXPECT_EQ(log->append(numbered(0)), kHead);
  log->flush();
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  for (std::uint64_t i = 1; i <= 100; ++i) {
    EXPECT_EQ(log->append(numbered(i)), kHead + i);
    log->flush();
  }

  disk.release_syncs();
  ASSERT_TRUE(eventually([&] { return log->size() == kHead + 101; }));
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
  ASSERT_TRUE(log->wake_when_durable(kHead + 1));
  ASSERT_TRUE(log->wake_when_durable(kHead));

  disk.allow_syncs(1);
  ASSERT_TRUE(bell.rings_after(0)) << "for record 0";
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  const int before = bell.rings();
  disk.release_syncs();
  ASSERT_TRUE(eventually([&] { return log->size() == kHead + 2; }));
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
  ASSERT_TRUE(eventually([&] { return log->size() == kHead + 1; }));
  EXPECT_FALSE(log->wake_when_durable(kHead));

  disk.hold_syncs();
  log->append(numbered(1));
  log->flush();
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  log->append(numbered(2));
  log->flush();
  ASSERT_TRUE(log->wake_when_durable(kHead + 2));
  disk.allow_syncs(1);
  ASSERT_TRUE(eventually([&] { return log->size() == kHead + 2 && disk.a_sync_waits(); }));
  const int before = bell.rings();
  disk.release_syncs();
  ASSERT_TRUE(eventually([&] { return log->size() == kHead + 3; }));
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
  constexpr std::uint64_t kBytes = 8192;
  for (std::uint64_t start = 0; start < 300; start += 100) {  // closed and opened twice on the way
    auto log = open(directory.path(), disk, bell, kBytes);
    for (std::uint64_t i = start; i < start + 100; ++i) {
      const std::uint64_t index = log->append(numbered(i));
      log->flush();
      ASSERT_TRUE(eventually([&] { return log->recorded(index).has_value(); }));
    }
    log.reset();
    EXPECT_EQ(records_in(directory.path()), start + 100);
  }
  int segments = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    ++segments;
    EXPECT_LE(entry.file_size(), kBytes) << entry.path();
    EXPECT_EQ(entry.path().filename().string().size(), 26U) << "20 digits and .jsonl, so that names sort as numbers";
  }
  EXPECT_GT(segments, 5);
}

TEST(AuditLog, ASegmentThatIsOldIsFollowedByAnotherAlsoAfterARestart) {
  const TemporaryDirectory directory;
  const auto at_hour = [](std::uint64_t number, int hour) {
    Record record = numbered(number);
    record.time = WallTime(std::chrono::hours(hour));
    return record;
  };
  std::uint64_t number = 0;
  for (const int hour : {100, 123, 124, 125, 147, 148}) {  // a day is over before 124 and before 148
    const auto log = AuditLog::open({directory.path()}, [] {});
    ASSERT_TRUE(log) << log.error().text;
    (*log)->append(at_hour(number++, hour));
  }
  EXPECT_EQ(records_in(directory.path()), 6U);
  std::size_t segments = 0;
  for (const std::string& line : test::lines_in(directory.path()))
    segments += line.find("\"event\":\"segment\"") != std::string::npos ? 1U : 0U;
  EXPECT_EQ(segments, 3U);
}

TEST(AuditLog, EachSegmentSaysTheOriginThatTheFirstOneGot) {
  const TemporaryDirectory directory;
  for (const char* origin : {"first", "second"}) {
    AuditOptions options{directory.path()};
    options.origin = origin;
    options.segment_bytes_max = 1;
    const auto log = AuditLog::open(options, [] {});
    ASSERT_TRUE(log) << log.error().text;
    EXPECT_EQ((*log)->origin(), "first");
    (*log)->append(numbered(0));
    (*log)->append(numbered(1));
  }
  for (const std::string& line : test::lines_in(directory.path())) {
    const auto head = parse_segment_head(line);
    if (head) {
      EXPECT_EQ(head->origin, "first");
    }
  }
}

// What a checkpoint is made of.
TEST(AuditLog, TheTreeIsThatOfTheDurableLines) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  {
    const auto log = open(directory.path(), disk, bell, 8192);
    for (std::uint64_t i = 0; i < 50; ++i) {
      log->append(numbered(i));
      if (i % 7 == 0) log->flush();
    }
    log->flush();
    ASSERT_TRUE(eventually([&] { return log->recorded(50).has_value(); }));
    tlog::Frontier tree;
    for (const std::string& line : test::lines_in(directory.path() / ".")) {
      if (tree.size() == log->tree().size()) break;
      tree.append(tlog::leaf_hash(line));
    }
    EXPECT_EQ(tree.size(), log->size());
    EXPECT_TRUE(tree == log->tree());
    disk.hold_syncs();
    log->append(numbered(50));
    log->flush();
    ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
    EXPECT_TRUE(tree == log->tree()) << "a record that is not durable is in the tree";
    disk.release_syncs();
  }
}

TEST(AuditLog, ACheckpointIsStoredOnceItsRecordIsDurable) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  const auto log = open(directory.path(), disk, bell);
  disk.hold_syncs();
  Record record = numbered(0);
  record.event = Event::kCheckpoint;
  record.note = "the note\n";
  bool told = false;
  log->on_record = [&](std::uint64_t, bool) { told = true; };
  log->append_checkpoint(record);
  EXPECT_FALSE(told) << "a checkpoint would be a reason for the next one";
  ASSERT_TRUE(eventually([&] { return disk.a_sync_waits(); }));
  EXPECT_FALSE(fs::exists(directory / "checkpoint"));
  disk.release_syncs();
  EXPECT_TRUE(eventually([&] { return fs::exists(directory / "checkpoint"); }));
  EXPECT_EQ(test::slurp(directory / "checkpoint"), "the note\n");
}

TEST(AuditLog, ItsFilesAreTheDaemonsAlone) {
  const TemporaryDirectory directory;
  Bell bell;
  {
    const auto log = AuditLog::open({directory.path() / "a/b"}, bell.rope());
    ASSERT_TRUE(log);
    (*log)->append(numbered(0));
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
  // One that looks like a log, and one that looks like the torn beginning of one.
  std::string whole;
  {
    const auto log = AuditLog::open({directory.path() / "model"}, [] {});
    ASSERT_TRUE(log);
    (*log)->append(numbered(0));
  }
  whole = test::slurp(directory / "model/00000000000000000000.jsonl");
  for (const std::string& precious : {whole + "tail", std::string("precious")}) {
    std::ofstream(directory / "victim", std::ios::trunc) << precious;
    fs::remove(directory / "audit/00000000000000000000.jsonl");
    fs::create_symlink(directory / "victim", directory / "audit/00000000000000000000.jsonl");
    EXPECT_FALSE(AuditLog::open({directory.path() / "audit"}, [] {}));
    EXPECT_EQ(test::slurp(directory / "victim"), precious);
  }
}

}  // namespace
}  // namespace signer::audit
