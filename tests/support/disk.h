// SPDX-License-Identifier: Apache-2.0
//
// A disk under the audit log that fails when told, waits when told and knows what it was made to keep.  The bytes are
// in real files, so that a second log can be opened on them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "audit/audit_log.h"
#include "audit/line.h"
#include "jose/json.h"
#include "tests/support/eventually.h"

namespace signer::test {

class Disk {
 public:
  // From the `number`-th operation on (1 is the next) every operation fails, until heal().
  void fail_from(int number) {
    const std::lock_guard lock(mutex_);
    fail_from_ = operations_ + number;
  }

  void heal() {
    const std::lock_guard lock(mutex_);
    fail_from_ = 0;
  }

  // Syncs wait until allowed.
  void hold_syncs() {
    const std::lock_guard lock(mutex_);
    held_ = true;
    allowed_ = 0;
  }

  void allow_syncs(int count) {
    {
      const std::lock_guard lock(mutex_);
      allowed_ += count;
    }
    changed_.notify_all();
  }

  void release_syncs() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }

  [[nodiscard]] bool a_sync_waits() const {
    const std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }

  [[nodiscard]] int operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
  }

  [[nodiscard]] int syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

  [[nodiscard]] bool has_failed() const {
    const std::lock_guard lock(mutex_);
    return failures_ > 0;
  }

  // Lines that syncs have covered: no more records than these may be called durable.
  [[nodiscard]] std::uint64_t synced_lines() const {
    const std::lock_guard lock(mutex_);
    return synced_lines_;
  }

  [[nodiscard]] audit::OpenSegment opener() {
    return [this](const std::filesystem::path& path) -> Result<std::unique_ptr<audit::Segment>> {
      if (!proceed()) return fail(ErrorCode::kInternal, "audit: open: EIO");
      SIGNER_ASSIGN_OR_RETURN(auto file, audit::open_segment_file(path));
      return std::unique_ptr<audit::Segment>(std::make_unique<FaultySegment>(*this, std::move(file)));
    };
  }

 private:
  class FaultySegment final : public audit::Segment {
   public:
    FaultySegment(Disk& disk, std::unique_ptr<audit::Segment> file) : disk_(disk), file_(std::move(file)) {}

    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      if (!disk_.proceed()) {
        (void)file_->write_at(offset, bytes.substr(0, bytes.size() / 2));  // a torn write
        return fail(ErrorCode::kInternal, "audit: write: EIO");
      }
      written_lines_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
      return file_->write_at(offset, bytes);
    }

    Result<void> sync() override {
      if (!disk_.proceed()) {
        written_lines_ = 0;  // the same batch is written again
        return fail(ErrorCode::kInternal, "audit: fdatasync: EIO");
      }
      disk_.wait_for_leave();
      disk_.synced(std::exchange(written_lines_, 0));
      return {};
    }

    Result<void> truncate(std::uint64_t size) override {
      if (!disk_.proceed()) return fail(ErrorCode::kInternal, "audit: truncate: EIO");
      return file_->truncate(size);
    }

   private:
    Disk& disk_;
    std::unique_ptr<audit::Segment> file_;
    std::uint64_t written_lines_ = 0;
  };

  bool proceed() {
    const std::lock_guard lock(mutex_);
    ++operations_;
    if (fail_from_ == 0 || operations_ < fail_from_) return true;
    ++failures_;
    return false;
  }

  void wait_for_leave() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [this] { return !held_ || allowed_ > 0; });
    if (held_) --allowed_;
    --waiting_;
  }

  void synced(std::uint64_t lines) {
    const std::lock_guard lock(mutex_);
    ++syncs_;
    synced_lines_ += lines;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int operations_ = 0;
  int fail_from_ = 0;
  int failures_ = 0;
  int syncs_ = 0;
  bool held_ = false;
  int allowed_ = 0;
  int waiting_ = 0;
  std::uint64_t synced_lines_ = 0;
};

// Counts wake-ups and waits for them.
class Bell {
 public:
  [[nodiscard]] std::function<void()> rope() {
    return [this] {
      {
        const std::lock_guard lock(mutex_);
        ++rings_;
      }
      rung_.notify_all();
    };
  }

  [[nodiscard]] int rings() const {
    const std::lock_guard lock(mutex_);
    return rings_;
  }

  // True once it has rung more often than `before`; false if it does not within 20 s.
  [[nodiscard]] bool rings_after(int before) {
    std::unique_lock lock(mutex_);
    return rung_.wait_for(lock, std::chrono::seconds(20), [&] { return rings_ > before; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable rung_;
  int rings_ = 0;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A short record whose request id tells it from the others.
inline audit::Record numbered(std::uint64_t number) {
  audit::Record record;
  record.event = audit::Event::kStop;
  record.request_id = "r" + std::to_string(number);
  return record;
}

// The lines of all segments in order; a failed test unless each segment begins with its record and is named for it, and
// each line has the index of its place and the hash of the line before it.
inline std::vector<std::string> lines_in(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> segments;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".jsonl") segments.push_back(entry.path());
  }
  std::sort(segments.begin(), segments.end());
  std::vector<std::string> lines;
  tlog::Frontier tree;
  for (const auto& segment : segments) {
    std::string content = slurp(segment);
    content.resize(std::min(content.size(), content.find('\0')));  // an open log's zeroed tail
    EXPECT_EQ(segment.filename().string(), audit::segment_name(lines.size()));
    const auto head = audit::parse_segment_head(content.substr(0, content.find('\n')));
    EXPECT_TRUE(head) << segment << ": " << head.error().text;
    EXPECT_TRUE(head && head->records == tree) << segment << ": its tree is not that of the records before it";
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t end = content.find('\n', at);
      const std::string line = content.substr(at, end - at);
      const auto parsed = jose::parse_json(line);
      EXPECT_TRUE(end != std::string::npos && parsed && (*parsed)["index"] == lines.size())
          << segment << " at byte " << at << " is not record " << lines.size() << ": " << line.substr(0, 120);
      if (!lines.empty()) {
        EXPECT_EQ(audit::prev_of(line), tlog::leaf_hash(lines.back())) << line;
      }
      tree.append(tlog::leaf_hash(line));
      lines.push_back(line);
      if (::testing::Test::HasFailure()) return lines;
      at = end + 1;
    }
  }
  return lines;
}

// The number of records that `numbered` made, or nothing (and a failed test) unless they are 0, 1, 2, ... each once.
inline std::optional<std::uint64_t> records_in(const std::filesystem::path& directory) {
  std::uint64_t next = 0;
  for (const std::string& line : lines_in(directory)) {
    const auto record = jose::parse_json(line);
    if (!record || (*record)["event"] == "segment" || (*record)["event"] == "recovered") continue;
    if ((*record)["req"] != "r" + std::to_string(next)) {
      ADD_FAILURE() << "not record " << next << ": " << line.substr(0, 120);
      return std::nullopt;
    }
    ++next;
  }
  return next;
}

}  // namespace signer::test
