// SPDX-License-Identifier: Apache-2.0
//
// From a call to its reply: what each route does, in terms of the pipeline and the tables.  No sockets here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/checkpointer.h"
#include "pipeline/evidence_collector.h"
#include "pipeline/key_table.h"
#include "pipeline/pipeline.h"
#include "protocol/routes.h"
#include "server/turns.h"

namespace signer::server {

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beside those every reply has
  bool brought_nothing = false;                              // though its status is good: a batch of refusals
};

[[nodiscard]] Response problem(const Refusal& refusal, const std::string& request_id, std::optional<int> status = {});

// Belongs to the event loop's thread.
class Handlers {
 public:
  Handlers(const Clock& clock, pipeline::Pipeline& pipeline, pipeline::KeyTable& keys,
           pipeline::HmacKeyTable& hmac_keys, pipeline::Tokens& tokens, const pipeline::Checkpointer& checkpointer,
           pipeline::EvidenceCollector& evidence, pipeline::Metrics& metrics, Turns& turns)
      : clock_(clock),
        pipeline_(pipeline),
        keys_(keys),
        hmac_keys_(hmac_keys),
        tokens_(tokens),
        checkpointer_(checkpointer),
        evidence_(evidence),
        metrics_(metrics),
        turns_(turns) {}

  using Reply = std::function<void(Response)>;

  // `reply` is called exactly once, possibly before handle() returns.
  void handle(const RequestContext& context, const protocol::Route& route, std::string_view body, Reply reply);

  // Takes note of a refusal made before the pipeline could: counted, logged and recorded.
  // `key` is the one that was asked for, if the refusal is about one.
  Response refuse(const RequestContext& context, const Refusal& refusal, std::optional<int> status = {},
                  const std::string& key = {});

  [[nodiscard]] pipeline::Metrics& metrics() noexcept { return metrics_; }

  [[nodiscard]] Turns& turns() noexcept { return turns_; }

 private:
  struct Batch;

  void issue(const RequestContext& context, const std::string& key, std::string_view body, Reply reply);
  void issue_batch(const RequestContext& context, const std::string& key, std::string_view body, Reply reply);
  void sign_payload(const RequestContext& context, const std::string& key, std::string_view body, Reply reply);
  void judge_items(const std::shared_ptr<Batch>& batch);
  void create_key(const RequestContext& context, const std::string& key, std::string_view body, Reply reply);
  void create_hmac_key(const RequestContext& context, pipeline::HmacKeyEntry& entry, const std::string& grant,
                       Reply reply);
  Response key_created(const RequestContext& context, const std::string& key, audit::Event event,
                       const std::string& grant);
  void record_key_created(const RequestContext& context, const std::string& key, audit::Event event,
                          const std::string& grant, const std::string& kid);
  Response key_not_created(const RequestContext& context, const std::string& key, const Error& error);
  void collect_evidence(const RequestContext& context, const protocol::Route& route, Reply reply);
  [[nodiscard]] Response answer(const RequestContext& context, const protocol::Route& route);
  [[nodiscard]] Response health() const;
  [[nodiscard]] Response tokens(const RequestContext& context);
  [[nodiscard]] Response text_or_absent(const RequestContext& context, const std::string& text, const char* absent);
  [[nodiscard]] Response checkpoint(const RequestContext& context);
  [[nodiscard]] Response readiness(const RequestContext& context, const std::string& key);
  [[nodiscard]] Response hmac_key(const RequestContext& context, const std::string& key);
  [[nodiscard]] jose::Json key_json(const pipeline::KeyEntry& entry) const;
  [[nodiscard]] static jose::Json hmac_key_json(const pipeline::HmacKeyEntry& entry);

  const Clock& clock_;
  pipeline::Pipeline& pipeline_;
  pipeline::KeyTable& keys_;
  pipeline::HmacKeyTable& hmac_keys_;
  pipeline::Tokens& tokens_;
  const pipeline::Checkpointer& checkpointer_;
  pipeline::EvidenceCollector& evidence_;
  pipeline::Metrics& metrics_;
  Turns& turns_;
};

}  // namespace signer::server
