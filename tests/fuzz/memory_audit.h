// SPDX-License-Identifier: Apache-2.0
//
// The real audit log over segments in memory: what it wrote can be read back, and no disk is touched.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "audit/audit_log.h"
#include "fuzz/fuzz.h"

namespace signer::fuzz {

class MemoryAudit {
 public:
  // `directory` is only looked at.
  explicit MemoryAudit(const std::filesystem::path& directory) {
    audit::AuditOptions options;
    options.directory = directory;
    options.segment_bytes_max = 8192;  // small: segments change while records are under way
    options.preallocate_bytes = 0;
    options.open_segment = [this](const std::filesystem::path&) -> Result<std::unique_ptr<audit::Segment>> {
      return std::unique_ptr<audit::Segment>(std::make_unique<Memory>(*this));
    };
    auto opened = audit::AuditLog::open(std::move(options), [this] {
      const std::lock_guard lock(mutex_);
      woken_.notify_all();
    });
    require(opened.has_value(), "the audit log opens");
    log_ = *std::move(opened);
  }

  MemoryAudit(const MemoryAudit&) = delete;
  MemoryAudit& operator=(const MemoryAudit&) = delete;
  ~MemoryAudit() = default;

  [[nodiscard]] audit::AuditLog& log() { return *log_; }

  // Adds a record to know the end by, waits until it is durable and returns all lines since the last call.
  [[nodiscard]] std::string take_lines() {
    audit::Record end;
    end.event = audit::Event::kReload;
    const std::uint64_t index = log_->append(end);
    log_->flush();
    if (log_->wake_when_durable(index)) {
      std::unique_lock lock(mutex_);
      woken_.wait(lock, [this, index] { return log_->recorded(index).has_value(); });
    }
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  class Memory final : public audit::Segment {
   public:
    explicit Memory(MemoryAudit& owner) : owner_(owner) {}

    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      require(offset == size_, "records follow each other without a gap");
      size_ += bytes.size();
      const std::lock_guard lock(owner_.mutex_);
      owner_.lines_ += bytes;
      return {};
    }

    Result<void> sync() override { return {}; }

    Result<void> truncate(std::uint64_t size) override {
      require(size == size_, "only a zeroed tail is cut");
      return {};
    }

   private:
    MemoryAudit& owner_;
    std::uint64_t size_ = 0;
  };

  std::mutex mutex_;
  std::condition_variable woken_;
  std::string lines_;
  std::unique_ptr<audit::AuditLog> log_;  // last: its thread uses the others
};

}  // namespace signer::fuzz
