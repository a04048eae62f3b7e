// SPDX-License-Identifier: Apache-2.0

#include "tpm/tpm2_driver.h"

#include <algorithm>

#include "base/hex.h"
#include "base/log.h"
#include "tpm/auth_value.h"

namespace signer::tpm {

using channel::HostResult;
using channel::HostStatus;

namespace {

// Requests of signerd without a deadline of their own.
constexpr std::chrono::seconds kAdminTime{30};
constexpr std::chrono::seconds kCloseTime{2};

// After a connection that could not be made, and after an auth value that was refused twice.  The longest is below a
// second, so that a TPM that comes back is in use within a second.
constexpr std::chrono::milliseconds kPauseMin{100};
constexpr std::chrono::milliseconds kPauseMax{800};

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

Failure<channel::HostError> expired() {
  return channel::host_failure(HostStatus::kExpired, "tpm: the deadline has passed");
}

HostResult<void> check_key_id(ByteView key_id) {
  if (!key_id.empty() && key_id.size() <= channel::kKeyIdMax) return {};
  return channel::host_failure(HostStatus::kInvalid, "tpm: a key id has 1 to 64 bytes");
}

HostResult<Authorization> authorization_of(const std::string& word) {
  if (word.empty() || word == "hmac") return Authorization::kHmac;
  if (word == "password") return Authorization::kPassword;
  return channel::host_failure(HostStatus::kInvalid, "tpm: authorization must be hmac or password");
}

class Worker final : public channel::SigningWorker {
 public:
  explicit Worker(Tpm2Driver& driver) : driver_(driver) {}

  HostResult<Bytes> sign(const channel::SignRequest& request) override { return driver_.sign(request); }

 private:
  Tpm2Driver& driver_;
};

}  // namespace

Tpm2Driver::~Tpm2Driver() {
  close();
}

HostResult<channel::TokenDescription> Tpm2Driver::open(const channel::TokenSpec& spec) {
  if (files_) return channel::host_failure(HostStatus::kInvalid, "tpm: the driver is open already");
  spec_ = spec;
  settings_.tcti = spec.uri;
  SIGNER_ASSIGN_OR_RETURN(settings_.authorization, authorization_of(spec.authorization));
  SIGNER_ASSIGN_OR_RETURN(auth_, read_auth_value(spec.pin_file));
  files_.emplace(spec.key_directory);
  if (auto usable = files_->prepare(); !usable) return host_failure(std::move(usable).error());
  idle_watch_.emplace(settings_.session.idle_max, [this] { end_idle_session(); });
  return climb<channel::TokenDescription>(now() + kAdminTime, {},
                                          [this](Attachment& attachment) { return describe_token(attachment); });
}

TpmResult<channel::TokenDescription> Tpm2Driver::describe_token(Attachment& attachment) const {
  SIGNER_ASSIGN_OR_RETURN(const Properties properties, read_properties(attachment.context()));
  const Identity identity = identity_of(properties);
  return channel::TokenDescription{.label = spec_.name,
                                   .manufacturer = identity.manufacturer,
                                   .model = identity.vendor,
                                   .serial = to_hex(attachment.storage_root().name),
                                   .firmware = identity.firmware,
                                   .library = "tpm2-tss ESAPI",
                                   .mechanism = "TPM2_Sign RSASSA/SHA256",
                                   .hardware = !identity.simulator};
}

HostResult<std::unique_ptr<channel::SigningWorker>> Tpm2Driver::make_worker() {
  if (!files_) return channel::host_failure(HostStatus::kInvalid, "tpm: the driver is not open");
  return std::unique_ptr<channel::SigningWorker>(std::make_unique<Worker>(*this));
}

HostResult<Bytes> Tpm2Driver::sign(const channel::SignRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  if (request.signing_input.size() > channel::kSigningInputMax) {
    return channel::host_failure(HostStatus::kInvalid, "tpm: the signing input is too long");
  }
  const auto attempt = [&request](Attachment& attachment) -> TpmResult<Bytes> {
    SIGNER_ASSIGN_OR_RETURN(const KeyInUse* key, attachment.key(request.key_id));
    if (key->public_key.algorithm != request.algorithm) {
      return verdict(HostStatus::kInvalid, "the key is not for this algorithm");
    }
    return attachment.sign(*key, request.signing_input);
  };
  return climb<Bytes>(SteadyTime(std::chrono::nanoseconds(request.deadline_ns)), request.key_id, attempt);
}

HostResult<channel::KeyDescription> Tpm2Driver::describe_key(ByteView key_id) {
  SIGNER_RETURN_IF_ERROR(check_key_id(key_id));
  const Bytes id(key_id.begin(), key_id.end());
  const auto attempt = [&id](Attachment& attachment) -> TpmResult<channel::KeyDescription> {
    SIGNER_ASSIGN_OR_RETURN(const KeyInUse* key, attachment.key(id));
    return channel::KeyDescription{key->public_key, key->attributes};
  };
  return climb<channel::KeyDescription>(now() + kAdminTime, id, attempt);
}

HostResult<channel::KeyDescription> Tpm2Driver::generate_key(const channel::KeyRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  if (files_ && files_->contains(request.key_id)) {
    return channel::host_failure(HostStatus::kInvalid, "tpm: the key id is taken");
  }
  // A key exists once its blob is on disk: until then nothing is left of an attempt, and another may follow.
  const auto attempt = [&request](Attachment& attachment) -> TpmResult<bool> {
    SIGNER_RETURN_IF_ERROR(attachment.create(request));
    return true;
  };
  SIGNER_RETURN_IF_ERROR(climb<bool>(now() + kAdminTime, request.key_id, attempt));
  return describe_key(request.key_id);
}

template <class T, class Attempt>
HostResult<T> Tpm2Driver::climb(SteadyTime deadline, const Bytes& key_id, const Attempt& attempt) {
  Ladder ladder;
  while (true) {
    {
      const auto pass = gate_.alone(deadline);
      if (!pass || now() >= deadline) return expired();
      TpmResult<T> result = try_once<T>(key_id, attempt);
      if (result) return std::move(result).value();
      TpmError failure = std::move(result).error();
      const Step step = ladder.next(failure.action);
      if (failure.action != Action::kRefused) {  // signerd logs verdicts
        log::warn("tpm_try_failed",
                  {{"token", spec_.name}, {"step", static_cast<int>(step)}, {"reason", failure.text}});
      }
      if (step == Step::kGiveUp) {
        if (failure.action == Action::kAuthRefused) {
          failure.text += "; the auth file " + spec_.pin_file +
                          " does not hold this key's auth value, or commands are changed on their way to the TPM: "
                          "restore the file, it is read again";
        }
        put_off(key_id, failure);
        return host_failure(std::move(failure));
      }
      take(step, key_id);
      if (step != Step::kPause) continue;
    }
    std::unique_lock lock(closing_mutex_);
    const bool closing =
        closing_changed_.wait_until(lock, std::min(deadline, now() + ladder.pause()), [this] { return closing_; });
    if (closing) return channel::host_failure(HostStatus::kUnavailable, "tpm: the host is leaving");
  }
}

template <class T, class Attempt>
TpmResult<T> Tpm2Driver::try_once(const Bytes& key_id, const Attempt& attempt) {
  if (const PutOff* known = put_off_for(key_id)) {
    TpmError again = known->failure;
    again.action = Action::kRefused;
    return fail(std::move(again));
  }
  if (!attachment_) SIGNER_RETURN_IF_ERROR(attach());
  TpmResult<T> result = attempt(*attachment_);
  if (result) {
    put_off_ = {};
    put_off_of_key_.erase(key_id);
  }
  if (attachment_->context().poisoned()) {
    attachment_.reset();
  } else if (attachment_->has_session()) {
    idle_watch_->touch();
  }
  return result;
}

TpmResult<void> Tpm2Driver::attach() {
  if (!files_) return verdict(HostStatus::kInvalid, "the driver is not open");
  // Read again: a wrong auth value leads here, and the file may have been put right meanwhile.
  auto auth = read_auth_value(spec_.pin_file);
  if (!auth) return fail(TpmError{Action::kRefused, auth.error().status, std::move(auth).error().text});
  auth_ = std::move(auth).value();
  SIGNER_ASSIGN_OR_RETURN(attachment_, Attachment::make(settings_, *files_, auth_, pins_));
  log::info("tpm_attached", {{"token", spec_.name}, {"storage_root", to_hex(attachment_->storage_root().name)}});
  return {};
}

void Tpm2Driver::take(Step step, const Bytes& key_id) {
  switch (step) {
    case Step::kGiveUp:
    case Step::kPause:
    case Step::kAgain:
      return;
    case Step::kFindKey:
      if (attachment_) attachment_->forget_key(key_id);
      return;
    case Step::kNewSession:
      if (attachment_) attachment_->end_session();
      return;
    case Step::kFreeSlots:
      attachment_.reset();
      free_slots();
      return;
    case Step::kNewContext:
      attachment_.reset();
      return;
  }
}

// On a connection of its own: what was refused may have been our session, and its context is then poisoned.
void Tpm2Driver::free_slots() const {
  if (auto context = EsysContext::open(settings_.tcti)) flush_all_loaded(*context);
}

const Tpm2Driver::PutOff* Tpm2Driver::put_off_for(const Bytes& key_id) const {
  if (now() < put_off_.until) return &put_off_;
  const auto found = put_off_of_key_.find(key_id);
  return found != put_off_of_key_.end() && now() < found->second.until ? &found->second : nullptr;
}

// What one request has found out in full is not found out again by each of those behind it.
void Tpm2Driver::put_off(const Bytes& key_id, const TpmError& failure) {
  PutOff* place = &put_off_;
  switch (failure.action) {
    case Action::kDiscardContext:
    case Action::kRebuild:
    case Action::kReopenContext:
      attachment_.reset();
      break;
    case Action::kDead:
    case Action::kNotReady:
      break;
    case Action::kAuthRefused:
    case Action::kLockout:
      place = &put_off_of_key_[key_id];
      break;
    default:
      return;
  }
  place->pause = std::clamp(place->pause * 2, kPauseMin, kPauseMax);
  place->until = now() + place->pause;
  place->failure = failure;
}

void Tpm2Driver::end_idle_session() {
  const auto alone = gate_.alone(now() + kCloseTime);
  if (alone && attachment_) attachment_->end_session();
}

void Tpm2Driver::interrupt() {
  {
    const std::lock_guard lock(closing_mutex_);
    closing_ = true;
  }
  closing_changed_.notify_all();
}

void Tpm2Driver::close() {
  interrupt();
  idle_watch_.reset();
  const auto alone = gate_.alone(now() + kCloseTime);
  if (alone) attachment_.reset();
}

}  // namespace signer::tpm
