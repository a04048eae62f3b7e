// SPDX-License-Identifier: Apache-2.0
//
// One token as the daemon sees it: a bounded fair queue in front of a supervised host (DESIGN §2).  A host that
// crashes, hangs or answers nonsense is killed and started again with back-off, and what it had in hand is asked again
// while its deadline lets it (RS256 and HMAC are deterministic).  A refused PIN stops all attempts until an operator
// acts (invariant 5).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "channel/values.h"
#include "request/refusal.h"
#include "token/fair_queue.h"
#include "token/host_link.h"
#include "token/jobs.h"
#include "token/pace.h"

namespace signer::token {

// How long a token counts as degraded after a request that it could not serve although it was ready.
inline constexpr std::chrono::seconds kDegradedFor{10};

// How long a key whose request the token refused is not asked for again.
inline constexpr std::chrono::milliseconds kRefusedFor{200};

enum class TokenState { kStarting, kReady, kUnavailable, kPinRefused, kStopped };

[[nodiscard]] std::string_view to_string(TokenState state) noexcept;

struct TokenStatus {
  TokenState state = TokenState::kStopped;
  std::string reason;                     // of a state that is not ready, for people
  channel::TokenDescription description;  // of the last host that opened the token
  std::uint64_t restarts = 0;             // hosts lost since start
  std::uint64_t signatures = 0;
  std::size_t queued = 0;
  pid_t host_pid = -1;
  // Within kDegradedFor the token, though ready, did not serve a request: for want of time because others came first,
  // or because it refused to sign.  Then `reason` says why, if the state has no reason of its own.
  bool degraded = false;
};

struct TokenSettings {
  channel::TokenSpec spec;
  HostProgram program;
  std::string driver = "pkcs11";  // the configuration's word for it
  bool serial = false;            // signatures wait while a key is made: such a wait is no hang
  std::chrono::milliseconds assumed_pace{
      0};  // of a signature, as long as nothing is known; 0: nobody is refused for it
  std::chrono::milliseconds operation_timeout{2000};
  std::chrono::milliseconds open_timeout{30'000};
  std::chrono::milliseconds generate_timeout{120'000};
  QueueLimits queue;
};

// What the daemon wants to hear.  Called from the event loop.
struct TokenEvents {
  // A host has opened the token: keys should be looked at again.  What is asked of the first host from within this call
  // is answered before anything is signed: what became of a key while signerd was away is known by then.
  std::function<void()> ready;
  std::function<void()> lost;                       // no key of the token can sign now
  std::function<void(std::uint64_t record)> begun;  // the host works on this job: do now what should overlap with it
  std::function<void(const Bytes& key_id, const std::string& reason)> key_missing;  // a job for this key found that out
};

// Belongs to the event loop's thread.
class TokenService {
 public:
  TokenService(boost::asio::io_context& loop, const Clock& clock, TokenSettings settings);
  TokenService(const TokenService&) = delete;
  TokenService& operator=(const TokenService&) = delete;
  ~TokenService() = default;

  void listen(TokenEvents events) { events_ = std::move(events); }

  void start();

  // Fails what waits, lets the host leave its token and waits for that at most until `deadline`, then kills it; blocks.
  void stop(SteadyTime deadline);

  // Whether a job of this caller would be queued now; asked before a request costs anything.  kOverloaded (no place in
  // the queue, or at the token's pace its turn would come after its deadline), kTokenUnavailable (host down for more
  // than a moment, PIN refused).
  [[nodiscard]] Judged<void> admit(uid_t uid, const Bytes& key_id, SteadyTime deadline);

  // Why the token refused the last request for this key, if that was within kDegradedFor; else empty.
  [[nodiscard]] std::string refusal_of(const Bytes& key_id) const;

  // Queue a job.  Refusals reach job.done: those of admit(), kTokenUnavailable, kDeadlineExceeded.  Either is asked
  // again of another host if its own is lost: what is computed twice is the same bytes.
  void sign(SignJob job) { enqueue(Job(std::move(job))); }

  void mac(MacJob job) { enqueue(Job(std::move(job))); }

  using KeyReply = std::function<void(channel::HostResult<channel::KeyDescription>)>;
  void describe_key(Bytes key_id, KeyReply reply);
  void inspect_key(Bytes key_id, KeyReply reply);  // describes and judges: kWeakened, docs/channel.md
  void generate_key(const channel::KeyRequest& request, KeyReply reply);

  // May make a key pair, which takes its time (Probes::kFull).  kExpired if it was not sent before `deadline`; what the
  // host has is answered when the host does, however late.
  using AttestationReply = std::function<void(channel::HostResult<channel::Attestation>)>;
  void attest_key(const channel::AttestRequest& request, SteadyTime deadline, AttestationReply reply);

  using HmacKeyReply = std::function<void(channel::HostResult<channel::HmacKeyDescription>)>;
  void describe_hmac_key(Bytes key_id, HmacKeyReply reply);
  void generate_hmac_key(const channel::HmacKeyRequest& request, HmacKeyReply reply);

  // Refuses with kTokenUnavailable what waits for this key.  What a worker has in hand is refused too, and its answer
  // is dropped when it comes: it may not have begun yet.  Answers that came before are not touched.
  void refuse_jobs(const Bytes& key_id, const std::string& reason);

  // A signature of this host did not verify: start another one.
  void distrust(const std::string& why);

  // A signature of this token verified: hosts that were lost before do not count any more.
  void signature_was_good();

  // An operator acted (reload): try a refused PIN again.  The host's latch decides whether a login is made.
  void operator_acted();

  [[nodiscard]] const std::string& name() const noexcept { return settings_.spec.name; }

  [[nodiscard]] const std::string& driver() const noexcept { return settings_.driver; }

  [[nodiscard]] bool ready() const noexcept { return state_ == TokenState::kReady; }

  // Whether a question about a key waits for its answer.
  [[nodiscard]] bool has_calls() const noexcept { return !calls_.empty(); }

  // Whether an inspect_key or describe_hmac_key waits for its answer.
  [[nodiscard]] bool has_checks() const;

  [[nodiscard]] TokenStatus status() const;

 private:
  struct InFlight {
    Job job;
    std::uint64_t id = 0;
    bool answered = false;  // its deadline passed and the caller knows
  };

  struct Worker {
    std::deque<InFlight> jobs;  // the token works on the first
    SteadyTime busy_since{};
  };

  [[nodiscard]] static Failure<Refusal> unavailable(std::string reason);
  void start_host();
  void begun(std::optional<std::uint64_t> record);
  void resume_workers();
  bool take_control_frame(ByteView frame);
  bool take_worker_frame(Worker& worker, ByteView frame);
  void opened(const channel::HostResult<channel::TokenDescription>& result);
  void take_note(const Job& job, const std::optional<channel::HostError>& error, std::chrono::nanoseconds took);
  void call(ControlCall call);
  void generate(ControlCall wanted);
  void check(ControlCall wanted);
  void send_control();
  void enqueue(Job job);
  void dispatch();
  [[nodiscard]] std::optional<std::size_t> free_worker() const;
  bool send_job(std::size_t index, Job job);
  void host_lost(std::string why);
  void pin_refused(const std::string& why);
  void fail_calls(const std::string& why);
  std::vector<Job> take_in_flight();
  void schedule_restart();
  void fail_queued(const std::string& why);
  void on_timer();
  void wake_by(SteadyTime time);
  void arm();
  [[nodiscard]] std::chrono::nanoseconds expected_wait(uid_t uid) const;
  [[nodiscard]] bool generating() const { return calling_ && calls_.front().generates; }
  void refuse_late(SteadyTime now);
  void refuse_late_calls(SteadyTime now);
  [[nodiscard]] std::optional<std::string> hang(SteadyTime now) const;
  [[nodiscard]] std::optional<SteadyTime> next_event() const;

  const Clock& clock_;
  TokenSettings settings_;
  TokenEvents events_;

  TokenState state_ = TokenState::kStopped;
  std::string reason_;
  channel::TokenDescription description_;
  std::uint64_t restarts_ = 0;
  std::uint64_t signatures_ = 0;
  unsigned failures_ = 0;       // hosts lost without a good answer in between
  bool misconfigured_ = false;  // the last host could not open the token for a reason that an operator mends

  FairQueue<Job> queue_;
  Pace pace_;
  static constexpr unsigned kFailuresTolerated = 2;  // restarts during which callers wait rather than being refused
  static constexpr const char* kTooSlow = "it signs more slowly than requests come in";

  struct Trouble {
    SteadyTime at;
    std::string reason;
  };
  std::optional<Trouble> trouble_;    // the last request that was not served although the token was ready
  std::map<Bytes, Trouble> refused_;  // the last request for each key, if the token refused it
  std::deque<ControlCall> calls_;     // the first is with the host if calling_
  bool calling_ = false;
  bool opened_before_ = false;
  std::size_t calls_before_jobs_ = 0;  // how many of calls_, the first ones, jobs wait for
  SteadyTime call_deadline_{};         // of kOpen or of the first call
  std::uint64_t last_id_ = 0;
  std::uint64_t control_id_ = 0;

  HostLink host_;
  std::vector<Worker> workers_;  // of the host that is up

  boost::asio::steady_timer timer_;
  std::optional<SteadyTime> timer_at_;
  boost::asio::steady_timer restart_timer_;
};

}  // namespace signer::token
