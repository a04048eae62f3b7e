// SPDX-License-Identifier: Apache-2.0
//
// The PKCS#11 driver: signs, and climbs a ladder when the token does not answer well.
//
//   try, try again in a new session, log in anew, initialise the module anew, give up (signerd restarts the host).
//
// Workers are inside the gate while they talk to the module; a recovery waits until it has the gate alone, because
// modules crash when sessions are closed or the library is finalised under a running call.
#pragma once

#include <memory>
#include <optional>

#include "base/gate.h"
#include "channel/driver.h"
#include "hsm/attachment.h"
#include "hsm/module.h"

namespace signer::hsm {

class Pkcs11Driver final : public channel::Driver {
 public:
  Pkcs11Driver() = default;
  ~Pkcs11Driver() override;

  channel::HostResult<channel::TokenDescription> open(const channel::TokenSpec& spec) override;
  channel::HostResult<channel::KeyDescription> describe_key(ByteView key_id) override;
  channel::HostResult<channel::KeyDescription> generate_key(const channel::KeyRequest& request) override;
  channel::HostResult<channel::KeyDescription> inspect_key(ByteView key_id) override;
  channel::HostResult<channel::Attestation> attest_key(const channel::AttestRequest& request) override;
  channel::HostResult<channel::HmacKeyDescription> describe_hmac_key(ByteView key_id) override;
  channel::HostResult<channel::HmacKeyDescription> generate_hmac_key(const channel::HmacKeyRequest& request) override;
  channel::HostResult<std::unique_ptr<channel::SigningWorker>> make_worker() override;

  // Waits a moment for callers to leave; with one stuck inside, the module is left as it is.
  void close() override;

  // For workers, on their own threads.
  channel::HostResult<Bytes> sign(const channel::SignRequest& request);
  channel::HostResult<channel::Mac> mac(const channel::MacRequest& request);

 private:
  enum class Rung { kFirstTry, kNewSession, kNewLogin, kNewModule };
  enum class MissingKey { kIsAnAnswer, kIsSuspect };

  // An attempt takes the attachment and a session.  One that takes the lease instead may renew its session, which is
  // closed afterwards whatever came out.
  template <class T, class Attempt>
  channel::HostResult<T> climb(SteadyTime deadline, MissingKey missing, const Attempt& attempt);

  [[nodiscard]] MissingKey missing(const Bytes& key_id) const;
  channel::HostResult<void> wake(CK_OBJECT_CLASS object_class, const Bytes& key_id, SteadyTime deadline);

  template <class T, class Attempt>
  channel::HostResult<T> try_once(Rung rung, SteadyTime deadline, const Attempt& attempt, std::uint64_t& generation);

  channel::HostResult<void> recover(Rung rung, SteadyTime deadline, std::uint64_t seen,
                                    const channel::HostError& reason);
  channel::HostResult<void> attach();
  channel::HostResult<void> reattach(Rung rung);
  void put_off_recovery();
  channel::HostResult<channel::TokenDescription> describe_token() const;

  channel::TokenSpec spec_;
  std::unique_ptr<Module> module_;
  std::optional<TokenUri> uri_;
  std::optional<Login> login_;
  channel::KeyPins pins_;

  Gate gate_;
  // Changed by whoever has the gate alone, read by those who share it.
  std::unique_ptr<Attachment> attachment_;
  std::uint64_t generation_ = 0;  // one for each attachment made
  std::string serial_;            // of the first attachment's token
  std::optional<channel::HostError> pin_refused_;

  std::mutex recovery_mutex_;
  SteadyTime no_recovery_before_{};
  std::chrono::milliseconds recovery_pause_{0};
};

}  // namespace signer::hsm
