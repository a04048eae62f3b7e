// SPDX-License-Identifier: Apache-2.0
//
// The audit log: records in, proof of durability out.  One thread writes; records that wait together become durable
// together (group commit).  Format: docs/audit-format.md.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "audit/record.h"
#include "audit/segment.h"

namespace signer::audit {

class AuditLog;

// Proof that a record is on disk.  Only AuditLog can make one, so a reply that needs one cannot be sent without it
// (invariant 1).
class Recorded {
 public:
  [[nodiscard]] std::uint64_t index() const noexcept { return index_; }

 private:
  friend class AuditLog;

  explicit Recorded(std::uint64_t index) : index_(index) {}

  std::uint64_t index_;
};

struct AuditOptions {
  std::filesystem::path directory;
  std::uint64_t segment_bytes_max = 64ULL * 1024 * 1024;
  std::uint64_t preallocate_bytes = 1024ULL * 1024;
  std::chrono::milliseconds retry_every{500};  // after a failed write, while records wait
  OpenSegment open_segment = open_segment_file;
};

// append, flush, recorded, healthy and when_durable belong to one thread, the event loop; the writer is a thread of its
// own.
class AuditLog {
 public:
  // Opens or starts the log: finds the last whole record, cuts what a crash left behind it, goes on from there.
  // `wake` is called from the writer's thread when records became durable that someone waits for, or the log failed or
  // recovered; it must not block.  kInternal with what to do if the directory cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<AuditLog>> open(AuditOptions options, std::function<void()> wake);

  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Writes what waits, cuts the zeroed tail, stops the writer.
  ~AuditLog();

  // Takes a record for writing and returns its index.  It is handed to the writer by the next flush().
  std::uint64_t append(const Record& record);

  // Hands the records taken so far to the writer.
  void flush();

  // As flush(), unless the record is with the writer already.
  void flush(std::uint64_t index) {
    if (index >= flushed_end_) flush();
  }

  // The proof, once the record is durable.
  [[nodiscard]] std::optional<Recorded> recorded(std::uint64_t index) const;

  // Asks for `wake` once `index` is durable; `wake` may also come for records before it.  False if it is durable
  // already.
  [[nodiscard]] bool wake_when_durable(std::uint64_t index);

  // False while records cannot be written: sign nothing.  `failure()` then says why.
  [[nodiscard]] bool healthy() const noexcept { return !failing_.load(std::memory_order_acquire); }

  [[nodiscard]] std::string failure() const;

  // Records durable so far.
  [[nodiscard]] std::uint64_t size() const noexcept { return durable_.load(std::memory_order_acquire); }

 private:
  AuditLog(AuditOptions options, std::function<void()> wake);

  Result<void> recover();
  void run();
  Result<void> write_batch(const std::string& batch, std::uint64_t first_index);
  Result<void> start_segment(std::uint64_t first_index);
  Result<void> zero_ahead(std::uint64_t needed);

  AuditOptions options_;
  std::function<void()> wake_;

  // The event loop's.
  std::string pending_;
  std::uint64_t next_index_ = 0;
  std::uint64_t flushed_end_ = 0;  // index after the last record given to the writer

  // Between the two threads.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string handed_;            // lines given to the writer and not yet taken
  std::uint64_t handed_end_ = 0;  // index after the last of them
  std::string failure_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> asked_end_{0};  // index after the last record that somebody asked about
  std::atomic<bool> failing_{false};

  // The writer's.
  std::unique_ptr<Segment> segment_;
  std::uint64_t segment_size_ = 0;    // bytes of records
  std::uint64_t segment_zeroed_ = 0;  // bytes that exist in the file

  std::jthread writer_;  // last: starts when all else is there
};

}  // namespace signer::audit
