// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "server/handlers.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/log.h"
#include "jose/base64url.h"
#include "protocol/batch.h"
#include "protocol/messages.h"
#include "server/metrics_text.h"

namespace signer::server {

namespace {

using jose::Json;
using protocol::Call;

Response json_response(int status, std::string body) {
  return {status, "application/json", std::move(body) + "\n", {}};
}

Response json_response(int status, const Json& body) {
  return json_response(status, jose::dump_json(body));
}

protocol::IssuedFields fields_of(const pipeline::IssuedToken& token) {
  return {token.token(), token.kid(), token.jti(), token.exp(), token.audit_index()};
}

std::string issued_text(const pipeline::IssuedToken& token, std::optional<int> status = {}) {
  return protocol::issued_text(fields_of(token), status);
}

// A token, or what goes into one, is for whoever asked and is kept by nobody on the way.
Response unstored(std::string body) {
  Response response = json_response(200, std::move(body));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Refusal unknown_key() {
  return {ErrorCode::kNotFound, "there is no such key", "", {}};
}

Response jwks_response(const Json& set) {
  Response response = json_response(200, set);
  response.content_type = "application/jwk-set+json";
  response.headers.emplace_back("Cache-Control", "public, max-age=300");
  response.headers.emplace_back("ETag", '"' + jose::base64url_encode(jose::sha256(bytes_of(response.body))) + '"');
  return response;
}

// What everybody may know; the reason is in /v1/tokens.
constexpr const char* kStopped = "stopped: its token does not have it as it was made; see the log";
constexpr const char* kNotReady = "not ready; see the log";

std::string token_of(const pipeline::KeyEntry& entry) {
  if (entry.active != nullptr) return entry.active->version.token;
  return entry.config.tokens.empty() ? std::string() : entry.config.tokens.front();
}

const std::string& token_of(const pipeline::HmacKeyEntry& entry) {
  return entry.config.token;
}

// The reasons of the keys that are stopped, for those who may know.
template <class Table>
void add_stopped(Json& token, const Table& keys) {
  const auto described = token.at("name").get<std::string>();
  for (const auto& [name, entry] : keys.entries()) {
    if (entry.stopped && token_of(entry) == described) token["stopped_keys"][name] = entry.reason;
  }
}

bool is_software(std::string_view driver, const channel::TokenDescription& token) {
  if (driver == "tpm2") return !token.hardware && !token.manufacturer.empty();  // nothing is known before it is open
  return token.manufacturer == "SoftHSM project" || token.manufacturer == "Mozilla Foundation" ||
         token.model.starts_with("SoftHSM");
}

// The word of the query; without one, everything is tried.
std::optional<channel::Probes> probes_from(std::string_view word) {
  if (word.empty() || word == "full") return channel::Probes::kFull;
  if (word == "read-only") return channel::Probes::kReadOnly;
  if (word == "none") return channel::Probes::kNone;
  return std::nullopt;
}

// What one turn of a batch looks at: a fraction of a millisecond of the event loop for what is sent in earnest.
constexpr std::size_t kItemsEachTurn = 16;
constexpr std::size_t kBytesEachTurn = 16UL * 1024;

}  // namespace

// A batch that is being judged, and its replies, gathered in order.
struct Handlers::Batch {
  RequestContext context;
  std::string key;
  std::string body;
  std::vector<std::string_view> requests;  // in the body
  std::vector<std::string> items;
  std::size_t judged = 0;
  std::size_t open = 0;
  std::size_t issued = 0;
  Reply reply;

  void settle(std::size_t index, std::string item) {
    items[index] = std::move(item);
    if (--open > 0) return;
    std::string text = "{\"items\":[";
    for (const std::string& one : items) text += (&one == items.data() ? "" : ",") + one;
    Response response = json_response(200, text + "]}");
    // One token does not pay for a batch that is refused otherwise.
    response.brought_nothing = issued * 2 < items.size();
    reply(std::move(response));
  }
};

Response problem(const Refusal& refusal, const std::string& request_id, std::optional<int> status) {
  Response response{status.value_or(protocol::status_of(refusal.code)),
                    "application/problem+json",
                    jose::dump_json(protocol::problem_json(refusal, request_id, status)) + "\n",
                    {}};
  if (protocol::retryable(refusal.code)) {
    response.headers.emplace_back("Retry-After", std::to_string(std::max<long long>(1, refusal.retry_after.count())));
  }
  return response;
}

Response Handlers::refuse(const RequestContext& context, const Refusal& refusal, std::optional<int> status,
                          const std::string& key) {
  pipeline_.record_refusal(context, key, refusal);
  return problem(refusal, context.id, status);
}

void Handlers::handle(const RequestContext& context, const protocol::Route& route, std::string_view body, Reply reply) {
  switch (route.call) {
    case Call::kIssue:
      return issue(context, route.key, body, std::move(reply));
    case Call::kIssueBatch:
      return issue_batch(context, route.key, body, std::move(reply));
    case Call::kSignPayload:
      return sign_payload(context, route.key, body, std::move(reply));
    case Call::kCreateKey:
      return create_key(context, route.key, body, std::move(reply));
    case Call::kEvidence:
      return collect_evidence(context, route, std::move(reply));
    default:
      return reply(answer(context, route));
  }
}

void Handlers::issue(const RequestContext& context, const std::string& key, std::string_view body, Reply reply) {
  // Before the body is parsed: what a flood costs is paid by all callers.
  if (const auto allowed = pipeline_.preview(context, Verb::kIssue, key); !allowed)
    return reply(problem(allowed.error(), context.id));
  auto request = protocol::parse_issue(body, key);
  if (!request) return reply(refuse(context, request.error(), {}, key));
  pipeline_.issue(context, *std::move(request),
                  [id = context.id, reply = std::move(reply)](Judged<pipeline::IssuedToken> issued) {
                    if (!issued) return reply(problem(issued.error(), id));
                    reply(unstored(issued_text(*issued)));
                  });
}

void Handlers::sign_payload(const RequestContext& context, const std::string& key, std::string_view body, Reply reply) {
  if (const auto allowed = pipeline_.preview(context, Verb::kSignPayload, key); !allowed)
    return reply(problem(allowed.error(), context.id));
  auto request = protocol::parse_payload(body, key);
  if (!request) return reply(refuse(context, request.error(), {}, key));
  pipeline_.issue(context, *std::move(request),
                  [id = context.id, reply = std::move(reply)](Judged<pipeline::IssuedToken> issued) {
                    if (!issued) return reply(problem(issued.error(), id));
                    reply(unstored(protocol::signed_payload_text(fields_of(*issued))));
                  });
}

void Handlers::issue_batch(const RequestContext& context, const std::string& key, std::string_view body, Reply reply) {
  if (const auto allowed = pipeline_.preview(context, Verb::kIssue, key); !allowed)
    return reply(problem(allowed.error(), context.id));
  auto batch = std::make_shared<Batch>();
  batch->body = body;
  auto requests = protocol::split_batch(batch->body);
  if (!requests) return reply(refuse(context, requests.error(), {}, key));
  batch->context = context;
  batch->key = key;
  batch->requests = *std::move(requests);
  batch->open = batch->requests.size();
  batch->items.resize(batch->open);
  batch->reply = std::move(reply);
  judge_items(batch);
}

// Some of the items; the others when it is the caller's turn again.
void Handlers::judge_items(const std::shared_ptr<Batch>& batch) {
  const std::size_t end = std::min(batch->requests.size(), batch->judged + kItemsEachTurn);
  for (std::size_t bytes = 0; batch->judged < end && bytes < kBytesEachTurn; ++batch->judged) {
    const std::size_t i = batch->judged;
    bytes += batch->requests[i].size();
    auto request = protocol::parse_issue(batch->requests[i], batch->key);
    if (!request) {
      pipeline_.record_refusal(batch->context, batch->key, request.error());
      batch->settle(i, jose::dump_json(protocol::problem_json(request.error(), batch->context.id)));
      continue;
    }
    pipeline_.issue(batch->context, *std::move(request), [batch, i](Judged<pipeline::IssuedToken> issued) {
      if (issued) ++batch->issued;
      batch->settle(i, issued ? issued_text(*issued, 200)
                              : jose::dump_json(protocol::problem_json(issued.error(), batch->context.id)));
    });
  }
  if (batch->judged < batch->requests.size())
    turns_.add(batch->context.peer.uid, [this, batch] { judge_items(batch); });
}

void Handlers::create_key(const RequestContext& context, const std::string& key, std::string_view body, Reply reply) {
  const auto request = protocol::parse_create(body);
  if (!request) return reply(refuse(context, request.error(), {}, key));
  const auto grant = pipeline_.permit(context, Verb::kCreate, key);
  if (!grant) return reply(problem(grant.error(), context.id));
  pipeline::KeyEntry* entry = keys_.find(key);
  pipeline::HmacKeyEntry* hmac_entry = hmac_keys_.find(key);
  if (hmac_entry != nullptr && request->key_id) {
    return reply(refuse(context, {ErrorCode::kInvalidRequest, "HMAC keys cannot be adopted", "", {}}, 409, key));
  }
  if (hmac_entry != nullptr) return create_hmac_key(context, *hmac_entry, *grant, std::move(reply));
  if (entry == nullptr) return reply(refuse(context, unknown_key()));
  if (entry->creating || !entry->versions.empty() || entry->stopped) {
    return reply(
        refuse(context, {ErrorCode::kInvalidRequest, "the key exists already, or is being made", "", {}}, 409, key));
  }
  const auto event = request->key_id ? audit::Event::kKeyAdopted : audit::Event::kKeyCreated;
  const auto created = [this, context, key, event, grant = *grant, reply = std::move(reply)](const Result<void>& done) {
    reply(done ? key_created(context, key, event, grant) : key_not_created(context, key, done.error()));
  };
  if (request->key_id) return keys_.adopt(*entry, *request->key_id, clock_.wall(), created);
  keys_.create(*entry, clock_.wall(), created);
}

void Handlers::create_hmac_key(const RequestContext& context, pipeline::HmacKeyEntry& entry, const std::string& grant,
                               Reply reply) {
  const std::string key = entry.config.name;
  hmac_keys_.create(entry, clock_.wall(),
                    [this, context, key, grant, reply = std::move(reply)](const Result<void>& done) {
                      if (!done) return reply(key_not_created(context, key, done.error()));
                      record_key_created(context, key, audit::Event::kKeyCreated, grant, "");
                      reply(json_response(201, hmac_key_json(*hmac_keys_.find(key))));
                    });
}

Response Handlers::key_not_created(const RequestContext& context, const std::string& key, const Error& error) {
  if (error.code == ErrorCode::kInvalidRequest) return refuse(context, {error.code, error.text, "", {}}, 409, key);
  const char* detail = error.code == ErrorCode::kTokenUnavailable ? "the token cannot make or show a key now"
                       : error.code == ErrorCode::kNotFound       ? "the token holds no key under this key_id"
                                                                  : "the key was not made; see the log";
  return refuse(context, {error.code, detail, error.text, {}}, {}, key);
}

Response Handlers::key_created(const RequestContext& context, const std::string& key, audit::Event event,
                               const std::string& grant) {
  const pipeline::KeyEntry* made = keys_.find(key);
  record_key_created(context, key, event, grant, made->versions.back().kid);
  return json_response(201, key_json(*made));
}

void Handlers::record_key_created(const RequestContext& context, const std::string& key, audit::Event event,
                                  const std::string& grant, const std::string& kid) {
  audit::Record record;
  record.event = event;
  record.request_id = context.id;
  record.peer = &context.peer;
  record.grant = grant;
  record.key = key;
  record.kid = kid;
  pipeline_.record_event(std::move(record));
}

void Handlers::collect_evidence(const RequestContext& context, const protocol::Route& route, Reply reply) {
  const auto grant = pipeline_.permit(context, Verb::kReadEvidence, route.key);
  if (!grant) return reply(problem(grant.error(), context.id));
  const auto nonce = jose::base64url_decode(route.nonce);
  const auto probes = probes_from(route.probes);
  if (!nonce || nonce->size() < channel::kNonceMin || nonce->size() > channel::kNonceMax || !probes) {
    const char* detail = probes ? "nonce must be base64url of 16 to 32 bytes, of whoever judges the evidence"
                                : "probes must be none, read-only or full";
    return reply(refuse(context, {ErrorCode::kInvalidRequest, detail, "", {}}, {}, route.key));
  }
  evidence_.collect(
      context, {route.key, *nonce, *probes, *grant},
      [this, context, key = route.key, reply = std::move(reply)](const Judged<pipeline::EvidenceBundle>& bundle) {
        if (!bundle) return reply(refuse(context, bundle.error(), {}, key));
        Response response{200, "application/json", bundle->file(), {{"Cache-Control", "no-store"}}};
        reply(std::move(response));
      });
}

Response Handlers::answer(const RequestContext& context, const protocol::Route& route) {
  const pipeline::KeyEntry* entry = keys_.find(route.key);
  switch (route.call) {
    case Call::kJwks:
      return jwks_response(keys_.jwks());
    case Call::kKeyJwks:
      return entry == nullptr ? refuse(context, unknown_key()) : jwks_response(keys_.jwks(*entry));
    case Call::kKey:
      return entry == nullptr ? hmac_key(context, route.key) : json_response(200, key_json(*entry));
    case Call::kKeys: {
      Json all = Json::array();
      for (const auto& [name, one] : keys_.entries()) all.push_back(key_json(one));
      for (const auto& [name, one] : hmac_keys_.entries()) all.push_back(hmac_key_json(one));
      return json_response(200, Json{{"keys", std::move(all)}});
    }
    case Call::kTokens:
      return tokens(context);
    case Call::kCheckpoint:
      return checkpoint(context);
    case Call::kCheckpointKey:
      return text_or_absent(context, checkpointer_.vkey(), "there is no key for checkpoints");
    case Call::kReady:
      return readiness(context, route.key);
    case Call::kMetrics:
      return {200,
              "text/plain; version=0.0.4",
              metrics_text(metrics_, keys_, hmac_keys_, tokens_, pipeline_, checkpointer_),
              {}};
    default:
      return health();
  }
}

// Alive is alive: whoever restarts what does not answer 200 would make a slow token slower.
Response Handlers::health() const {
  const bool degraded = std::ranges::any_of(tokens_, [](const auto& token) { return token.second->status().degraded; });
  return json_response(200, Json{{"status", degraded ? "degraded" : "ok"}});
}

Response Handlers::checkpoint(const RequestContext& context) {
  if (const auto grant = pipeline_.permit(context, Verb::kReadAudit, ""); !grant)
    return problem(grant.error(), context.id);
  return text_or_absent(context, checkpointer_.newest(), "there is no checkpoint yet");
}

Response Handlers::text_or_absent(const RequestContext& context, const std::string& text, const char* absent) {
  if (text.empty()) return refuse(context, {ErrorCode::kNotFound, absent, "", {}});
  return {200, "text/plain; charset=utf-8", text.back() == '\n' ? text : text + "\n", {{"Cache-Control", "no-store"}}};
}

Response Handlers::tokens(const RequestContext& context) {
  const auto grant = pipeline_.permit(context, Verb::kStatus, "");
  if (!grant) return problem(grant.error(), context.id);
  Json all = Json::array();
  for (const auto& [name, token] : tokens_) {
    const token::TokenStatus status = token->status();
    const channel::TokenDescription& description = status.description;
    Json one = {{"name", name},
                {"driver", token->driver()},
                {"state", token::to_string(status.state)},
                {"degraded", status.degraded},
                {"label", description.label},
                {"manufacturer", description.manufacturer},
                {"model", description.model},
                {"serial", description.serial},
                {"firmware", description.firmware},
                {"library", description.library},
                {"mechanism", description.mechanism},
                {"hardware", description.hardware},
                {"software", is_software(token->driver(), description)},
                {"restarts", status.restarts},
                {"host_pid", status.host_pid}};
    if (!status.reason.empty()) one["reason"] = status.reason;
    add_stopped(one, keys_);
    add_stopped(one, hmac_keys_);
    all.push_back(std::move(one));
  }
  return json_response(200, Json{{"tokens", std::move(all)}});
}

Response Handlers::readiness(const RequestContext& context, const std::string& key) {
  if (!key.empty() && keys_.find(key) == nullptr && hmac_keys_.find(key) == nullptr)
    return refuse(context, unknown_key());
  const bool audit = pipeline_.audit_healthy();
  bool all = audit;
  Json keys = Json::object();
  for (const auto& [name, entry] : keys_.entries()) {
    if (key.empty() ? name == config::kCheckpointKey : name != key) continue;  // tokens are issued without it
    const bool ready = entry.can_sign();
    Json one = {{"ready", ready}};
    if (!ready)
      one["reason"] = entry.stopped || entry.active == nullptr ? "the key is stopped or absent"
                      : entry.ready                            ? "the token refuses to sign with the key"
                                                               : "the token is not ready";
    if (entry.active != nullptr && entry.active->token->status().degraded) one["degraded"] = true;
    all = all && ready;
    keys[name] = std::move(one);
  }
  for (const auto& [name, entry] : hmac_keys_.entries()) {
    if (!key.empty() && name != key) continue;
    keys[name] = {{"ready", entry.ready}};
    if (!entry.ready) {
      keys[name]["reason"] =
          entry.stopped || entry.active == nullptr ? "the key is stopped or absent" : "the token is not ready";
    }
    all = all && entry.ready;
  }
  return json_response(all ? 200 : 503, Json{{"ready", all}, {"audit", {{"ready", audit}}}, {"keys", std::move(keys)}});
}

Json Handlers::key_json(const pipeline::KeyEntry& entry) const {
  Json versions = Json::array();
  for (const keyring::KeyVersion& version : entry.versions) {
    versions.push_back({{"kid", version.kid},
                        {"state", keyring::to_string(version.state)},
                        {"created", keyring::rfc3339(version.created)},
                        {"token", version.token}});
  }
  const bool active = entry.active != nullptr && !entry.stopped;
  Json json = {{"name", entry.config.name},
               {"alg", entry.config.kind == jose::KeyKind::kP256 ? "ES256" : "RS256"},
               {"state", entry.stopped ? "stopped"
                         : active      ? "active"
                                       : "absent"},
               {"ready", entry.can_sign()},
               {"versions", std::move(versions)}};
  if (entry.active != nullptr) {
    json["kid"] = entry.active->version.kid;
    json["token"] = entry.active->version.token;
    json["created"] = keyring::rfc3339(entry.active->version.created);
  }
  if (!entry.can_sign()) json["reason"] = entry.stopped ? kStopped : kNotReady;
  return json;
}

Response Handlers::hmac_key(const RequestContext& context, const std::string& key) {
  const pipeline::HmacKeyEntry* entry = hmac_keys_.find(key);
  return entry == nullptr ? refuse(context, unknown_key()) : json_response(200, hmac_key_json(*entry));
}

Json Handlers::hmac_key_json(const pipeline::HmacKeyEntry& entry) {
  const bool active = entry.active != nullptr && !entry.stopped;
  Json json = {{"name", entry.config.name},
               {"alg", "HS256"},
               {"state", entry.stopped ? "stopped" : active ? "active" : "absent"},
               {"ready", entry.ready},
               {"use", "pairwise"},
               {"versions", Json::array()}};
  if (entry.active != nullptr) {
    json["token"] = entry.active->metadata.token;
    json["created"] = keyring::rfc3339(entry.active->metadata.created);
  }
  if (!entry.ready) json["reason"] = entry.stopped ? kStopped : kNotReady;
  return json;
}

}  // namespace signer::server
