// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "daemon.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/build_id.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "host_program.h"
#include "server/unit.h"

namespace signer {

namespace {

constexpr std::chrono::seconds kStopPatience{10};
constexpr std::chrono::seconds kHostPatience{3};
constexpr std::chrono::milliseconds kStopCheck{10};
constexpr std::chrono::milliseconds kLastWords{200};
constexpr std::chrono::seconds kLastCheckpoint{3};
constexpr std::chrono::milliseconds kAssumedTpmPace{200};  // of a slow chip: who is refused too early may come again

// "HOST/signer/ID", of a log that begins now.
Result<std::string> fresh_origin() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0 || !tlog::is_key_name(host.data()))
    std::snprintf(host.data(), host.size(), "localhost");
  std::array<std::uint8_t, 16> random{};
  if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return fail(ErrorCode::kInternal, "audit: RAND_bytes failed");
  return std::string(host.data()) + "/signer/" + to_hex(random);
}

std::optional<gid_t> group_of(const config::Listener& listener) {
  return listener.group.empty() ? std::nullopt : policy::system_accounts().gid(listener.group);
}

// Connections never take the descriptors that hosts, the audit log and the metadata need.
server::ServerLimits limits_of_process() {
  constexpr rlim_t kReserve = 128;
  server::ServerLimits limits;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= limits.connections_max + kReserve) return limits;
  limits.connections_max = files.rlim_cur - kReserve;
  log::warn("few_descriptors", {{"limit", files.rlim_cur}, {"connections_max", limits.connections_max}});
  return limits;
}

// Hosts are given theirs above number 256, and each token has up to 64 (signer/token/host_process.cc).
Result<void> check_descriptors() {
  constexpr rlim_t kLeast = 1024;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= kLeast) return {};
  return fail(ErrorCode::kInternal, "the limit of open files is " + std::to_string(files.rlim_cur) +
                                        ", and signerd needs " + std::to_string(kLeast) +
                                        "; raise it (LimitNOFILE= of the unit, or ulimit -n)");
}

// What a running daemon cannot change, if the fresh configuration asks for it.
std::string needs_restart(const config::Config& now, const config::Config& fresh) {
  if (now.state_dir != fresh.state_dir) return "state_dir";
  if (now.listeners != fresh.listeners) return "a [[listener]]";
  if (now.tokens != fresh.tokens) return "a [[token]]";
  if (now.audit != fresh.audit) return "[audit]";
  return {};
}

// Once for each policy, not for each connection that its grants do not fit.
void warn_of_units(const config::Config& config) {
  std::string grants;
  for (const config::Grant& grant : config.grants) {
    if (grant.match.unit) grants += (grants.empty() ? "" : ", ") + grant.name;
  }
  if (grants.empty()) return;
  if (const auto known = server::units_can_be_known(); !known) {
    log::warn("units_unknown",
              {{"grants", grants}, {"reason", known.error().text}, {"effect", "these grants match nobody"}});
  }
}

}  // namespace

Daemon::Daemon(config::Config config) : config_(std::move(config)), signals_(loop_), stop_timer_(loop_) {
  boost::system::error_code error;
  signals_.add(SIGHUP, error);  // from now on: one that comes while tokens and log are opened is a reload afterwards
}

Result<std::unique_ptr<Daemon>> Daemon::open(config::Config config) {
  SIGNER_RETURN_IF_ERROR(check_descriptors());
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config)));
  SIGNER_RETURN_IF_ERROR(daemon->lock_state());
  SIGNER_RETURN_IF_ERROR(daemon->open_audit());
  daemon->make_tokens();
  SIGNER_RETURN_IF_ERROR(daemon->open_keys_and_policy());
  SIGNER_RETURN_IF_ERROR(daemon->open_checkpoints());
  SIGNER_RETURN_IF_ERROR(daemon->open_listeners());
  return daemon;
}

Daemon::~Daemon() {
  const SteadyTime deadline = clock_.steady() + kHostPatience;
  for (const auto& [name, token] : tokens_) token->stop(deadline);
}

Result<void> Daemon::lock_state() {
  if (auto usable = ensure_directory(config_.state_dir); !usable) {
    return fail(usable.error().code,
                usable.error().text + "; make state_dir a directory that signerd's user can write");
  }
  const std::string path = config_.state_dir + "/lock";
  state_lock_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!state_lock_.valid()) return fail(ErrorCode::kInternal, "state: open " + path + ": " + errno_text(errno));
  if (::flock(state_lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::kInternal,
                "state: another signerd uses " + config_.state_dir + "; stop it or choose another state_dir");
  }
  return ensure_directory(config_.state_dir + "/latch");
}

// Two daemons may have a state_dir each and one audit.dir by mistake: their records would overwrite each other.
Result<void> Daemon::lock_audit() {
  SIGNER_RETURN_IF_ERROR(ensure_directory(config_.audit.dir));
  audit_lock_.reset(::open(config_.audit.dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!audit_lock_.valid()) {
    return fail(ErrorCode::kInternal, "audit: open " + config_.audit.dir + ": " + errno_text(errno));
  }
  if (::flock(audit_lock_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  return fail(ErrorCode::kInternal,
              "audit: another signerd writes to " + config_.audit.dir + "; stop it or choose another [audit] dir");
}

Result<void> Daemon::open_audit() {
  SIGNER_RETURN_IF_ERROR(lock_audit());
  audit::AuditOptions options;
  options.directory = config_.audit.dir;
  options.segment_bytes_max = config_.audit.segment_bytes;
  options.segment_age_max = config_.audit.segment_age;
  SIGNER_ASSIGN_OR_RETURN(options.origin, fresh_origin());
  SIGNER_ASSIGN_OR_RETURN(audit_, audit::AuditLog::open(std::move(options), [this] {
                            boost::asio::post(loop_, [this] {
                              if (pipeline_ != nullptr) pipeline_->audit_woke();
                              if (checkpointer_ != nullptr) checkpointer_->audit_woke();
                              if (evidence_ != nullptr) evidence_->audit_woke();
                            });
                          }));
  SIGNER_ASSIGN_OR_RETURN(search_key_, audit::SearchKey::open(config_.state_dir + "/audit-search-key"));
  return {};
}

Result<void> Daemon::open_checkpoints() {
  if (config_.audit.token.empty()) {
    log::warn("audit_not_signed", {{"effect", "whoever can write the log's files can rewrite it unnoticed"},
                                   {"next", "name a token in [audit]"}});
  }
  checkpointer_ = std::make_unique<pipeline::Checkpointer>(loop_, clock_, *audit_, *keys_, metrics_,
                                                           config_.audit.checkpoint_every);
  SIGNER_RETURN_IF_ERROR(checkpointer_->start());
  anchors_ = std::make_unique<anchor::Anchors>(config_.audit.anchors);
  checkpointer_->on_checkpoint = [this](const std::string& note) { anchors_->send(note); };
  checkpointer_->anchor_failures = [this] { return anchors_->failures(); };
  evidence_ = std::make_unique<pipeline::EvidenceCollector>(loop_, clock_, *audit_, *keys_, *checkpointer_, metrics_,
                                                            pipeline::DaemonIdentity{SIGNER_VERSION, build_id()});
  evidence_->set_config(config_.sha256);
  return {};
}

// What the start found and made.
void Daemon::record_opening() {
  audit::Record started;
  started.event = audit::Event::kStart;
  started.config_sha256 = config_.sha256;
  pipeline_->record_event(std::move(started));
  if (search_key_->made()) {
    audit::Record made;
    made.event = audit::Event::kSearchKey;
    made.search_key = search_key_->id();
    pipeline_->record_event(std::move(made));
  }
}

void Daemon::token_lost(const token::TokenService& token) {
  key_watch_->token_lost(token);
  keys_->token_lost(token);
  hmac_keys_->token_lost(token);
  if (stopping_) return;
  audit::Record record;
  const bool refused = token.status().state == token::TokenState::kPinRefused;
  record.event = refused ? audit::Event::kPinRefused : audit::Event::kHostLost;
  record.token = token.name();
  pipeline_->record_event(std::move(record));
}

void Daemon::make_tokens() {
  for (const config::Token& token : config_.tokens) {
    token::TokenSettings settings;
    const bool tpm = token.driver == config::DriverKind::kTpm2;
    settings.spec = {
        token.name,    token.module, token.uri, token.pin_file, config_.state_dir + "/latch/" + token.name + ".json",
        token.sessions};
    if (tpm) {
      settings.spec.key_directory = config_.state_dir + "/tpm/" + token.name;
      settings.spec.authorization = token.authorization;
      settings.driver = "tpm2";
      settings.serial = true;
      settings.assumed_pace = kAssumedTpmPace;
    }
    settings.program = {host_program(tpm ? "signer-tpm" : "signer-hsm"), {"host", "--workers"}, token.environment};
    settings.operation_timeout = token.operation_timeout;
    tokens_[token.name] = std::make_unique<token::TokenService>(loop_, clock_, std::move(settings));
  }
}

Result<void> Daemon::open_keys_and_policy() {
  SIGNER_ASSIGN_OR_RETURN(auto policy,
                          policy::Policy::build(config_, policy::system_accounts(), policy::system_files()));
  keys_ = std::make_unique<pipeline::KeyTable>(config_.state_dir, tokens_);
  hmac_keys_ = std::make_unique<pipeline::HmacKeyTable>(config_.state_dir, tokens_);
  pipeline_ = std::make_unique<pipeline::Pipeline>(loop_, clock_, *audit_, *keys_, *hmac_keys_, metrics_);
  pipeline_->set_search_key(&*search_key_);
  pipeline_->set_policy(std::move(policy));
  warn_of_units(config_);
  listen_to_keys();
  SIGNER_RETURN_IF_ERROR(keys_->load(config_.keys));
  hmac_keys_->load(config_.hmac_keys);
  listen_to_tokens();
  return {};
}

void Daemon::listen_to_keys() {
  const auto record_of = [](audit::Event event, const auto& entry) {
    audit::Record record;
    record.event = event;
    record.key = entry.config.name;
    record.detail = entry.reason;
    return record;
  };
  const auto with_kid = [](audit::Record record, const pipeline::KeyEntry& entry) {
    if (entry.active != nullptr) record.kid = entry.active->version.kid;
    return record;
  };
  keys_->on_stopped = [this, record_of, with_kid](const pipeline::KeyEntry& entry) {
    ++metrics_.keys_stopped;
    pipeline_->record_event(with_kid(record_of(audit::Event::kKeyStopped, entry), entry));
  };
  keys_->on_ready_again = [this, record_of, with_kid](const pipeline::KeyEntry& entry) {
    pipeline_->record_event(with_kid(record_of(audit::Event::kKeyReady, entry), entry));
  };
  hmac_keys_->on_stopped = [this, record_of](const pipeline::HmacKeyEntry& entry) {
    ++metrics_.keys_stopped;
    pipeline_->record_event(record_of(audit::Event::kKeyStopped, entry));
  };
  hmac_keys_->on_ready_again = [this, record_of](const pipeline::HmacKeyEntry& entry) {
    pipeline_->record_event(record_of(audit::Event::kKeyReady, entry));
  };
}

void Daemon::listen_to_tokens() {
  key_watch_ = std::make_unique<pipeline::KeyWatch>(loop_, [this](token::TokenService& token) {
    keys_->check_token(token);
    hmac_keys_->check_token(token);
  });
  const auto interval_of = [this](const std::string& name) {
    const auto named = [&name](const config::Token& token) { return token.name == name; };
    return std::find_if(config_.tokens.begin(), config_.tokens.end(), named)->key_check_every;
  };
  for (const auto& [name, token] : tokens_) {
    token::TokenEvents events;
    events.ready = [this, raw = token.get(), interval = interval_of(name)] { key_watch_->token_ready(*raw, interval); };
    events.lost = [this, raw = token.get()] { token_lost(*raw); };
    events.begun = [this](std::uint64_t record) { pipeline_->flush_audit(record); };
    events.key_missing = [this, raw = token.get()](const Bytes& key_id, const std::string& reason) {
      keys_->key_missing(*raw, key_id, reason);
      hmac_keys_->key_missing(*raw, key_id, reason);
    };
    token->listen(std::move(events));
  }
}

Result<void> Daemon::open_listeners() {
  handlers_ = std::make_unique<server::Handlers>(clock_, *pipeline_, *keys_, *hmac_keys_, tokens_, *checkpointer_,
                                                 *evidence_, metrics_, turns_);
  server_ = std::make_unique<server::Server>(loop_, clock_, *handlers_, limits_of_process());
  for (const config::Listener& listener : config_.listeners) {
    const auto group = group_of(listener);
    if (!listener.group.empty() && !group) {
      return fail(ErrorCode::kInvalidRequest, config_.file + ": listener: there is no group '" + listener.group +
                                                  "' on this machine; create it or correct the name");
    }
    SIGNER_ASSIGN_OR_RETURN(UniqueFd socket, server::listen_at(listener, group));
    SIGNER_RETURN_IF_ERROR(server_->serve(std::move(socket), listener.path));
  }
  return {};
}

void Daemon::run() {
  boost::system::error_code error;
  for (const int signal : {SIGTERM, SIGINT}) signals_.add(signal, error);
  wait_for_signal();
  record_opening();
  clock_watch_ = std::make_unique<ClockWatch>(loop_, clock_, [this](std::chrono::microseconds step) {
    audit::Record record;
    record.event = audit::Event::kClockStep;
    record.step_us = step.count();
    pipeline_->record_event(std::move(record));
  });
  for (const auto& [name, token] : tokens_) token->start();
  ::sd_notify(0, "READY=1");
  log::info("started", {{"config", config_.file}, {"keys", config_.keys.size()}, {"tokens", config_.tokens.size()}});
  loop_.run();
  if (!stop_recorded_) record_stop();
  log::info("stopped");
}

void Daemon::record_stop() {
  stop_recorded_ = true;
  pipeline_->summarize();
  audit::Record stopped;
  stopped.event = audit::Event::kStop;
  pipeline_->record_event(std::move(stopped));
}

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      if (!stopping_) reload();
    } else if (stopping_) {
      return loop_.stop();
    } else {
      stop();
    }
    wait_for_signal();
  });
}

void Daemon::reload() {
  ::sd_notify(0, "RELOADING=1");
  const std::string before = config_.sha256;
  auto fresh = config::load(config_.file);
  const Result<void> applied = fresh ? apply(*std::move(fresh)) : Result<void>(fail(std::move(fresh).error()));
  if (applied) {
    ++metrics_.reloads;
    log::info("reloaded", {{"config", config_.file}});
    audit::Record record;
    record.event = audit::Event::kReload;
    record.config_sha256 = config_.sha256;
    record.config_sha256_before = before;
    pipeline_->record_event(std::move(record));
  } else {
    ++metrics_.reload_failures;
    log::error("reload_refused", {{"reason", applied.error().text}, {"effect", "nothing was changed"}});
  }
  for (const auto& [name, token] : tokens_) token->operator_acted();
  ::sd_notify(0, "READY=1");
}

// Builds all of the new state before it drops any of the old (invariant 12).
Result<void> Daemon::apply(config::Config fresh) {
  if (const std::string part = needs_restart(config_, fresh); !part.empty()) {
    return fail(ErrorCode::kInvalidRequest, config_.file + ": " + part + " changed, which needs a restart of signerd");
  }
  SIGNER_ASSIGN_OR_RETURN(auto policy, policy::Policy::build(fresh, policy::system_accounts(), policy::system_files()));
  SIGNER_RETURN_IF_ERROR(keys_->load(fresh.keys));
  hmac_keys_->load(fresh.hmac_keys);
  pipeline_->set_policy(std::move(policy));
  config_ = std::move(fresh);
  evidence_->set_config(config_.sha256);
  warn_of_units(config_);
  return {};
}

void Daemon::stop() {
  stopping_ = true;
  ::sd_notify(0, "STOPPING=1");
  log::info("stopping", {{"under_way", pipeline_->under_way()}, {"connections", server_->connection_count()}});
  server_->drain();
  stop_when_done(clock_.steady() + kStopPatience);
}

void Daemon::stop_when_done(SteadyTime deadline) {
  const bool done = pipeline_->under_way() == 0 && server_->connection_count() == 0;
  if (done || clock_.steady() >= deadline) {
    if (!done)
      log::warn("stopped_early", {{"under_way", pipeline_->under_way()}, {"connections", server_->connection_count()}});
    if (pipeline_->under_way() > 0) return end();
    // Nothing is under way: the last record can be covered while the token is still there.
    record_stop();
    return checkpointer_->finish(clock_.steady() + kLastCheckpoint, [this] { end(); });
  }
  stop_timer_.expires_after(kStopCheck);
  stop_timer_.async_wait([this, deadline](const boost::system::error_code& error) {
    if (!error) stop_when_done(deadline);
  });
}

// What tokens still hold is refused now, so that its records stand before the one of the stop; the refusals get a
// moment to leave.
void Daemon::end() {
  const bool waits = pipeline_->under_way() > 0 || server_->connection_count() > 0;
  for (const auto& [name, token] : tokens_) token->stop(clock_.steady() + kHostPatience);
  stop_timer_.expires_after(waits ? kLastWords : std::chrono::milliseconds(0));
  stop_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    server_->close_all();
    loop_.stop();
  });
}

}  // namespace signer
