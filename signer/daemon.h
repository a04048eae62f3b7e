// SPDX-License-Identifier: Apache-2.0
//
// Everything put together: opened in order, run, reloaded, stopped in the reverse order.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "anchor/anchors.h"
#include "audit/search_key.h"
#include "base/unique_fd.h"
#include "clock_watch.h"
#include "pipeline/checkpointer.h"
#include "pipeline/evidence_collector.h"
#include "pipeline/key_watch.h"
#include "pipeline/pipeline.h"
#include "server/listener.h"

namespace signer {

class Daemon {
 public:
  // Opens state, audit log, tokens, keys, policy and sockets.  A failure's text says in one sentence what is wrong and
  // what to do; nothing is left running.  Tokens that do not open are no failure: their keys are not ready, the others
  // serve.
  [[nodiscard]] static Result<std::unique_ptr<Daemon>> open(config::Config config);

  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  // Serves until SIGTERM or SIGINT, then finishes what is under way (at most 10 s; a second signal ends it at once).
  // SIGHUP reloads.
  void run();

 private:
  explicit Daemon(config::Config config);

  Result<void> lock_state();
  Result<void> lock_audit();
  Result<void> open_audit();
  Result<void> open_checkpoints();
  void record_opening();
  void token_lost(const token::TokenService& token);
  void make_tokens();
  Result<void> open_keys_and_policy();
  void listen_to_tokens();
  void listen_to_keys();
  Result<void> open_listeners();
  void wait_for_signal();
  void reload();
  Result<void> apply(config::Config fresh);
  void stop();
  void stop_when_done(SteadyTime deadline);
  void end();
  void record_stop();

  SystemClock clock_;
  config::Config config_;
  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer stop_timer_;
  UniqueFd state_lock_;
  UniqueFd audit_lock_;
  pipeline::Metrics metrics_;
  std::unique_ptr<audit::AuditLog> audit_;
  pipeline::Tokens tokens_;
  std::unique_ptr<pipeline::KeyTable> keys_;
  std::unique_ptr<pipeline::HmacKeyTable> hmac_keys_;
  std::unique_ptr<pipeline::Pipeline> pipeline_;
  std::unique_ptr<pipeline::KeyWatch> key_watch_;
  std::optional<audit::SearchKey> search_key_;
  std::unique_ptr<anchor::Anchors> anchors_;
  std::unique_ptr<pipeline::Checkpointer> checkpointer_;
  std::unique_ptr<pipeline::EvidenceCollector> evidence_;
  std::unique_ptr<ClockWatch> clock_watch_;
  server::Turns turns_{loop_};
  std::unique_ptr<server::Handlers> handlers_;
  std::unique_ptr<server::Server> server_;
  bool stopping_ = false;
  bool stop_recorded_ = false;
};

}  // namespace signer
