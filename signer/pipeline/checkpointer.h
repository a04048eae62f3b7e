// SPDX-License-Identifier: Apache-2.0
//
// Has the roots of the audit log's tree signed by the token: checkpoints (docs/audit-format.md).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "audit/audit_log.h"
#include "base/clock.h"
#include "pipeline/key_table.h"
#include "pipeline/metrics.h"
#include "tlog/checkpoint.h"
#include "tlog/note_key.h"

namespace signer::pipeline {

// Belongs to the event loop's thread.  All that it refers to outlives it, and it outlives the job that it gave the
// token: stop the token first.
class Checkpointer {
 public:
  Checkpointer(boost::asio::io_context& loop, const Clock& clock, audit::AuditLog& audit, KeyTable& keys,
               Metrics& metrics, std::chrono::milliseconds every)
      : clock_(clock), audit_(audit), keys_(keys), metrics_(metrics), every_(every), timer_(loop) {}

  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Takes up the checkpoint that the log found at its start, and from now on makes one `every` after the first record
  // that none covers, and at once when a segment begins.  kInternal, with what to do, if that checkpoint is not one of
  // the configured key's.
  [[nodiscard]] Result<void> start();

  // Makes one now if a record is not covered; `done` is called exactly once: when it is stored, when it cannot be made,
  // or at the deadline.  For the end of the daemon.
  void finish(SteadyTime deadline, std::function<void()> done);

  // The audit log woke the event loop: records became durable.
  void audit_woke();

  // The newest signed note; empty: there is none.
  [[nodiscard]] const std::string& newest() const noexcept { return note_; }

  // The verifier's key; empty as long as there is no key.
  [[nodiscard]] std::string vkey() const;

  // Records that no checkpoint covers.
  [[nodiscard]] std::uint64_t uncovered() const noexcept { return audit_.size() - (last_ ? last_->size : 0); }

  // Called with each note once it was handed to the log.
  std::function<void(const std::string& note)> on_checkpoint;

  // How often a note could not be sent elsewhere; none: it is sent nowhere.
  std::function<std::uint64_t()> anchor_failures;

 private:
  [[nodiscard]] Result<tlog::NoteKey> note_key(const KeyEntry& entry) const;
  void recorded(std::uint64_t index, bool begins_segment);
  void wake_in(std::chrono::nanoseconds time);
  void make();
  void ask(const std::shared_ptr<const ActiveKey>& key, const tlog::Checkpoint& head);
  void take(const std::shared_ptr<const ActiveKey>& key, const tlog::Checkpoint& head, const std::string& text,
            const Judged<Bytes>& signature);
  void go_on();
  void waits(const std::string& why);
  void settled();

  const Clock& clock_;
  audit::AuditLog& audit_;
  KeyTable& keys_;
  Metrics& metrics_;
  std::chrono::milliseconds every_;
  boost::asio::steady_timer timer_;
  std::string note_;
  std::optional<tlog::Checkpoint> last_;
  std::uint64_t wanted_end_ = 0;  // index after the last record that a checkpoint should cover
  bool armed_ = false;
  bool asking_ = false;
  bool waiting_said_ = false;
  std::function<void()> done_;
};

}  // namespace signer::pipeline
