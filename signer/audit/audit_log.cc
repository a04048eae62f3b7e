// SPDX-License-Identifier: Apache-2.0

#include "audit/audit_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/log.h"

namespace signer::audit {

namespace {

constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kNameDigits = 20;

std::string segment_name(std::uint64_t first_index) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "%020llu.jsonl", static_cast<unsigned long long>(first_index));
  return name.data();
}

std::optional<std::uint64_t> first_index_of(std::string_view name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kNameDigits, index);
  if (error != std::errc{} || end != name.data() + kNameDigits) return std::nullopt;
  return index;
}

struct WholeRecords {
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
};

// What a crash can leave: whole lines, then a torn one, then zeroes.  A record counts once its newline is there and
// nothing before it is zero.
WholeRecords whole_records(std::string_view content) {
  content = content.substr(0, content.find('\0'));
  WholeRecords whole;
  for (std::size_t at = content.find('\n'); at != std::string_view::npos; at = content.find('\n', at + 1)) {
    ++whole.count;
    whole.bytes = at + 1;
  }
  return whole;
}

// The index after the highest that any line of a segment from `first` on says it has, whole or not; 0 if none says one.
// A segment has no more records than bytes, so damaged digits do not count for much.
std::uint64_t end_of_indexes(std::string_view content, std::uint64_t first) {
  static constexpr std::string_view kName = "\"index\":";
  std::uint64_t end = 0;
  for (std::size_t at = content.find(kName); at != std::string_view::npos; at = content.find(kName, at + 1)) {
    const std::string_view digits = content.substr(at + kName.size(), 20);
    std::uint64_t index = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (parsed.ec == std::errc{} && index >= first && index - first < content.size()) end = std::max(end, index + 1);
  }
  return end;
}

}  // namespace

AuditLog::AuditLog(AuditOptions options, std::function<void()> wake)
    : options_(std::move(options)), wake_(std::move(wake)) {}

Result<std::unique_ptr<AuditLog>> AuditLog::open(AuditOptions options, std::function<void()> wake) {
  SIGNER_RETURN_IF_ERROR(ensure_directory(options.directory));
  std::unique_ptr<AuditLog> log(new AuditLog(std::move(options), std::move(wake)));
  SIGNER_RETURN_IF_ERROR(log->recover());
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

Result<void> AuditLog::recover() {
  SIGNER_ASSIGN_OR_RETURN(const auto names, list_files(options_.directory, kSuffix));
  if (names.empty()) return start_segment(0);
  const auto first_index = first_index_of(names.back());
  const auto path = options_.directory / names.back();
  if (!first_index) {
    return fail(ErrorCode::kInternal, "audit: " + path.string() + " is not named as a segment; move it elsewhere");
  }
  SIGNER_ASSIGN_OR_RETURN(const std::string content, read_file(path, std::numeric_limits<std::size_t>::max()));
  const WholeRecords whole = whole_records(content);
  const std::size_t zeroes = content.find('\0');
  if (zeroes != std::string::npos && content.find_first_not_of('\0', zeroes) != std::string::npos) {
    // Records behind a zero byte: a write of several blocks that lost power, or damage to what was durable.  They look
    // alike, so nothing is cut and no index is given twice.
    const std::uint64_t end = std::max(*first_index + whole.count, end_of_indexes(content, *first_index));
    next_index_ = std::max(end, *first_index + 1);  // the new segment needs another name
    flushed_end_ = handed_end_ = next_index_;
    durable_.store(next_index_);
    log::error("audit_segment_damaged", {{"segment", path.string()},
                                         {"zeroes_at", zeroes},
                                         {"effect", "it is left as it is; the log goes on in a new segment"},
                                         {"next_index", next_index_}});
    return start_segment(next_index_);
  }
  SIGNER_ASSIGN_OR_RETURN(segment_, options_.open_segment(path));
  if (whole.bytes != content.size()) {
    SIGNER_RETURN_IF_ERROR(segment_->truncate(whole.bytes));
    log::info("audit_tail_cut", {{"segment", path.string()}, {"bytes", content.size() - whole.bytes}});
  }
  segment_size_ = segment_zeroed_ = whole.bytes;
  next_index_ = flushed_end_ = handed_end_ = *first_index + whole.count;
  durable_.store(next_index_);
  return {};
}

Result<void> AuditLog::start_segment(std::uint64_t first_index) {
  if (segment_ != nullptr) SIGNER_RETURN_IF_ERROR(segment_->truncate(segment_size_));
  SIGNER_ASSIGN_OR_RETURN(segment_, options_.open_segment(options_.directory / segment_name(first_index)));
  segment_size_ = segment_zeroed_ = 0;
  return {};
}

std::uint64_t AuditLog::append(const Record& record) {
  const std::uint64_t index = next_index_++;
  pending_ += to_line(record, index);
  pending_ += '\n';
  return index;
}

void AuditLog::flush() {
  if (pending_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (handed_.empty()) {
      handed_.swap(pending_);
    } else {
      handed_ += pending_;
    }
    handed_end_ = next_index_;
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

void AuditLog::run() {
  std::string batch;
  while (true) {
    std::uint64_t end = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !handed_.empty(); });
      if (handed_.empty()) return;
      batch.swap(handed_);
      handed_.clear();
      end = handed_end_;
    }
    const std::uint64_t first = durable_.load();
    while (true) {
      auto written = write_batch(batch, first);
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
      if (changed_.wait_for(lock, options_.retry_every, [this] { return stopping_; })) return;
    }
    batch.clear();
    durable_.store(end);
    const bool recovered = failing_.exchange(false);
    if (recovered) log::warn("audit_recovered");
    if (asked_end_.load() > first || recovered) wake_();
  }
}

Result<void> AuditLog::write_batch(const std::string& batch, std::uint64_t first_index) {
  if (segment_size_ > 0 && segment_size_ + batch.size() > options_.segment_bytes_max) {
    SIGNER_RETURN_IF_ERROR(start_segment(first_index));
  }
  SIGNER_RETURN_IF_ERROR(zero_ahead(segment_size_ + batch.size()));
  SIGNER_RETURN_IF_ERROR(segment_->write_at(segment_size_, batch));
  SIGNER_RETURN_IF_ERROR(segment_->sync());
  segment_size_ += batch.size();
  return {};
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
