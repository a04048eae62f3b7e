// SPDX-License-Identifier: Apache-2.0
//
// Makes evidence bundles: asks the token, states what it said, has the key sign the statement
// (docs/evidence-format.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "audit/audit_log.h"
#include "base/clock.h"
#include "pipeline/checkpointer.h"
#include "pipeline/key_table.h"
#include "pipeline/metrics.h"

namespace signer::pipeline {

struct EvidenceRequest {
  std::string key;
  Bytes nonce;  // the auditor's, channel::kNonceMin to kNonceMax bytes
  channel::Probes probes = channel::Probes::kFull;
  std::string grant;  // that allowed it
};

// A bundle's file.  Cannot be made without the proof of its record.
class EvidenceBundle {
 public:
  EvidenceBundle(std::string file, audit::Recorded record) : file_(std::move(file)), record_(record) {}

  [[nodiscard]] const std::string& file() const noexcept { return file_; }

  [[nodiscard]] std::uint64_t audit_index() const noexcept { return record_.index(); }

 private:
  std::string file_;
  audit::Recorded record_;
};

// What the daemon says of itself in each bundle.
struct DaemonIdentity {
  std::string version;
  std::string build_id;
};

// Belongs to the event loop's thread.  All that it refers to outlives it, and it outlives what it asked the tokens:
// stop those first.
class EvidenceCollector {
 public:
  EvidenceCollector(boost::asio::io_context& loop, const Clock& clock, audit::AuditLog& audit, KeyTable& keys,
                    const Checkpointer& checkpointer, Metrics& metrics, DaemonIdentity identity)
      : loop_(loop),
        clock_(clock),
        audit_(audit),
        keys_(keys),
        checkpointer_(checkpointer),
        metrics_(metrics),
        identity_(std::move(identity)) {}

  EvidenceCollector(const EvidenceCollector&) = delete;
  EvidenceCollector& operator=(const EvidenceCollector&) = delete;

  // base64url of the SHA-256 of the configuration in force.
  void set_config(std::string sha256) { config_sha256_ = std::move(sha256); }

  // attest -> whether the key still may sign -> state -> record -> sign -> self-check -> reply.  `reply` is called
  // exactly once, at the deadline at the latest.  One bundle of a token at a time, for probes are work: kOverloaded
  // while another one is made, or while the host is at one whose caller has gone.  The caller has permitted it;
  // refusals are the caller's to record and to log.
  using Reply = std::function<void(Judged<EvidenceBundle>)>;
  void collect(const RequestContext& context, EvidenceRequest request, Reply reply);

  // The audit log woke the event loop.
  void audit_woke();

 private:
  struct Collection;
  using CollectionPtr = std::shared_ptr<Collection>;

  [[nodiscard]] Judged<CollectionPtr> begin(const RequestContext& context, EvidenceRequest request);
  [[nodiscard]] Judged<const KeyEntry*> signing_entry(const std::string& key) const;
  [[nodiscard]] Judged<void> still_signs(const Collection& collection) const;
  void attested(const CollectionPtr& collection, const channel::HostResult<channel::Attestation>& attestation);
  [[nodiscard]] Result<std::string> state(const Collection& collection, const channel::Attestation& attestation) const;
  void record(Collection& collection);
  void record_failure(const Collection& collection, ErrorCode code);
  void sign(const CollectionPtr& collection);
  void take(const CollectionPtr& collection, const Judged<Bytes>& signature);
  void release(Collection& collection);
  void finish(Collection& collection, Judged<EvidenceBundle> outcome);
  void leave(const Collection& collection);

  boost::asio::io_context& loop_;
  const Clock& clock_;
  audit::AuditLog& audit_;
  KeyTable& keys_;
  const Checkpointer& checkpointer_;
  Metrics& metrics_;
  DaemonIdentity identity_;
  std::string config_sha256_;
  std::map<const token::TokenService*, CollectionPtr> under_way_;
};

}  // namespace signer::pipeline
