// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/checkpointer.h"

#include <unistd.h>

#include "base/log.h"
#include "config/config.h"
#include "tlog/note.h"

namespace signer::pipeline {

namespace {

constexpr std::chrono::seconds kSignatureTimeout{10};

}  // namespace

Result<tlog::NoteKey> Checkpointer::note_key(const KeyEntry& entry) const {
  if (entry.active == nullptr) return fail(ErrorCode::kTokenUnavailable, entry.reason);
  return tlog::NoteKey::make(audit_.origin(), entry.active->version.public_key);
}

std::string Checkpointer::vkey() const {
  const KeyEntry* entry = keys_.find(config::kCheckpointKey);
  const auto key = entry == nullptr ? fail(ErrorCode::kNotFound, "") : note_key(*entry);
  return key ? key->to_vkey() : std::string();
}

Result<void> Checkpointer::start() {
  const KeyEntry* entry = keys_.find(config::kCheckpointKey);
  if (!audit_.last_checkpoint().empty() && entry != nullptr) {
    const auto unlike = [](const std::string& why) {
      return fail(
          ErrorCode::kInternal,
          "audit: the file checkpoint: " + why + "; restore the metadata of key " +
              std::string(config::kCheckpointKey) +
              ", or keep the directory for whoever audits it and move it elsewhere: signerd then begins a new log");
    };
    // Not the entry's reason, which is to create the key: another one would not be the one that signed.
    if (entry->active == nullptr && !entry->stopped) return unlike("the metadata of the key that signed it is missing");
    const auto key = note_key(*entry);
    if (!key) return unlike(key.error().text);
    auto checkpoint = tlog::open_checkpoint(audit_.last_checkpoint(), *key);
    if (!checkpoint) return unlike("it was not signed by the key that makes checkpoints: " + checkpoint.error().text);
    last_ = *std::move(checkpoint);
    note_ = audit_.last_checkpoint();
  }
  audit_.on_record = [this](std::uint64_t index, bool begins_segment) { recorded(index, begins_segment); };
  return {};
}

void Checkpointer::recorded(std::uint64_t index, bool begins_segment) {
  wanted_end_ = index + 1;
  if (keys_.find(config::kCheckpointKey) == nullptr || asking_) return;
  if (begins_segment && index > 1) return wake_in(std::chrono::nanoseconds(0));
  if (!armed_) wake_in(every_);
}

void Checkpointer::wake_in(std::chrono::nanoseconds time) {
  armed_ = true;
  timer_.expires_after(time);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    armed_ = false;
    if (!asking_) make();
  });
}

void Checkpointer::make() {
  const KeyEntry* entry = keys_.find(config::kCheckpointKey);
  if (entry == nullptr) return settled();
  if (!entry->may_sign()) return waits(entry->reason);
  if (!audit_.healthy()) return waits("the audit log cannot be written");
  const tlog::Frontier tree = audit_.tree();
  const tlog::Checkpoint head{audit_.origin(), tree.size(), tree.root(), {}};
  // What was signed once is signed for ever: a tree that does not extend it must not be (C2SP tlog-checkpoint).
  if (last_ && (head.size < last_->size || (head.size == last_->size && head.root != last_->root))) {
    ++metrics_.checkpoint_failures;
    log::error("audit_checkpoint_refused", {{"size", head.size}, {"last_size", last_->size}});
    return settled();
  }
  if (head.size == 0 || (last_ && head.size == last_->size)) return go_on();  // the disk is slower than the timer
  ask(entry->active, head);
}

void Checkpointer::ask(const std::shared_ptr<const ActiveKey>& key, const tlog::Checkpoint& head) {
  auto text = tlog::to_text(head);
  if (!text) return waits(text.error().text);
  asking_ = true;
  token::SignJob job;
  job.uid = ::geteuid();
  job.deadline = clock_.steady() + kSignatureTimeout;
  job.request = {key->version.key_id, Algorithm::kEs256, 0, *text};
  job.done = [this, key, head, text = *text](const Judged<Bytes>& signature) { take(key, head, text, signature); };
  key->token->sign(std::move(job));
}

void Checkpointer::take(const std::shared_ptr<const ActiveKey>& key, const tlog::Checkpoint& head,
                        const std::string& text, const Judged<Bytes>& signature) {
  asking_ = false;
  if (!signature) return waits(signature.error().reason.empty() ? signature.error().detail : signature.error().reason);
  if (!key->verifier.verify(bytes_of(text), *signature)) {
    ++metrics_.self_check_failures;
    key->token->distrust("a checkpoint's signature did not verify under the published key");
    return waits("the signature was not good");
  }
  key->token->signature_was_good();
  const auto named = tlog::NoteKey::make(head.origin, key->version.public_key);
  const auto line = named ? tlog::signature_of(*named, *signature) : Result<tlog::NoteSignature>(fail(named.error()));
  auto note = line ? tlog::to_text(tlog::Note{text, {*line}}) : Result<std::string>(fail(line.error()));
  if (!note) return waits(note.error().text);
  note_ = *std::move(note);
  last_ = head;
  ++metrics_.checkpoints;
  waiting_said_ = false;
  audit::Record record;
  record.event = audit::Event::kCheckpoint;
  record.time = clock_.wall();
  record.key = config::kCheckpointKey;
  record.kid = key->version.kid;
  record.note = note_;
  record.size = head.size;
  audit_.append_checkpoint(record);
  if (on_checkpoint) on_checkpoint(note_);
  go_on();
}

// Behind a checkpoint, or when a record became durable.
void Checkpointer::go_on() {
  if (last_ && last_->size >= wanted_end_) return settled();
  if (!done_) {
    if (!armed_) wake_in(every_);
  } else if (!audit_.wake_when_durable(wanted_end_ - 1)) {
    make();
  }
}

void Checkpointer::audit_woke() {
  if (done_ && !asking_) go_on();
}

// Not now; once more after the usual time.  Said once for each time that it begins.
void Checkpointer::waits(const std::string& why) {
  ++metrics_.checkpoint_failures;
  if (!std::exchange(waiting_said_, true)) {
    log::warn("audit_checkpoint_waits", {{"reason", why}, {"effect", "records go on and are not covered"}});
  }
  if (!done_ && !armed_) wake_in(every_);
  settled();
}

void Checkpointer::settled() {
  if (const auto done = std::exchange(done_, nullptr)) done();
}

void Checkpointer::finish(SteadyTime deadline, std::function<void()> done) {
  done_ = std::move(done);
  audit_.flush();
  timer_.expires_at(deadline);
  armed_ = true;
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) settled();
  });
  if (asking_) return;
  if (wanted_end_ == 0) return settled();
  go_on();
}

}  // namespace signer::pipeline
