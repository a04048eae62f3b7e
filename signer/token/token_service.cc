// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "token/token_service.h"

#include <algorithm>
#include <random>

#include "base/log.h"
#include "channel/frames.h"

namespace signer::token {

namespace {

using boost::system::error_code;
using channel::HostStatus;

constexpr std::size_t kJobsPerWorker = 2;  // one in the token, one in the socket behind it
constexpr int kAttemptsMax = 5;            // a job that was in hand when five hosts died is part of the problem
constexpr std::chrono::milliseconds kBackoffFirst{50};
constexpr std::chrono::milliseconds kBackoffMax{800};
constexpr std::chrono::seconds kMisconfiguredPause{30};

Failure<Refusal> too_late() {
  return refuse(ErrorCode::kDeadlineExceeded, "not signed in time");
}

// What a worker says of a key that must not sign any more.
bool is_without_key(HostStatus status) {
  return status == HostStatus::kNotFound || status == HostStatus::kMismatch || status == HostStatus::kAmbiguous ||
         status == HostStatus::kWeakened;
}

}  // namespace

std::string_view to_string(TokenState state) noexcept {
  switch (state) {
    case TokenState::kStarting:
      return "starting";
    case TokenState::kReady:
      return "ready";
    case TokenState::kUnavailable:
      return "unavailable";
    case TokenState::kPinRefused:
      return "pin_refused";
    case TokenState::kStopped:
      return "stopped";
  }
  return "stopped";
}

TokenService::TokenService(boost::asio::io_context& loop, const Clock& clock, TokenSettings settings)
    : clock_(clock),
      settings_(std::move(settings)),
      queue_(settings_.queue),
      host_(loop, {[this](ByteView frame) {
                     if (!take_control_frame(frame)) host_lost("the host answers nonsense");
                   },
                   [this](std::size_t worker, ByteView frame) {
                     if (!take_worker_frame(workers_[worker], frame)) host_lost("the host answers nonsense");
                   },
                   [this](std::string why) { host_lost(std::move(why)); }}),
      timer_(loop),
      restart_timer_(loop) {}

TokenStatus TokenService::status() const {
  const bool degraded = trouble_ && clock_.steady() < trouble_->at + kDegradedFor;
  const std::string& reason = degraded && reason_.empty() ? trouble_->reason : reason_;
  return {state_, reason, description_, restarts_, signatures_, queue_.size(), host_.pid(), degraded};
}

// ---- the host's life -----------------------------------------------------------------------------------------------

void TokenService::start() {
  if (state_ == TokenState::kStopped) start_host();
}

void TokenService::start_host() {
  misconfigured_ = false;
  state_ = TokenState::kStarting;
  if (auto started = host_.start(settings_.program, settings_.spec.sessions); !started) {
    return host_lost(started.error().text);
  }
  workers_ = std::vector<Worker>(settings_.spec.sessions);
  control_id_ = ++last_id_;
  call_deadline_ = clock_.steady() + settings_.open_timeout;
  wake_by(call_deadline_);
  if (!host_.send_control(channel::encode_open(control_id_, settings_.spec))) {
    host_lost("the host did not take its first frame");
  }
}

void TokenService::opened(const channel::HostResult<channel::TokenDescription>& result) {
  if (result) {
    state_ = TokenState::kReady;
    reason_.clear();
    description_ = *result;
    log::info("token_ready", {{"token", name()},
                              {"label", description_.label},
                              {"serial", description_.serial},
                              {"manufacturer", description_.manufacturer},
                              {"model", description_.model},
                              {"mechanism", description_.mechanism},
                              {"host_pid", host_.pid()}});
    if (events_.ready) events_.ready();
    if (!std::exchange(opened_before_, true)) calls_before_jobs_ = calls_.size();
    send_control();
    return dispatch();
  }
  if (result.error().status == HostStatus::kPinRefused) return pin_refused(result.error().text);
  // A wrong module, an unclear URI or a TPM that is not the pinned one does not mend itself within a moment.
  const HostStatus status = result.error().status;
  misconfigured_ =
      status == HostStatus::kInvalid || status == HostStatus::kAmbiguous || status == HostStatus::kMismatch;
  host_lost(result.error().text);
}

// No further host is started until an operator acts, so no restart can spend the token's tries (invariant 5).
void TokenService::pin_refused(const std::string& why) {
  std::vector<Job> in_hand = take_in_flight();
  state_ = TokenState::kPinRefused;
  reason_ = why;
  log::error("pin_refused",
             {{"token", name()}, {"reason", reason_}, {"next", "no further attempt until an operator acts"}});
  host_.retire();
  for (const Job& job : in_hand) job.refuse(unavailable(why));
  fail_calls(why);
  fail_queued(why);
  if (events_.lost) events_.lost();
}

void TokenService::host_lost(std::string why) {
  if (const auto how = host_.ended()) why += " (" + *how + ")";
  std::vector<Job> in_hand = take_in_flight();
  host_.retire();
  state_ = TokenState::kUnavailable;
  reason_ = why;
  ++restarts_;
  ++failures_;
  if (misconfigured_) failures_ = std::max(failures_, kFailuresTolerated + 1);
  log::error("host_lost", {{"token", name()}, {"reason", why}, {"in_hand", in_hand.size()}, {"failures", failures_}});
  // Backwards, so that they stand in the queue in the order in which they were sent.
  for (auto job = in_hand.rbegin(); job != in_hand.rend(); ++job) {
    if (++job->attempts >= kAttemptsMax) {
      job->refuse(unavailable("in hand when " + std::to_string(kAttemptsMax) + " hosts were lost"));
    } else {
      queue_.push_again(std::move(*job));
    }
  }
  fail_calls(why);
  if (failures_ > kFailuresTolerated) fail_queued(why);
  if (events_.lost) events_.lost();
  schedule_restart();
}

// Calls about keys are not repeated: whoever asked asks again when the token is back.
void TokenService::fail_calls(const std::string& why) {
  calling_ = false;
  if (std::exchange(calls_before_jobs_, 0) > 0) opened_before_ = false;  // nothing was learned
  for (const ControlCall& call : std::exchange(calls_, {})) call.refuse({HostStatus::kUnavailable, why});
}

std::vector<Job> TokenService::take_in_flight() {
  std::vector<Job> jobs;
  for (Worker& worker : std::exchange(workers_, {})) {
    for (InFlight& flight : worker.jobs) {
      if (!flight.answered) jobs.push_back(std::move(flight.job));
    }
  }
  return jobs;
}

void TokenService::schedule_restart() {
  const unsigned doublings = std::min(failures_ > 0 ? failures_ - 1 : 0, 6U);
  auto delay = std::min(kBackoffMax, kBackoffFirst * (1U << doublings));
  if (failures_ <= 1) delay = std::chrono::milliseconds(0);
  if (misconfigured_) delay = kMisconfiguredPause;
  static thread_local std::minstd_rand jitter(
      std::random_device{}());  // spreads the hosts of several tokens, no secret
  delay -= delay * (jitter() % 25) / 100;
  restart_timer_.expires_after(delay);
  restart_timer_.async_wait([this, generation = host_.generation()](const error_code& error) {
    if (!error && generation == host_.generation() && state_ == TokenState::kUnavailable) start_host();
  });
}

void TokenService::distrust(const std::string& why) {
  if (host_.up()) host_lost(why);
}

void TokenService::signature_was_good() {
  failures_ = 0;
}

void TokenService::operator_acted() {
  const bool waits_for_operator =
      state_ == TokenState::kPinRefused || (state_ == TokenState::kUnavailable && misconfigured_);
  if (!waits_for_operator) return;
  failures_ = 0;
  restart_timer_.cancel();
  start_host();
}

void TokenService::stop(SteadyTime deadline) {
  if (state_ == TokenState::kStopped) return;
  state_ = TokenState::kStopped;
  reason_ = "signerd is stopping";
  for (const Job& job : take_in_flight()) job.refuse(unavailable(reason_));
  fail_calls(reason_);
  fail_queued(reason_);
  restart_timer_.cancel();
  timer_.cancel();
  if (!host_.leave(deadline, clock_.steady())) {
    log::warn("host_killed", {{"token", name()}, {"reason", "it did not leave its token in time"}});
  }
}

// ---- what the host says --------------------------------------------------------------------------------------------

bool TokenService::take_control_frame(ByteView frame) {
  const auto header = channel::decode_header(frame);
  if (!header || header->id != control_id_) return false;
  if (state_ == TokenState::kStarting) {
    const auto result = channel::decode_opened(frame);
    if (!result) return false;
    opened(*result);
    return true;
  }
  if (!calling_) return false;
  const auto answer = calls_.front().read(frame);
  if (!answer) return false;
  // The caller hears of both with all others.
  if (answer->error && answer->error->status == HostStatus::kUnavailable) {
    host_lost(answer->error->text);
    return true;
  }
  if (answer->error && answer->error->status == HostStatus::kPinRefused) {
    pin_refused(answer->error->text);
    return true;
  }
  if (settings_.serial && generating()) resume_workers();
  calling_ = false;
  calls_.pop_front();
  answer->deliver();
  if (calls_before_jobs_ > 0) --calls_before_jobs_;
  send_control();
  dispatch();
  return true;
}

// Answers one job; false if the frame is not the answer that is due.
bool TokenService::take_worker_frame(Worker& worker, ByteView frame) {
  const auto header = channel::decode_header(frame);
  if (!header || worker.jobs.empty() || header->id != worker.jobs.front().id) return false;
  const auto answer = worker.jobs.front().job.read(frame);
  if (!answer) return false;
  const auto& error = answer->error;
  if (error && error->status == HostStatus::kUnavailable) {
    host_lost(error->text);  // the job is asked again from the queue
    return true;
  }
  if (error && error->status == HostStatus::kPinRefused) {
    pin_refused(error->text);
    return true;
  }
  const InFlight flight = std::move(worker.jobs.front());
  worker.jobs.pop_front();
  const SteadyTime now = clock_.steady();
  take_note(flight.job, error, now - worker.busy_since);
  worker.busy_since = now;
  const bool next_begins = !worker.jobs.empty();
  const auto next = next_begins ? worker.jobs.front().job.record() : std::nullopt;
  dispatch();  // before the answer is worked on: the token need not wait for us
  if (next_begins) begun(next);
  if (error && is_without_key(error->status) && events_.key_missing)
    events_.key_missing(flight.job.key_id(), error->text);
  if (flight.answered) return true;
  if (!error) {
    answer->deliver();
  } else if (error->status == HostStatus::kExpired) {
    flight.job.refuse(too_late());
  } else {
    flight.job.refuse(unavailable(error->text));
  }
  return true;
}

// What an answer says of the token.
void TokenService::take_note(const Job& job, const std::optional<channel::HostError>& error,
                             std::chrono::nanoseconds took) {
  if (!error) {
    if (job.is_signature()) {
      ++signatures_;
      pace_.add(took);
    } else {
      failures_ = 0;  // the host compared the key; there is no better check (ADR 0017)
    }
    if (!refused_.empty()) refused_.erase(job.key_id());
    return;
  }
  log::error(job.is_signature() ? "sign_failed" : "mac_failed", {{"token", name()}, {"reason", error->text}});
  trouble_ = {clock_.steady(), error->text};
  if (error->status == HostStatus::kRefused) refused_[job.key_id()] = *trouble_;
}

// ---- what is asked of the host -------------------------------------------------------------------------------------

void TokenService::send_control() {
  refuse_late_calls(clock_.steady());
  if (state_ != TokenState::kReady || calling_ || calls_.empty()) return;
  control_id_ = ++last_id_;
  calling_ = true;
  call_deadline_ = clock_.steady() + calls_.front().timeout;
  wake_by(call_deadline_);
  if (!host_.send_control(calls_.front().encode(control_id_))) host_lost("the host does not take frames");
}

void TokenService::enqueue(Job job) {
  if (auto admitted = admit(job.uid, job.key_id(), job.deadline); !admitted)
    return job.refuse(fail(std::move(admitted).error()));
  const SteadyTime deadline = job.deadline;
  queue_.push(std::move(job));
  wake_by(deadline);
  dispatch();
}

// The one with the fewest jobs; none if all have as many as they may.
std::optional<std::size_t> TokenService::free_worker() const {
  const auto fewer = [](const Worker& a, const Worker& b) { return a.jobs.size() < b.jobs.size(); };
  const auto best = std::min_element(workers_.begin(), workers_.end(), fewer);
  if (best == workers_.end() || best->jobs.size() >= kJobsPerWorker) return std::nullopt;
  return static_cast<std::size_t>(best - workers_.begin());
}

void TokenService::dispatch() {
  while (state_ == TokenState::kReady && calls_before_jobs_ == 0 && !queue_.empty()) {
    const auto worker = free_worker();
    if (!worker) return;
    Job job = *queue_.pop();
    if (const SteadyTime now = clock_.steady(); job.deadline <= now) {
      trouble_ = {now, kTooSlow};
      job.refuse(too_late());
      continue;
    }
    if (!send_job(*worker, std::move(job))) return host_lost("the host does not take frames");
  }
}

bool TokenService::send_job(std::size_t index, Job job) {
  Worker& worker = workers_[index];
  const std::uint64_t id = ++last_id_;
  const Bytes frame = job.encode(id);
  const bool begins = worker.jobs.empty();
  if (begins) {
    worker.busy_since = clock_.steady();
    wake_by(worker.busy_since + settings_.operation_timeout);
  }
  const auto record = job.record();
  worker.jobs.push_back({std::move(job), id, false});
  if (!host_.send_worker(index, frame)) return false;
  if (begins) begun(record);
  return true;
}

// After the frame is sent, not before: whoever is woken by this must not keep the token waiting.
void TokenService::begun(std::optional<std::uint64_t> record) {
  if (record && events_.begun) events_.begun(*record);
}

// What they waited for while the token was at something else is not theirs.
void TokenService::resume_workers() {
  const SteadyTime now = clock_.steady();
  for (Worker& worker : workers_) {
    if (worker.jobs.empty()) continue;
    worker.busy_since = now;
    wake_by(now + settings_.operation_timeout);
  }
}

void TokenService::refuse_jobs(const Bytes& key_id, const std::string& reason) {
  std::vector<Job> stopped = queue_.remove_if([&key_id](const Job& job) { return job.key_id() == key_id; });
  for (Worker& worker : workers_) {
    for (InFlight& flight : worker.jobs) {
      if (flight.answered || flight.job.key_id() != key_id) continue;
      flight.answered = true;
      stopped.push_back(flight.job);
    }
  }
  for (const Job& job : stopped) job.refuse(unavailable(reason));
}

void TokenService::fail_queued(const std::string& why) {
  for (const Job& job : queue_.remove_if([](const Job&) { return true; }))
    job.refuse(unavailable("token " + name() + ": " + why));
}

// ---- time ----------------------------------------------------------------------------------------------------------

// The timer is set to the earliest thing that can become due and set again when it fires; it is not moved for what
// comes later, so a busy token costs no timer calls and an idle one has no timer.
void TokenService::wake_by(SteadyTime time) {
  if (timer_at_ && *timer_at_ <= time) return;
  timer_at_ = time;
  timer_.expires_at(time);
  timer_.async_wait([this](const error_code& error) {
    if (error) return;
    timer_at_.reset();
    on_timer();
  });
}

void TokenService::on_timer() {
  const SteadyTime now = clock_.steady();
  refuse_late(now);
  refuse_late_calls(now);
  if (const auto what = hang(now)) host_lost(*what);
  if (const auto next = next_event()) wake_by(*next);
}

void TokenService::refuse_late(SteadyTime now) {
  std::vector<Job> late = queue_.remove_if([now](const Job& job) { return job.deadline <= now; });
  for (Worker& worker : workers_) {
    for (InFlight& flight : worker.jobs) {
      if (flight.answered || flight.job.deadline > now) continue;
      flight.answered = true;
      late.push_back(std::move(flight.job));
    }
  }
  if (!late.empty() && state_ == TokenState::kReady) trouble_ = {now, kTooSlow};
  for (const Job& job : late) job.refuse(too_late());
}

// What the host has already is left to it.  Jobs wait for none of these (calls_before_jobs_): they have no deadline.
void TokenService::refuse_late_calls(SteadyTime now) {
  std::vector<ControlCall> late;
  for (auto call = calls_.begin() + (calling_ ? 1 : 0); call != calls_.end();) {
    if (!call->deadline || *call->deadline > now) {
      ++call;
      continue;
    }
    late.push_back(std::move(*call));
    call = calls_.erase(call);
  }
  for (const ControlCall& call : late) call.refuse({HostStatus::kExpired, "its turn did not come in time"});
}

std::optional<std::string> TokenService::hang(SteadyTime now) const {
  if (!host_.up()) return std::nullopt;
  if ((state_ == TokenState::kStarting || calling_) && call_deadline_ <= now)
    return "the host hangs in opening or a key call";
  if (settings_.serial && generating()) return std::nullopt;
  for (const Worker& worker : workers_) {
    if (!worker.jobs.empty() && worker.busy_since + settings_.operation_timeout <= now) {
      return std::string(worker.jobs.front().job.is_signature() ? "a signature" : "a MAC") +
             " took longer than operation_timeout (" + std::to_string(settings_.operation_timeout.count()) + " ms)";
    }
  }
  return std::nullopt;
}

std::optional<SteadyTime> TokenService::next_event() const {
  std::optional<SteadyTime> next = queue_.earliest_deadline();
  const auto consider = [&next](SteadyTime time) { next = next ? std::min(*next, time) : time; };
  if (!host_.up()) return next;
  if (state_ == TokenState::kStarting || calling_) consider(call_deadline_);
  for (auto call = calls_.begin() + (calling_ ? 1 : 0); call != calls_.end(); ++call) {
    if (call->deadline) consider(*call->deadline);
  }
  for (const Worker& worker : workers_) {
    if (!worker.jobs.empty() && !(settings_.serial && generating()))
      consider(worker.busy_since + settings_.operation_timeout);
    for (const InFlight& flight : worker.jobs) {
      if (!flight.answered) consider(flight.job.deadline);
    }
  }
  return next;
}

}  // namespace signer::token
