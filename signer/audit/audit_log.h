// SPDX-License-Identifier: Apache-2.0
//
// The audit log: records in, proof of durability out.  One thread writes; records that wait together become durable
// together (group commit), and are the leaves of a Merkle tree whose roots are signed elsewhere.  Format:
// docs/audit-format.md.
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
#include <vector>

#include "audit/record.h"
#include "audit/recovery.h"
#include "audit/segment.h"
#include "tlog/frontier.h"

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
  std::chrono::seconds segment_age_max{std::chrono::hours(24)};
  std::string origin = "signer";  // of a log that is begun now; an existing one keeps its own
};

// append, flush, recorded, healthy and when_durable belong to one thread, the event loop; the writer is a thread of its
// own.
class AuditLog {
 public:
  // Opens or starts the log: reads it from the last checkpoint on, keeps aside what a crash left behind the last whole
  // record and says so in a record, goes on from there.  `wake` is called from the writer's thread when records became
  // durable that someone waits for, or the log failed or recovered; it must not block.  kInternal with what to do, and
  // nothing changed, if the directory cannot be used or the log is not the one that its last checkpoint was made of.
  [[nodiscard]] static Result<std::unique_ptr<AuditLog>> open(AuditOptions options, std::function<void()> wake);

  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Writes what waits, cuts the zeroed tail, stops the writer.
  ~AuditLog();

  // Takes a record for writing and returns its index.  It is handed to the writer by the next flush().  The log adds
  // records of its own where a segment begins, so indexes may skip one.
  std::uint64_t append(const Record& record);

  // As append() and flush(), for a checkpoint's record: the writer also replaces the file `checkpoint` with its note,
  // once the record is durable.
  void append_checkpoint(const Record& record);

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

  // The tree of the records durable so far.
  [[nodiscard]] tlog::Frontier tree() const;

  [[nodiscard]] const std::string& origin() const noexcept { return origin_; }

  // The file `checkpoint` as the start found it; empty if there was none.
  [[nodiscard]] const std::string& last_checkpoint() const noexcept { return last_checkpoint_; }

  // What the start kept aside, if anything.
  [[nodiscard]] const std::optional<TornTail>& torn() const noexcept { return torn_; }

  // Called from append() when a record was taken that is not a checkpoint's, with its index and whether a segment
  // begins before it.
  std::function<void(std::uint64_t index, bool begins_segment)> on_record;

 private:
  // Lines that go into one segment.
  struct Chunk {
    std::uint64_t first_index = 0;
    std::uint64_t end = 0;  // index after the last
    bool begins_segment = false;
    WallTime time{};         // of the segment's record
    std::string lines;       // without that record, which the writer makes
    std::string checkpoint;  // note to store once they are durable, or empty
  };

  AuditLog(AuditOptions options, std::function<void()> wake);

  Result<void> take_up(Recovered recovered);
  void record_tail();
  bool begin_segment_for(const Record& record, std::size_t line_bytes);
  void run();
  bool write_until_durable(Chunk& chunk);
  Result<void> write_chunk(const Chunk& chunk, std::string_view lines);
  // Puts the hashes of the lines before into the lines and takes the lines into `tree`.
  [[nodiscard]] std::string linked(const Chunk& chunk, tlog::Frontier& tree);
  void committed(const Chunk& chunk, const tlog::Frontier& tree);
  void store_checkpoint(const std::string& note) const;
  Result<void> start_segment(std::uint64_t first_index);
  Result<void> zero_ahead(std::uint64_t needed);

  AuditOptions options_;
  std::function<void()> wake_;
  std::string origin_;
  std::string last_checkpoint_;
  std::optional<TornTail> torn_;

  // The event loop's.
  std::vector<Chunk> pending_;
  std::uint64_t next_index_ = 0;
  std::uint64_t flushed_end_ = 0;  // index after the last record given to the writer
  std::uint64_t filled_ = 0;       // bytes of the segment that the next record goes into; 0: none has begun
  WallTime segment_begun_{};

  // Between the two threads.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Chunk> handed_;  // given to the writer and not yet taken
  std::string failure_;
  bool stopping_ = false;
  tlog::Frontier tree_;
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> asked_end_{0};  // index after the last record that somebody asked about
  std::atomic<bool> failing_{false};

  // The writer's.
  std::unique_ptr<Segment> segment_;
  std::uint64_t segment_size_ = 0;    // bytes of records
  std::uint64_t segment_zeroed_ = 0;  // bytes that exist in the file
  std::optional<tlog::Hash> last_leaf_;
  tlog::Hash chunk_leaf_{};  // of the last line of the chunk under way

  std::jthread writer_;
};

}  // namespace signer::audit
