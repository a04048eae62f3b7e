// SPDX-License-Identifier: Apache-2.0
//
// What a crash, or somebody, leaves behind, and what the log makes of it.  Without these a torn line could swallow the
// next record, a record that a released token relies on could be cut, or a log that was changed could be signed anew.
#include "audit/recovery.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/support/disk.h"
#include "tests/support/temporary_directory.h"
#include "tlog/checkpoint.h"

namespace signer::audit {
namespace {

namespace fs = std::filesystem;
using test::eventually;
using test::lines_in;
using test::numbered;
using test::records_in;
using test::slurp;
using test::TemporaryDirectory;

constexpr const char* kFirst = "00000000000000000000.jsonl";

AuditOptions options(const fs::path& directory, std::uint64_t preallocate = 512) {
  AuditOptions made{directory};
  made.preallocate_bytes = preallocate;
  made.origin = "here/signer/1";
  return made;
}

void put(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// A log of `count` numbered records, closed; `each` records a segment.
void make_log(const fs::path& directory, std::uint64_t count, std::uint64_t each = 1000) {
  AuditOptions made = options(directory);
  for (std::uint64_t i = 0; i < count; ++i) {
    made.segment_bytes_max = i % each == 0 ? 1 : 1 << 20;  // the next record begins a segment, or does not
    const auto log = AuditLog::open(made, [] {});
    ASSERT_TRUE(log) << log.error().text;
    (*log)->append(numbered(i));
  }
}

std::vector<std::string> segments_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".jsonl") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A note as far as the log looks at it: whether its signature is good is for whoever has the key.
void put_checkpoint(const fs::path& directory, std::uint64_t size, const std::string& origin = "here/signer/1") {
  tlog::Frontier tree;
  for (const std::string& line : lines_in(directory)) {
    if (tree.size() < size) tree.append(tlog::leaf_hash(line));
  }
  const auto text = tlog::to_text(tlog::Checkpoint{origin, size, tree.root(), {}});
  ASSERT_TRUE(text);
  put(directory / "checkpoint", *text + "\n\xE2\x80\x94 " + origin + " AAAAAAA=\n");
}

// Opens the log, expects `kept` numbered records, adds one, closes it and expects exactly one more.
void expect_recovers(const fs::path& directory, std::uint64_t kept, const std::string& what) {
  {
    const auto log = AuditLog::open(options(directory), [] {});
    ASSERT_TRUE(log) << what << ": " << log.error().text;
    const std::uint64_t before = (*log)->size();
    ASSERT_TRUE(before == 0 || (*log)->recorded(before - 1)) << what;
    ASSERT_FALSE((*log)->recorded(before)) << what;
    const std::uint64_t index = (*log)->append(numbered(kept));
    ASSERT_TRUE(index >= before && index <= before + 3) << what << ": at most two segments and what was set aside";
    (*log)->flush();
    ASSERT_TRUE(eventually([&] { return (*log)->size() == index + 1; })) << what;
  }
  ASSERT_EQ(records_in(directory), kept + 1) << what;
}

// Opens the log, expects a refusal with these words, and nothing changed.
void expect_refused(const fs::path& directory, const std::string& words, const std::string& what) {
  std::map<std::string, std::string> before;
  for (const auto& entry : fs::directory_iterator(directory)) before[entry.path()] = slurp(entry.path());
  const auto log = AuditLog::open(options(directory), [] {});
  ASSERT_FALSE(log) << what;
  EXPECT_NE(log.error().text.find(words), std::string::npos) << what << ": " << log.error().text;
  EXPECT_NE(log.error().text.find("nothing was changed"), std::string::npos) << log.error().text;
  for (const auto& entry : fs::directory_iterator(directory)) {
    EXPECT_EQ(before[entry.path()], slurp(entry.path())) << what << ": " << entry.path();
  }
}

TEST(AuditRecovery, Invariant01_ACutAtAnyByteKeepsEveryWholeRecordAndSetsTheTornOneAside) {
  const TemporaryDirectory model;
  make_log(model.path(), 2);
  const std::string whole = slurp(model / kFirst);
  for (const std::size_t zeroes : {0UL, 100UL}) {  // with and without the zeroed blocks behind
    // Each byte of the last line and of the end of the one before; each cut costs two syncs of a disk.
    const std::size_t fine = whole.rfind('\n', whole.size() - 2) - 20;
    for (std::size_t cut = 0; cut <= whole.size(); cut += cut < fine || zeroes > 0 ? 11 : 1) {
      const TemporaryDirectory directory;
      const std::string left = whole.substr(0, cut);
      put(directory / kFirst, left + std::string(zeroes, '\0'));
      const auto lines = static_cast<std::uint64_t>(std::count(left.begin(), left.end(), '\n'));
      expect_recovers(directory.path(), lines == 0 ? 0 : lines - 1,
                      "cut at " + std::to_string(cut) + ", zeroes " + std::to_string(zeroes));
      if (HasFatalFailure()) return;
      const std::size_t end = left.rfind('\n');
      const std::string torn = left.substr(end == std::string::npos ? 0 : end + 1);
      const std::string kept = directory / (segment_name(lines).substr(0, 20) + ".torn");
      ASSERT_EQ(fs::exists(kept), !torn.empty()) << cut;
      if (!torn.empty()) {
        ASSERT_EQ(slurp(kept), torn) << cut;
      }
    }
  }
}

// Power that failed in a write of several blocks: what is behind the hole was never confirmed, and is set aside.
TEST(AuditRecovery, WhatStandsBehindAHoleIsSetAsideAndSaid) {
  const TemporaryDirectory model;
  make_log(model.path(), 5);
  const std::string whole = slurp(model / kFirst);
  const auto line_end = [&whole](int lines) {
    std::size_t at = 0;
    while (lines-- > 0) at = whole.find('\n', at) + 1;
    return at;
  };
  const std::pair<std::uint64_t, std::string> cases[] = {
      {2, whole.substr(0, line_end(3)) + std::string(300, '\0') + whole.substr(line_end(4)) + std::string(50, '\0')},
      {2, whole.substr(0, line_end(3)) + "{\"index\":3" + std::string(5, '\0') + "}\n" + whole.substr(line_end(4))},
      {0, std::string(100, '\0') + whole.substr(line_end(2))}};
  for (const auto& [kept, content] : cases) {
    const TemporaryDirectory directory;
    put(directory / kFirst, content);
    {
      const auto log = AuditLog::open(options(directory.path()), [] {});
      ASSERT_TRUE(log) << log.error().text;
      ASSERT_TRUE((*log)->torn()) << kept;
      EXPECT_EQ((*log)->torn()->index, kept == 0 ? 0 : kept + 1);
      const std::string& aside = (*log)->torn()->content;
      EXPECT_NE(content.find(aside), std::string::npos) << "byte for byte";
      EXPECT_NE(aside.find("\"req\":\"r4\""), std::string::npos) << "all of it";
    }
    expect_recovers(directory.path(), kept, "kept " + std::to_string(kept));
  }
}

TEST(AuditRecovery, WhatWasSetAsideBeforeIsNotOverwritten) {
  const TemporaryDirectory directory;
  make_log(directory.path(), 1);
  const std::string whole = slurp(directory / kFirst);
  for (const char* torn : {"first", "second", "third"}) {
    put(directory / kFirst, whole + torn);
    {
      const auto log = AuditLog::open(options(directory.path()), [] {});
      ASSERT_TRUE(log) << log.error().text;
    }
    const jose::Json said = jose::parse_json(lines_in(directory.path()).back()).value();
    EXPECT_EQ(said["event"], "recovered") << "whatever becomes of this start";
    EXPECT_EQ(said["bytes"], std::string(torn).size());
    EXPECT_EQ(said["tail_sha256"], jose::base64url_encode(jose::sha256(bytes_of(std::string(torn)))));
    fs::remove(directory / segment_name(2));  // begun for that record: the first one is of 1970
  }
  EXPECT_EQ(slurp(directory / "00000000000000000002.torn"), "first");
  EXPECT_EQ(slurp(directory / "00000000000000000002.2.torn"), "second");
  EXPECT_EQ(slurp(directory / "00000000000000000002.3.torn"), "third");
}

// A log with a record on disk, which tries again soon what failed; null if it cannot be had.
std::unique_ptr<AuditLog> log_with_a_record(const fs::path& directory) {
  AuditOptions impatient = options(directory);
  impatient.retry_every = std::chrono::milliseconds(5);
  auto log = AuditLog::open(std::move(impatient), [] {});
  if (!log) return nullptr;
  (*log)->append(numbered(0));
  (*log)->flush();
  if (!eventually([&] { return (*log)->size() == 2; })) return nullptr;
  return *std::move(log);
}

TEST(AuditRecovery, ASegmentThatIsDeletedStopsTheLog) {
  const TemporaryDirectory directory;
  const auto log = log_with_a_record(directory.path());
  ASSERT_TRUE(log);
  std::filesystem::remove_all(directory.path());
  const std::uint64_t lost = log->append(numbered(1));
  log->flush();
  EXPECT_TRUE(eventually([&] { return !log->healthy(); }));
  EXPECT_FALSE(log->recorded(lost));
  EXPECT_NE(log->failure().find("was deleted"), std::string::npos) << log->failure();
}

TEST(AuditRecovery, ASegmentThatIsMovedAwayStopsTheLogAsOneInItsPlaceDoes) {
  for (const bool another : {false, true}) {
    const TemporaryDirectory directory;
    auto log = log_with_a_record(directory.path());
    ASSERT_TRUE(log);
    fs::rename(directory / kFirst, directory / "elsewhere");
    if (another) fs::copy_file(directory / "elsewhere", directory / kFirst);
    log->append(numbered(1));
    log->flush();
    EXPECT_TRUE(eventually([&] { return !log->healthy(); }));
    EXPECT_NE(log->failure().find("moved"), std::string::npos) << log->failure();
  }
}

TEST(AuditRecovery, ASegmentThatIsCutShortStopsTheLogAndIsNotMadeLongAgain) {
  for (const bool to_nothing : {true, false}) {
    const TemporaryDirectory directory;
    auto log = log_with_a_record(directory.path());
    ASSERT_TRUE(log);
    const std::string records = slurp(directory / kFirst);
    const std::size_t size = to_nothing ? 0 : records.find_last_not_of('\0');
    fs::resize_file(directory / kFirst, size);  // logrotate's copytruncate, say

    const std::uint64_t lost = log->append(numbered(1));
    log->flush();
    EXPECT_TRUE(eventually([&] { return !log->healthy(); }));
    EXPECT_FALSE(log->recorded(lost));
    EXPECT_NE(log->failure().find("cut short"), std::string::npos) << log->failure();
    log.reset();
    EXPECT_EQ(fs::file_size(directory / kFirst), size) << "a hole would hide what was lost";
  }
}

TEST(AuditRecovery, WhatIsNoFileOrTooLargeIsRefusedAndNotRead) {
  const auto refused = [](const std::string& name, const std::function<void(const fs::path&)>& make) {
    const TemporaryDirectory directory;
    make_log(directory.path(), 2);
    make(directory / name);
    const auto log = AuditLog::open(options(directory.path()), [] {});
    ASSERT_FALSE(log) << name;
    EXPECT_NE(log.error().text.find(name), std::string::npos) << log.error().text;
  };
  const char* next = "00000000000000000003.jsonl";
  refused(next, [](const fs::path& path) { fs::create_symlink("/dev/zero", path); });
  refused(next, [](const fs::path& path) {
    put(path, "");
    fs::resize_file(path, 3ULL << 30U);
  });
  refused("checkpoint", [](const fs::path& path) { put(path, ""); });
  refused("checkpoint", [](const fs::path& path) { fs::create_directory(path); });
  refused("checkpoint", [](const fs::path& path) { fs::create_symlink("/dev/zero", path); });
}

TEST(AuditRecovery, ASegmentThatWasBegunAndNeverWrittenGoesOnFromItsName) {
  for (const std::string& left : {std::string(), std::string(4096, '\0'), std::string("{\"event\":\"seg")}) {
    for (const bool checkpoint : {false, true}) {
      const TemporaryDirectory directory;
      make_log(directory.path(), 5);
      if (checkpoint) put_checkpoint(directory.path(), 6);
      put(directory / "00000000000000000006.jsonl", left);
      expect_recovers(directory.path(), 5, "left " + std::to_string(left.size()));
    }
  }
}

TEST(AuditRecovery, OnlyTheLastSegmentIsTouched) {
  const TemporaryDirectory directory;
  make_log(directory.path(), 8, 4);
  const auto names = segments_in(directory.path());
  ASSERT_EQ(names.size(), 2U);
  const std::string first = slurp(directory / names[0]);
  std::ofstream(directory / names[1], std::ios::app) << "{\"torn";
  expect_recovers(directory.path(), 8, "two segments");
  EXPECT_EQ(slurp(directory / names[0]), first);
}

TEST(AuditRecovery, ACrashWhileTheLogIsOpenLosesNothingThatWasDurable) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "live");
  const auto log = AuditLog::open(options(directory.path() / "live", 4096), [] {});
  ASSERT_TRUE(log);
  for (std::uint64_t i = 0; i < 10; ++i) {
    (*log)->append(numbered(i));
    (*log)->flush();
    ASSERT_TRUE(eventually([&] { return (*log)->size() == i + 2; }));
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
    ASSERT_TRUE(eventually([&] { return (*log)->size() == 2; }));
    EXPECT_GE(fs::file_size(directory / kFirst), 1U << 20);
  }
  EXPECT_EQ(slurp(directory / kFirst).find('\0'), std::string::npos);
  EXPECT_EQ(lines_in(directory.path()).size(), 2U);
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

TEST(AuditRecovery, GoesOnBehindACheckpointAtEverySize) {
  for (std::uint64_t size = 1; size <= 12; ++size) {
    const TemporaryDirectory directory;
    make_log(directory.path(), 9, 3);  // 12 lines in three segments
    ASSERT_EQ(segments_in(directory.path()).size(), 3U);
    put_checkpoint(directory.path(), size);
    expect_recovers(directory.path(), 9, "checkpoint of " + std::to_string(size));
  }
}

// A checkpoint binds: a log that is not the one it was made of is not gone on with, and so not signed anew.
TEST(AuditRecovery, ALogThatIsShorterThanItsCheckpointIsRefused) {
  const TemporaryDirectory model;
  make_log(model.path(), 5);
  const std::string whole = slurp(model / kFirst);
  for (std::uint64_t size = 1; size <= 6; ++size) {
    const TemporaryDirectory directory;
    put(directory / kFirst, whole);
    put_checkpoint(directory.path(), size);
    std::size_t at = 0;  // one line fewer than the checkpoint's
    for (std::uint64_t line = 1; line < size; ++line) at = whole.find('\n', at) + 1;
    put(directory / kFirst, whole.substr(0, at));
    expect_refused(directory.path(), "cut off", "size " + std::to_string(size));
  }
  const TemporaryDirectory emptied;
  put(emptied / kFirst, whole);
  put_checkpoint(emptied.path(), 6);
  fs::remove(emptied / kFirst);
  expect_refused(emptied.path(), "cut off", "no segment");
}

TEST(AuditRecovery, EveryByteThatIsChangedBeforeTheCheckpointIsNoticed) {
  const TemporaryDirectory directory;
  make_log(directory.path(), 4, 2);
  put_checkpoint(directory.path(), 4);
  const auto names = segments_in(directory.path());
  ASSERT_EQ(names.size(), 2U);
  put_checkpoint(directory.path(), 6);
  const std::string whole = slurp(directory / names[1]);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put(directory / names[1], changed);
    const auto log = AuditLog::open(options(directory.path()), [] {});
    ASSERT_FALSE(log) << "byte " << at;
    put(directory / names[1], whole);
  }
  expect_recovers(directory.path(), 4, "unchanged");
}

TEST(AuditRecovery, RecordsThatAreMovedDoubledOrTakenOutAreRefused) {
  const TemporaryDirectory model;
  make_log(model.path(), 5);
  std::vector<std::string> lines = lines_in(model.path());
  const auto text = [](const std::vector<std::string>& parts) {
    std::string joined;
    for (const std::string& part : parts) joined += part + "\n";
    return joined;
  };
  const auto refused = [&](const std::vector<std::string>& parts, const std::string& what) {
    const TemporaryDirectory directory;
    put(directory / kFirst, text(parts));
    expect_refused(directory.path(), "", what);
  };
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    auto moved = lines;
    std::swap(moved[i], moved[i + 1]);
    refused(moved, "swapped " + std::to_string(i));
    auto fewer = lines;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    refused(fewer, "without " + std::to_string(i));
    auto more = lines;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
    refused(more, "twice " + std::to_string(i));
  }
}

// It would be signed for ever, and no checker would take the log for whole again.
TEST(AuditRecovery, ALinkedLineThatIsNoRecordIsRefused) {
  const TemporaryDirectory directory;
  make_log(directory.path(), 3);
  const std::vector<std::string> lines = lines_in(directory.path());
  const std::string linked = "\"index\":" + std::to_string(lines.size()) + " \"prev\":\"" +
                             tlog::to_base64(tlog::leaf_hash(lines.back())) + '"';
  std::ofstream(directory / kFirst, std::ios::binary | std::ios::app) << "no record " << linked << '\n';
  expect_refused(directory.path(), "", "a line that is no record");
}

TEST(AuditRecovery, SegmentsThatAreMissingOrOfAnotherLogAreRefused) {
  const auto three = [](const fs::path& directory) {
    make_log(directory, 9, 3);
    put_checkpoint(directory, 2);
    return segments_in(directory);
  };
  {
    const TemporaryDirectory directory;
    const auto names = three(directory.path());
    fs::remove(directory / names[1]);
    expect_refused(directory.path(), "missing", "the second");
  }
  {
    const TemporaryDirectory directory;
    const auto names = three(directory.path());
    fs::remove(directory / names[0]);
    expect_refused(directory.path(), "missing", "the first, in which the checkpoint ends");
  }
  {
    const TemporaryDirectory directory;
    three(directory.path());
    put_checkpoint(directory.path(), 2, "elsewhere/signer/2");
    expect_refused(directory.path(), "another log's", "the checkpoint of another log");
  }
  {
    const TemporaryDirectory directory;
    three(directory.path());
    put(directory / "checkpoint", "no note");
    expect_refused(directory.path(), "no checkpoint", "garbage");
  }
}

TEST(AuditRecovery, ALogOfAnEarlierVersionIsRefused) {
  const TemporaryDirectory directory;
  put(directory / kFirst, "{\"event\":\"start\",\"index\":0,\"time\":\"2026-11-23T19:14:52.781672Z\",\"v\":1}\n");
  expect_refused(directory.path(), "earlier version", "v1");
}

}  // namespace
}  // namespace signer::audit
