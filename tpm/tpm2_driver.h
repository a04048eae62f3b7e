// SPDX-License-Identifier: Apache-2.0
//
// The TPM 2.0 driver: signs, and climbs a ladder when the TPM does not answer well (ladder.h).
//
// A TPM does one thing at a time and so does this: whoever talks to it has the gate alone.  Steps of the ladder are
// taken by the one whose call failed, while it has the gate; pauses are spent outside.  Evidence is an errand of many
// steps (errand.h), each of which has the gate by itself, so that a signature waits for one of them at most.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/gate.h"
#include "channel/driver.h"
#include "tpm/attachment.h"
#include "tpm/errand.h"
#include "tpm/evidence_files.h"
#include "tpm/idle_watch.h"
#include "tpm/ladder.h"

namespace signer::tpm {

class Tpm2Driver final : public channel::Driver {
 public:
  explicit Tpm2Driver(SessionLimits limits = {}) { settings_.session = limits; }
  ~Tpm2Driver() override;

  channel::HostResult<channel::TokenDescription> open(const channel::TokenSpec& spec) override;
  channel::HostResult<channel::KeyDescription> describe_key(ByteView key_id) override;

  // Also keeps what the attestation key says of the birth (kUnsupported and the like of it are a line in the log: the
  // key is made all the same).
  channel::HostResult<channel::KeyDescription> generate_key(const channel::KeyRequest& request) override;
  channel::HostResult<channel::KeyDescription> inspect_key(ByteView key_id) override;

  // Makes the attestation key if there is none.  kUnsupported, with what to do, as attestation_key.h and statement.h
  // say; `probes` are nothing that a TPM needs.
  channel::HostResult<channel::Attestation> attest_key(const channel::AttestRequest& request) override;
  channel::HostResult<std::unique_ptr<channel::SigningWorker>> make_worker() override;

  void interrupt() override;

  // Waits a moment for callers to leave, flushes the session.
  void close() override;

  // For workers, on their own threads.
  channel::HostResult<Bytes> sign(const channel::SignRequest& request);

 private:
  template <class T, class Attempt>
  channel::HostResult<T> climb(SteadyTime deadline, const Bytes& key_id, const Attempt& attempt);

  template <class T, class Attempt>
  TpmResult<T> try_once(const Bytes& key_id, const Attempt& attempt);

  template <class T, class Attempt>
  channel::HostResult<T> climb(Ladder& ladder, SteadyTime deadline, const Bytes& key_id, const Attempt& attempt);

  template <class Make>
  channel::HostResult<void> run(const Bytes& key_id, const Make& make);

  TpmResult<void> attach();
  void end_errand();
  void detach();
  void take(Step step, const Bytes& key_id);
  [[nodiscard]] bool free_slots() const;
  void tidy_up();
  void certify_birth(const Bytes& key_id, const Creation& creation);
  void put_off(const Bytes& key_id, const TpmError& failure);
  void end_idle_session();
  TpmResult<channel::TokenDescription> describe_token(Attachment& attachment) const;

  channel::TokenSpec spec_;
  AttachmentSettings settings_;
  std::optional<KeyFiles> files_;
  std::optional<EvidenceFiles> evidence_files_;
  Secret auth_;
  channel::KeyPins pins_;

  Gate gate_;
  // Used and changed by whoever has the gate.
  std::unique_ptr<Attachment> attachment_;
  std::unique_ptr<Errand> errand_;  // under way, on that attachment
  bool untidy_ = false;             // an errand broke off and may have left objects and sessions in the TPM
  // A failure that was found out in full, and until when it is the answer to all who ask.
  struct PutOff {
    SteadyTime until;
    std::chrono::milliseconds pause{0};
    TpmError failure;
  };
  [[nodiscard]] const PutOff* put_off_for(const Bytes& key_id) const;

  PutOff put_off_;                          // of the connection
  std::map<Bytes, PutOff> put_off_of_key_;  // of one key: others go on

  std::mutex closing_mutex_;
  std::condition_variable closing_changed_;
  bool closing_ = false;

  std::optional<IdleWatch> idle_watch_;  // last: its thread uses the others
};

}  // namespace signer::tpm
