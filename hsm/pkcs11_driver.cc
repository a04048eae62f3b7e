// SPDX-License-Identifier: Apache-2.0

#include "hsm/pkcs11_driver.h"

#include <algorithm>
#include <type_traits>

#include "base/log.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "hsm/evidence.h"
#include "hsm/inspection.h"
#include "hsm/key_template.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostError;
using channel::HostResult;
using channel::HostStatus;

namespace {

// Requests of signerd without a deadline of their own.
constexpr std::chrono::seconds kAdminTime{30};
constexpr std::chrono::seconds kCloseTime{2};

// Between recoveries that did not help.  The longest is below a second, so that a token that comes back is in use
// within a second.
constexpr std::chrono::milliseconds kPauseMin{100};
constexpr std::chrono::milliseconds kPauseMax{800};
constexpr std::chrono::seconds kPauseForgotten{10};

// The driver's own thread (describe, generate) needs a session beside the workers'.
constexpr std::size_t kExtraSessions = 1;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

Failure<HostError> expired() {
  return host_failure(HostStatus::kExpired, "hsm: the deadline has passed");
}

HostResult<void> check_key_id(ByteView key_id) {
  if (!key_id.empty() && key_id.size() <= channel::kKeyIdMax) return {};
  return host_failure(HostStatus::kInvalid, "hsm: a CKA_ID has 1 to 64 bytes");
}

HostResult<channel::KeyDescription> describe(const Session& session, const StoredKey& key) {
  SIGNER_ASSIGN_OR_RETURN(std::string attributes, attributes_text(session, key.private_key));
  return channel::KeyDescription{key.public_key, std::move(attributes)};
}

HostResult<channel::HmacKeyDescription> describe_hmac(const Session& session, const StoredHmacKey& key) {
  SIGNER_ASSIGN_OR_RETURN(std::string attributes, attributes_text(session, key.secret_key));
  return channel::HmacKeyDescription{key.known_answer, std::move(attributes)};
}

class Worker final : public channel::SigningWorker {
 public:
  explicit Worker(Pkcs11Driver& driver) : driver_(driver) {}

  HostResult<Bytes> sign(const channel::SignRequest& request) override { return driver_.sign(request); }

  HostResult<channel::Mac> mac(const channel::MacRequest& request) override { return driver_.mac(request); }

 private:
  Pkcs11Driver& driver_;
};

// A key's metadata may have been lost, and whoever makes the key anew would not notice that verifiers know another one.
void warn_of_label(const Session& session, const std::string& label) {
  const auto others = find_labelled(session, CKO_PRIVATE_KEY, label);
  if (!others || others->empty()) return;
  log::warn(
      "hsm_label_in_use",
      {{"label", label},
       {"keys", others->size()},
       {"effect", "another key pair is made; if the key was in use, restore its metadata from a backup instead"}});
}

}  // namespace

Pkcs11Driver::~Pkcs11Driver() {
  close();
}

HostResult<channel::TokenDescription> Pkcs11Driver::open(const channel::TokenSpec& spec) {
  if (module_) return host_failure(HostStatus::kInvalid, "hsm: the driver is open already");
  spec_ = spec;
  SIGNER_ASSIGN_OR_RETURN(uri_, TokenUri::parse(spec.uri));
  login_.emplace(spec.pin_file, spec.latch_file);
  SIGNER_ASSIGN_OR_RETURN(module_, Module::load(spec.module));
  SIGNER_RETURN_IF_ERROR(module_->initialize());
  const auto alone = gate_.alone(now() + kAdminTime);
  SIGNER_RETURN_IF_ERROR(attach());
  return describe_token();
}

HostResult<channel::TokenDescription> Pkcs11Driver::describe_token() const {
  CK_INFO library{};
  const CK_RV rv = module_->api().C_GetInfo(&library);
  if (rv != CKR_OK) return fail(host_error("C_GetInfo", "", rv));
  const SlotToken& token = attachment_->token();
  const auto& mechanism = attachment_->mechanisms().rs256;
  return channel::TokenDescription{
      .label = field_text(token.token_info.label),
      .manufacturer = field_text(token.token_info.manufacturerID),
      .model = field_text(token.token_info.model),
      .serial = field_text(token.token_info.serialNumber),
      .firmware = version_text(token.token_info.firmwareVersion),
      .library = field_text(library.manufacturerID) + " " + version_text(library.libraryVersion),
      .mechanism = mechanism ? mechanism_name(*mechanism) : "",
      .hardware = (token.slot_info.flags & CKF_HW_SLOT) != 0};
}

HostResult<std::unique_ptr<channel::SigningWorker>> Pkcs11Driver::make_worker() {
  if (!module_) return host_failure(HostStatus::kInvalid, "hsm: the driver is not open");
  return std::unique_ptr<channel::SigningWorker>(std::make_unique<Worker>(*this));
}

HostResult<Bytes> Pkcs11Driver::sign(const channel::SignRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  if (request.signing_input.size() > channel::kSigningInputMax) {
    return host_failure(HostStatus::kInvalid, "hsm: the signing input is too long");
  }
  const auto attempt = [&request](Attachment& attachment, const Session& session) -> HostResult<Bytes> {
    SIGNER_ASSIGN_OR_RETURN(const auto key, attachment.key(session, request.key_id));
    if (key->public_key.algorithm != request.algorithm) {
      return host_failure(HostStatus::kInvalid, "hsm: the key is not for this algorithm");
    }
    return make_signature(session, *key, attachment.mechanisms(), request.signing_input);
  };
  return climb<Bytes>(SteadyTime(std::chrono::nanoseconds(request.deadline_ns)), MissingKey::kIsSuspect, attempt);
}

HostResult<channel::KeyDescription> Pkcs11Driver::describe_key(ByteView key_id) {
  SIGNER_RETURN_IF_ERROR(check_key_id(key_id));
  const Bytes id(key_id.begin(), key_id.end());
  const auto attempt = [&id](Attachment& attachment, const Session& session) -> HostResult<channel::KeyDescription> {
    SIGNER_ASSIGN_OR_RETURN(const auto key, attachment.key(session, id));
    return describe(session, *key);
  };
  return climb<channel::KeyDescription>(now() + kAdminTime, missing(id), attempt);
}

HostResult<channel::KeyDescription> Pkcs11Driver::inspect_key(ByteView key_id) {
  SIGNER_RETURN_IF_ERROR(check_key_id(key_id));
  const Bytes id(key_id.begin(), key_id.end());
  const auto attempt = [&id](Attachment& attachment, const Session& session) -> HostResult<channel::KeyDescription> {
    auto key = attachment.look_up_key(session, id);
    if (!key && key.error().status == HostStatus::kAmbiguous) {
      return fail(judge_ambiguous(session, id, std::move(key).error()));
    }
    if (!key) return fail(std::move(key).error());
    SIGNER_RETURN_IF_ERROR(check_not_weakened(session, *key));
    return describe(session, *key);
  };
  return climb<channel::KeyDescription>(now() + kAdminTime, missing(id), attempt);
}

HostResult<channel::Attestation> Pkcs11Driver::attest_key(const channel::AttestRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  const auto attempt = [&](Attachment& attachment, SessionPool::Lease& lease) -> HostResult<channel::Attestation> {
    SIGNER_RETURN_IF_ERROR(attachment.check_present(lease.session(), request.key_id));
    return collect_evidence(*module_, attachment.token().slot, attachment.mechanisms(), lease, request);
  };
  return climb<channel::Attestation>(now() + kAdminTime, missing(request.key_id), attempt);
}

Pkcs11Driver::MissingKey Pkcs11Driver::missing(const Bytes& key_id) const {
  return pins_.knows(key_id) ? MissingKey::kIsSuspect : MissingKey::kIsAnAnswer;
}

HostResult<channel::KeyDescription> Pkcs11Driver::generate_key(const channel::KeyRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  const SteadyTime deadline = now() + kAdminTime;
  SIGNER_RETURN_IF_ERROR(wake(CKO_PRIVATE_KEY, request.key_id, deadline));
  const auto generate = [&request](Attachment& attachment,
                                   const Session& session) -> HostResult<channel::KeyDescription> {
    warn_of_label(session, request.label);
    SIGNER_RETURN_IF_ERROR(generate_key_pair(session, request));
    SIGNER_ASSIGN_OR_RETURN(const auto key, attachment.key(session, request.key_id));
    return describe(session, *key);
  };
  std::uint64_t generation = 0;
  return try_once<channel::KeyDescription>(Rung::kFirstTry, deadline, generate, generation);
}

HostResult<channel::Mac> Pkcs11Driver::mac(const channel::MacRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  if (request.message.size() > channel::kMacMessageMax) {
    return host_failure(HostStatus::kInvalid, "hsm: the message is too long");
  }
  const auto attempt = [&request](Attachment& attachment, const Session& session) -> HostResult<channel::Mac> {
    SIGNER_ASSIGN_OR_RETURN(const auto key, attachment.hmac_key(session, request.key_id, request.known_answer));
    return make_mac(session, key, request.message);
  };
  return climb<channel::Mac>(SteadyTime(std::chrono::nanoseconds(request.deadline_ns)), MissingKey::kIsSuspect,
                             attempt);
}

HostResult<channel::HmacKeyDescription> Pkcs11Driver::describe_hmac_key(ByteView key_id) {
  SIGNER_RETURN_IF_ERROR(check_key_id(key_id));
  const Bytes id(key_id.begin(), key_id.end());
  const auto attempt = [&id](Attachment& attachment,
                             const Session& session) -> HostResult<channel::HmacKeyDescription> {
    SIGNER_ASSIGN_OR_RETURN(const StoredHmacKey key, attachment.look_up_hmac_key(session, id));
    return describe_hmac(session, key);
  };
  return climb<channel::HmacKeyDescription>(now() + kAdminTime, MissingKey::kIsAnAnswer, attempt);
}

HostResult<channel::HmacKeyDescription> Pkcs11Driver::generate_hmac_key(const channel::HmacKeyRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  const SteadyTime deadline = now() + kAdminTime;
  SIGNER_RETURN_IF_ERROR(wake(CKO_SECRET_KEY, request.key_id, deadline));
  const auto generate = [&request](Attachment& attachment,
                                   const Session& session) -> HostResult<channel::HmacKeyDescription> {
    SIGNER_ASSIGN_OR_RETURN(const StoredHmacKey key, hsm::generate_hmac_key(session, attachment.mechanisms(), request));
    return describe_hmac(session, key);
  };
  std::uint64_t generation = 0;
  return try_once<channel::HmacKeyDescription>(Rung::kFirstTry, deadline, generate, generation);
}

// Recovers a token that has been lost; a generation itself is not repeated, or a lost answer would make two keys.
HostResult<void> Pkcs11Driver::wake(CK_OBJECT_CLASS object_class, const Bytes& key_id, SteadyTime deadline) {
  const auto look = [&](Attachment&, const Session& session) { return find_objects(session, object_class, key_id); };
  SIGNER_RETURN_IF_ERROR(climb<std::vector<CK_OBJECT_HANDLE>>(deadline, MissingKey::kIsAnAnswer, look));
  return {};
}

// `attempt` reports kUnavailable for what the next rung may cure; every other answer is final.
template <class T, class Attempt>
HostResult<T> Pkcs11Driver::climb(SteadyTime deadline, MissingKey missing, const Attempt& attempt) {
  HostError failure;
  std::uint64_t generation = 0;
  for (const Rung rung : {Rung::kFirstTry, Rung::kNewSession, Rung::kNewLogin, Rung::kNewModule}) {
    if (now() >= deadline) return expired();
    if (rung >= Rung::kNewLogin) SIGNER_RETURN_IF_ERROR(recover(rung, deadline, generation, failure));
    auto result = try_once<T>(rung, deadline, attempt, generation);
    if (result) return result;
    failure = std::move(result).error();
    const bool suspect = failure.status == HostStatus::kNotFound && missing == MissingKey::kIsSuspect;
    if (failure.status != HostStatus::kUnavailable && !suspect) return fail(std::move(failure));
    log::warn("hsm_try_failed", {{"token", spec_.name}, {"rung", static_cast<int>(rung)}, {"reason", failure.text}});
  }
  put_off_recovery();
  return fail(std::move(failure));
}

template <class T, class Attempt>
HostResult<T> Pkcs11Driver::try_once(Rung rung, SteadyTime deadline, const Attempt& attempt,
                                     std::uint64_t& generation) {
  const auto pass = gate_.share(deadline);
  if (!pass) return expired();
  generation = generation_;
  if (!attachment_) return host_failure(HostStatus::kUnavailable, "hsm: the token has been lost");
  const auto freshness = rung == Rung::kFirstTry ? Freshness::kAny : Freshness::kNew;
  SIGNER_ASSIGN_OR_RETURN(auto lease, attachment_->sessions().borrow(deadline, freshness));
  if constexpr (std::is_invocable_v<Attempt, Attachment&, SessionPool::Lease&>) {
    return attempt(*attachment_, lease);
  } else {
    HostResult<T> result = attempt(*attachment_, lease.session());
    if (result) lease.keep();
    return result;
  }
}

// Single-flight: whoever comes second finds another generation and simply tries again.
HostResult<void> Pkcs11Driver::recover(Rung rung, SteadyTime deadline, std::uint64_t seen, const HostError& reason) {
  const auto alone = gate_.alone(deadline);
  if (!alone) return expired();
  if (attachment_ && generation_ != seen) return {};
  if (pin_refused_) return fail(*pin_refused_);
  {
    const std::lock_guard lock(recovery_mutex_);
    if (now() < no_recovery_before_) return fail(reason);
  }
  log::warn("hsm_recovery_started", {{"token", spec_.name}, {"rung", static_cast<int>(rung)}, {"reason", reason.text}});
  auto attached = reattach(rung);
  if (attached) {
    log::info("hsm_recovery_done", {{"token", spec_.name}, {"generation", generation_}});
    return {};
  }
  put_off_recovery();
  HostError failure = std::move(attached).error();
  // No fault of the request: the next host says at its start what is wrong with the configuration.
  if (failure.status == HostStatus::kInvalid) failure.status = HostStatus::kUnavailable;
  failure.text = reason.text + "; recovery: " + failure.text;
  log::error("hsm_recovery_failed", {{"token", spec_.name}, {"reason", failure.text}});
  if (failure.status == HostStatus::kPinRefused) pin_refused_ = failure;
  return fail(std::move(failure));
}

HostResult<void> Pkcs11Driver::reattach(Rung rung) {
  attachment_.reset();
  if (rung == Rung::kNewLogin) {
    auto attached = attach();
    if (attached || attached.error().status != HostStatus::kUnavailable) return attached;
    log::warn("hsm_login_anew_failed", {{"token", spec_.name}, {"reason", attached.error().text}});
  }
  module_->finalize();
  SIGNER_RETURN_IF_ERROR(module_->initialize());
  return attach();
}

HostResult<void> Pkcs11Driver::attach() {
  SIGNER_ASSIGN_OR_RETURN(auto made, Attachment::make(module_->api(), *uri_, *login_, pins_, serial_,
                                                      std::size_t{spec_.sessions} + kExtraSessions));
  serial_ = field_text(made->token().token_info.serialNumber);
  attachment_ = std::move(made);
  ++generation_;
  return {};
}

void Pkcs11Driver::put_off_recovery() {
  const std::lock_guard lock(recovery_mutex_);
  const SteadyTime time = now();
  const bool forgotten = time - no_recovery_before_ > kPauseForgotten;
  recovery_pause_ = forgotten ? kPauseMin : std::clamp(recovery_pause_ * 2, kPauseMin, kPauseMax);
  no_recovery_before_ = time + recovery_pause_;
}

void Pkcs11Driver::close() {
  const auto alone = gate_.alone(now() + kCloseTime);
  if (!alone || !module_) return;
  attachment_.reset();
  module_->finalize();
}

}  // namespace signer::hsm
