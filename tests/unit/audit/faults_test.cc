// SPDX-License-Identifier: Apache-2.0
//
// A disk that fails under the audit log, at every operation in turn.  Without these a full disk could release tokens
// without records, or stop signing for good.
#include <gtest/gtest.h>

#include "tests/support/disk.h"
#include "tests/support/temporary_directory.h"

namespace signer::audit {
namespace {

using test::Bell;
using test::Disk;
using test::eventually;
using test::numbered;
using test::records_in;
using test::TemporaryDirectory;

constexpr std::uint64_t kRecords = 12;

AuditOptions options(const std::filesystem::path& directory, Disk& disk) {
  return {directory, 4700, 100, std::chrono::milliseconds(1), disk.opener()};  // some records a segment
}

// What must hold when the disk has failed: no proof without a sync, an alarm, and a reason.
void expect_unhealthy(const AuditLog& log, const Disk& disk, Bell& bell, int rings_before) {
  ASSERT_TRUE(eventually([&] { return !log.healthy(); }));
  ASSERT_TRUE(bell.rings_after(rings_before)) << "nobody was told that signing must stop";
  EXPECT_NE(log.failure().find("EIO"), std::string::npos);
  EXPECT_LE(log.size(), disk.synced_lines());
  for (std::uint64_t index = log.size(); index < kRecords; ++index) EXPECT_FALSE(log.recorded(index));
}

// Appends record by record; the disk fails for good at the Nth operation and works again once that was noticed.
// False if there are fewer than N operations.
bool survives_failure_at(int number) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  bool failed = false;
  {
    auto log = AuditLog::open(options(directory.path(), disk), bell.rope());
    EXPECT_TRUE(log);
    disk.fail_from(number);
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      const int rings = bell.rings();
      const std::uint64_t index = (*log)->append(numbered(i));
      (*log)->flush();
      EXPECT_TRUE(eventually([&] { return (*log)->size() == index + 1 || disk.has_failed(); }));
      if (disk.has_failed() && !failed) {
        failed = true;
        expect_unhealthy(**log, disk, bell, rings);
        disk.heal();
      }
      EXPECT_TRUE(eventually([&] { return (*log)->size() == index + 1; }))
          << "record " << i << " after the failure of operation " << number;
      EXPECT_TRUE(eventually([&] { return (*log)->healthy(); }));
    }
    disk.heal();
  }
  EXPECT_EQ(records_in(directory.path()), kRecords) << "after the failure of operation " << number;
  return failed;
}

TEST(AuditFaults, Invariant01_AFailureOfAnyOperationStopsProofsAndLosesAndDoublesNothing) {
  int number = 1;
  while (number < 1000 && survives_failure_at(number) && !::testing::Test::HasFailure()) ++number;
  EXPECT_GT(number, 2 * static_cast<int>(kRecords)) << "each record needs a write and a sync at least";
}

TEST(AuditFaults, Invariant01_RecordsTakenWhileTheDiskFailsAreKeptAndBecomeDurableInOrder) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  {
    const auto log = AuditLog::open(options(directory.path(), disk), bell.rope());
    ASSERT_TRUE(log);
    disk.fail_from(1);
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      last = (*log)->append(numbered(i));
      (*log)->flush();
    }
    ASSERT_TRUE((*log)->wake_when_durable(last));
    expect_unhealthy(**log, disk, bell, 0);
    EXPECT_EQ((*log)->size(), 0U);
    const int rings = bell.rings();
    disk.heal();
    ASSERT_TRUE(bell.rings_after(rings)) << "nobody was told that signing may go on";
    ASSERT_TRUE(eventually([&] { return (*log)->size() == last + 1; }));
    EXPECT_TRUE((*log)->healthy());
  }
  EXPECT_EQ(records_in(directory.path()), kRecords);
}

TEST(AuditFaults, TheAlarmRingsOnceHoweverOftenTheDiskIsTried) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  const auto log = AuditLog::open(options(directory.path(), disk), bell.rope());
  ASSERT_TRUE(log);
  disk.fail_from(1);
  (*log)->append(numbered(0));
  (*log)->flush();
  const int tried = disk.operations();
  ASSERT_TRUE(eventually([&] { return disk.operations() > tried + 20; }));
  EXPECT_EQ(bell.rings(), 1);
}

TEST(AuditFaults, ALogThatClosesWhileTheDiskFailsEndsAndLeavesWhatWasDurable) {
  const TemporaryDirectory directory;
  Disk disk;
  Bell bell;
  {
    const auto log = AuditLog::open(options(directory.path(), disk), bell.rope());
    ASSERT_TRUE(log);
    (*log)->append(numbered(0));
    (*log)->flush();
    ASSERT_TRUE(eventually([&] { return (*log)->size() == 2; }));
    disk.fail_from(1);
    (*log)->append(numbered(1));
    (*log)->flush();
    ASSERT_TRUE(eventually([&] { return !(*log)->healthy(); }));
  }
  disk.heal();
  const auto again = AuditLog::open(options(directory.path(), disk), bell.rope());
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_GE((*again)->size(), 2U);
  EXPECT_EQ(test::lines_in(directory.path()).size(), (*again)->size());
}

TEST(AuditFaults, ADiskThatFailsFromTheStartIsAFailureToOpen) {
  for (int number = 1; number <= 3; ++number) {
    const TemporaryDirectory directory;
    Disk disk;
    Bell bell;
    {
      const auto log = AuditLog::open(options(directory.path(), disk), bell.rope());
      ASSERT_TRUE(log);
      (*log)->append(numbered(0));
    }
    std::ofstream(directory / "00000000000000000000.jsonl", std::ios::app) << "{\"torn";
    disk.fail_from(number);
    const auto log = AuditLog::open(options(directory.path(), disk), bell.rope());
    EXPECT_EQ(log.has_value(), number == 3) << number;  // open and truncate; the third operation is the first record's
    disk.heal();
  }
}

}  // namespace
}  // namespace signer::audit
