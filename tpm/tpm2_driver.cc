// SPDX-License-Identifier: Apache-2.0

#include "tpm/tpm2_driver.h"

#include <algorithm>

#include "base/hex.h"
#include "base/log.h"
#include "tpm/auth_value.h"
#include "tpm/evidence.h"

namespace signer::tpm {

using channel::HostResult;
using channel::HostStatus;

namespace {

// Requests of signerd without a deadline of their own.
constexpr std::chrono::seconds kAdminTime{30};
constexpr std::chrono::seconds kCloseTime{2};

// Of all steps of an errand: two keys may have to be made, each in up to ten seconds.
constexpr std::chrono::seconds kErrandTime{90};
constexpr unsigned kErrandStartsMax = 4;  // signatures beside it may need the connection or its places anew

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
  evidence_files_.emplace(spec.key_directory);
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
  const auto attempt = [&request](Attachment& attachment) { return attachment.create(request); };
  SIGNER_ASSIGN_OR_RETURN(const Creation creation, climb<Creation>(now() + kAdminTime, request.key_id, attempt));
  SIGNER_ASSIGN_OR_RETURN(channel::KeyDescription key, describe_key(request.key_id));
  certify_birth(request.key_id, creation);
  return key;
}

void Tpm2Driver::certify_birth(const Bytes& key_id, const Creation& creation) {
  const auto certified = run(key_id, [&](Attachment& attachment) {
    return std::make_unique<BirthErrand>(attachment, *evidence_files_, key_id, creation);
  });
  if (certified) return;
  log::warn("tpm_creation_not_certified", {{"key", to_hex(key_id)}, {"reason", certified.error().text}});
}

HostResult<channel::KeyDescription> Tpm2Driver::inspect_key(ByteView key_id) {
  SIGNER_RETURN_IF_ERROR(check_key_id(key_id));
  const Bytes id(key_id.begin(), key_id.end());
  return climb<channel::KeyDescription>(now() + kAdminTime, id,
                                        [&id](Attachment& attachment) { return attachment.inspect(id); });
}

HostResult<channel::Attestation> Tpm2Driver::attest_key(const channel::AttestRequest& request) {
  SIGNER_RETURN_IF_ERROR(check_key_id(request.key_id));
  if (request.nonce.size() < channel::kNonceMin || request.nonce.size() > channel::kNonceMax) {
    return channel::host_failure(HostStatus::kInvalid, "tpm: a nonce has 16 to 32 bytes");
  }
  channel::Attestation made;
  SIGNER_RETURN_IF_ERROR(run(request.key_id, [&](Attachment& attachment) {
    return std::make_unique<EvidenceErrand>(attachment, *evidence_files_, request, made.json);
  }));
  return made;
}

// One ladder for all steps: each rung is climbed once for the request, however often the errand begins anew.
template <class Make>
HostResult<void> Tpm2Driver::run(const Bytes& key_id, const Make& make) {
  Ladder ladder;
  const SteadyTime deadline = now() + kErrandTime;
  unsigned starts = 0;
  const auto attempt = [&](Attachment& attachment) -> TpmResult<bool> {
    if (starts == 0) end_errand();  // one that was left when the gate could not be had
    if (!errand_) {
      if (starts++ == kErrandStartsMax) {
        return verdict(HostStatus::kRefused, "the evidence was interrupted again and again: ask again later");
      }
      errand_ = make(attachment);
    }
    TpmResult<bool> done = errand_->step();
    if (done && !*done) return done;
    end_errand();
    return done;
  };
  while (true) {
    const auto done = climb<bool>(ladder, deadline, key_id, attempt);
    if (done && !*done) continue;
    if (done) return {};
    const auto alone = gate_.alone(now() + kCloseTime);
    if (alone) end_errand();  // of which the deadline passed
    if (alone && untidy_) detach();
    return fail(done.error());
  }
}

template <class T, class Attempt>
HostResult<T> Tpm2Driver::climb(SteadyTime deadline, const Bytes& key_id, const Attempt& attempt) {
  Ladder ladder;
  return climb<T>(ladder, deadline, key_id, attempt);
}

template <class T, class Attempt>
HostResult<T> Tpm2Driver::climb(Ladder& ladder, SteadyTime deadline, const Bytes& key_id, const Attempt& attempt) {
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
    detach();
  } else if (attachment_->has_session()) {
    idle_watch_->touch();
  }
  return result;
}

TpmResult<void> Tpm2Driver::attach() {
  if (!files_) return verdict(HostStatus::kInvalid, "the driver is not open");
  tidy_up();
  // Read again: a wrong auth value leads here, and the file may have been put right meanwhile.
  auto auth = read_auth_value(spec_.pin_file);
  // kUnavailable, so that the host is replaced: the next one cannot open the token and says so until the file is there.
  if (!auth) return fail(TpmError{Action::kRefused, HostStatus::kUnavailable, std::move(auth).error().text});
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
      detach();
      untidy_ = !free_slots();
      return;
    case Step::kNewContext:
      detach();
      return;
  }
}

void Tpm2Driver::end_errand() {
  if (!errand_) return;
  errand_.reset();
  untidy_ = untidy_ || attachment_->context().poisoned();
}

void Tpm2Driver::detach() {
  end_errand();
  attachment_.reset();
  tidy_up();
}

// Without a resource manager what a broken connection left loaded stays.
void Tpm2Driver::tidy_up() {
  if (untidy_) untidy_ = !free_slots();
}

// On a connection of its own: what was refused may have been our session, and its context is then poisoned.
bool Tpm2Driver::free_slots() const {
  auto context = EsysContext::open(settings_.tcti);
  if (!context) return false;
  flush_all_loaded(*context);
  return !context->poisoned();
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
      detach();
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
  if (alone) detach();
}

}  // namespace signer::tpm
