// SPDX-License-Identifier: Apache-2.0

#include "audit/audit_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "audit/line.h"
#include "base/file.h"
#include "base/log.h"
#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::audit {

namespace {

constexpr std::uint64_t kSegmentRecordBytes = 4096;  // of a segment's own record, at most

// A name that nothing has: what an earlier start kept aside stays.
std::filesystem::path torn_path(const std::filesystem::path& directory, std::uint64_t index) {
  const std::string stem = segment_name(index).substr(0, segment_name(index).find('.'));
  std::filesystem::path path = directory / (stem + ".torn");
  for (int number = 2; std::filesystem::exists(path); ++number) {
    path = directory / (stem + "." + std::to_string(number) + ".torn");
  }
  return path;
}

}  // namespace

AuditLog::AuditLog(AuditOptions options, std::function<void()> wake)
    : options_(std::move(options)), wake_(std::move(wake)), origin_(options_.origin) {}

Result<std::unique_ptr<AuditLog>> AuditLog::open(AuditOptions options, std::function<void()> wake) {
  SIGNER_RETURN_IF_ERROR(ensure_directory(options.directory));
  std::unique_ptr<AuditLog> log(new AuditLog(std::move(options), std::move(wake)));
  SIGNER_ASSIGN_OR_RETURN(Recovered recovered, recover(log->options_.directory));
  SIGNER_RETURN_IF_ERROR(log->take_up(std::move(recovered)));
  log->writer_ = std::jthread([raw = log.get()] { raw->run(); });
  return log;
}

AuditLog::~AuditLog() {
  flush();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (segment_ == nullptr) return;
  if (const auto cut = segment_->truncate(segment_size_); !cut)
    log::warn("audit_tail_kept", {{"reason", cut.error().text}});
}

Result<void> AuditLog::take_up(Recovered recovered) {
  if (!recovered.origin.empty()) origin_ = std::move(recovered.origin);
  last_checkpoint_ = std::move(recovered.last_checkpoint);
  torn_ = std::move(recovered.torn);
  tree_ = recovered.tree;
  last_leaf_ = recovered.last_leaf;
  next_index_ = flushed_end_ = tree_.size();
  durable_.store(next_index_);
  if (recovered.segment.empty()) return {};
  if (torn_) {
    const auto path = torn_path(options_.directory, torn_->index);
    if (auto kept = write_file_atomically(path, torn_->content); !kept) {
      return fail(kept.error().code, kept.error().text +
                                         "; the start keeps what a crash left behind the last record: "
                                         "make room for " +
                                         std::to_string(torn_->content.size()) + " bytes");
    }
    log::warn("audit_tail_cut", {{"segment", recovered.segment.string()},
                                 {"bytes", torn_->content.size()},
                                 {"kept_in", path.string()},
                                 {"next_index", next_index_}});
  }
  SIGNER_ASSIGN_OR_RETURN(segment_, options_.open_segment(recovered.segment));
  if (recovered.segment_file != recovered.segment_bytes) {
    SIGNER_RETURN_IF_ERROR(segment_->truncate(recovered.segment_bytes));
  }
  segment_size_ = segment_zeroed_ = filled_ = recovered.segment_bytes;
  segment_begun_ = recovered.segment_begun;
  if (torn_) record_tail();
  return {};
}

// Right behind the cut: whatever becomes of this start, the log says what was cut from it.
void AuditLog::record_tail() {
  Record record;
  record.event = Event::kRecovered;
  record.time = std::chrono::system_clock::now();
  record.bytes = torn_->content.size();
  record.tail_sha256 = jose::base64url_encode(jose::sha256(bytes_of(torn_->content)));
  append(record);
  flush();
}

Result<void> AuditLog::start_segment(std::uint64_t first_index) {
  if (segment_ != nullptr) SIGNER_RETURN_IF_ERROR(segment_->truncate(segment_size_));
  SIGNER_ASSIGN_OR_RETURN(segment_, options_.open_segment(options_.directory / segment_name(first_index)));
  segment_size_ = segment_zeroed_ = 0;
  return {};
}

// Whether the next record of this size begins a segment; then the segment's own record has taken its index.
bool AuditLog::begin_segment_for(const Record& record, std::size_t line_bytes) {
  const bool full = filled_ + line_bytes > options_.segment_bytes_max;
  // Also one that was begun by a clock which was ahead.
  const bool old = std::chrono::abs(record.time - segment_begun_) >= options_.segment_age_max;
  if (filled_ != 0 && !full && !old) return false;
  Chunk& chunk = pending_.emplace_back();
  chunk.first_index = next_index_++;
  chunk.begins_segment = true;
  chunk.time = segment_begun_ = record.time;
  filled_ = kSegmentRecordBytes;
  return true;
}

std::uint64_t AuditLog::append(const Record& record) {
  std::string line = to_line(record, next_index_);
  const bool begins_segment = begin_segment_for(record, line.size() + 1);
  if (begins_segment) line = to_line(record, next_index_);
  if (pending_.empty()) pending_.emplace_back().first_index = next_index_;
  const std::uint64_t index = next_index_++;
  Chunk& chunk = pending_.back();
  chunk.lines += line;
  chunk.lines += '\n';
  chunk.end = next_index_;
  filled_ += line.size() + 1;
  if (record.event != Event::kCheckpoint && on_record) on_record(index, begins_segment);
  return index;
}

void AuditLog::append_checkpoint(const Record& record) {
  append(record);
  pending_.back().checkpoint = record.note;
  flush();
}

void AuditLog::flush() {
  if (pending_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (Chunk& chunk : pending_) handed_.push_back(std::move(chunk));
  }
  flushed_end_ = next_index_;
  pending_.clear();
  changed_.notify_one();
}

std::optional<Recorded> AuditLog::recorded(std::uint64_t index) const {
  if (durable_.load(std::memory_order_acquire) <= index) return std::nullopt;
  return Recorded(index);
}

// Both sides write their word before they read the other's (sequentially consistent), so either the writer sees that it
// is asked or the caller sees that the record is durable.
bool AuditLog::wake_when_durable(std::uint64_t index) {
  std::uint64_t asked = asked_end_.load();
  while (asked <= index && !asked_end_.compare_exchange_weak(asked, index + 1)) {
  }
  return durable_.load() <= index;
}

std::string AuditLog::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

tlog::Frontier AuditLog::tree() const {
  const std::lock_guard lock(mutex_);
  return tree_;
}

void AuditLog::run() {
  std::vector<Chunk> batch;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !handed_.empty(); });
      if (handed_.empty()) return;
      batch.swap(handed_);
    }
    // What goes into one segment is written and synced as one.
    for (std::size_t i = 0; i < batch.size();) {
      Chunk chunk = std::move(batch[i++]);
      for (; i < batch.size() && !batch[i].begins_segment; ++i) {
        chunk.lines += batch[i].lines;
        chunk.end = batch[i].end;
        if (!batch[i].checkpoint.empty()) chunk.checkpoint = std::move(batch[i].checkpoint);
      }
      if (!write_until_durable(chunk)) return;
    }
    batch.clear();
  }
}

// False if the log is to end first.
bool AuditLog::write_until_durable(Chunk& chunk) {
  tlog::Frontier tree = this->tree();
  const std::string lines = linked(chunk, tree);
  const std::uint64_t first = durable_.load();
  while (true) {
    auto written = write_chunk(chunk, lines);
    if (written) break;
    const bool news = !failing_.exchange(true);
    std::unique_lock lock(mutex_);
    failure_ = written.error().text;
    lock.unlock();
    if (news) {
      log::error("audit_failed",
                 {{"reason", written.error().text}, {"effect", "signing stops until records can be written"}});
      wake_();
    }
    lock.lock();
    if (changed_.wait_for(lock, options_.retry_every, [this] { return stopping_; })) return false;
  }
  committed(chunk, tree);
  const bool recovered = failing_.exchange(false);
  if (recovered) log::warn("audit_recovered");
  if (asked_end_.load() > first || recovered) wake_();
  return true;
}

void AuditLog::committed(const Chunk& chunk, const tlog::Frontier& tree) {
  last_leaf_ = chunk_leaf_;
  {
    const std::lock_guard lock(mutex_);
    tree_ = tree;
  }
  durable_.store(chunk.end);
  if (!chunk.checkpoint.empty()) store_checkpoint(chunk.checkpoint);
}

std::string AuditLog::linked(const Chunk& chunk, tlog::Frontier& tree) {
  std::string lines;
  if (chunk.begins_segment) {
    Record head;
    head.event = Event::kSegment;
    head.time = chunk.time;
    head.origin = origin_;
    for (const tlog::Hash& hash : tree.hashes()) head.tree.push_back(tlog::to_base64(hash));
    lines = to_line(head, chunk.first_index) + '\n';
  }
  lines += chunk.lines;
  std::optional<tlog::Hash> last = last_leaf_;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    const std::size_t prev = place_of_prev(std::string_view(lines).substr(at, end - at));
    if (last && prev != std::string::npos) lines.replace(at + prev, kPrevUnknown.size(), tlog::to_base64(*last));
    last = tlog::leaf_hash(std::string_view(lines).substr(at, end - at));
    tree.append(*last);
    at = end + 1;
  }
  chunk_leaf_ = last.value_or(tlog::Hash{});
  return lines;
}

Result<void> AuditLog::write_chunk(const Chunk& chunk, std::string_view lines) {
  if (chunk.begins_segment) SIGNER_RETURN_IF_ERROR(start_segment(chunk.first_index));
  SIGNER_RETURN_IF_ERROR(zero_ahead(segment_size_ + lines.size()));
  SIGNER_RETURN_IF_ERROR(segment_->write_at(segment_size_, lines));
  SIGNER_RETURN_IF_ERROR(segment_->sync());
  segment_size_ += lines.size();
  return {};
}

// An old checkpoint in its place does no harm: the next start reads a little more of the log.
void AuditLog::store_checkpoint(const std::string& note) const {
  const auto stored = write_file_atomically(options_.directory / kCheckpointFile, note);
  if (!stored) log::error("audit_checkpoint_not_stored", {{"reason", stored.error().text}});
}

Result<void> AuditLog::zero_ahead(std::uint64_t needed) {
  if (needed <= segment_zeroed_ || options_.preallocate_bytes == 0) return {};
  const std::uint64_t size = needed - segment_zeroed_ + options_.preallocate_bytes;
  const std::string zeroes(static_cast<std::size_t>(size), '\0');
  SIGNER_RETURN_IF_ERROR(segment_->write_at(segment_zeroed_, zeroes));
  segment_zeroed_ += size;
  return {};
}

}  // namespace signer::audit
