// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/evidence_collector.h"

#include "base/file.h"
#include "base/hex.h"
#include "evidence/bundle.h"
#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::pipeline {

namespace {

using jose::Json;

constexpr std::size_t kVendorBytesMax = 64UL * 1024;
constexpr jose::JsonLimits kAttestationLimits{
    .bytes_max = channel::kAttestationMax, .depth_max = 12, .members_max = 32768};

// For whoever finds the token busy: what probes take, about.
constexpr std::chrono::seconds kBusyFor{5};

Failure<Refusal> refusal_of(const channel::HostError& error) {
  using channel::HostStatus;
  if (error.status == HostStatus::kExpired)
    return refuse(ErrorCode::kDeadlineExceeded, "the evidence was not there in time");
  const bool may_pass = error.status == HostStatus::kUnavailable || error.status == HostStatus::kRefused;
  return refuse(may_pass ? ErrorCode::kTokenUnavailable : ErrorCode::kInternal,
                "the token gave no evidence; see the log", error.text);
}

std::string_view alg_of(Algorithm algorithm) {
  return algorithm == Algorithm::kEs256 ? "ES256" : "RS256";
}

}  // namespace

struct EvidenceCollector::Collection {
  explicit Collection(boost::asio::io_context& loop) : timer(loop) {}

  RequestContext context;
  EvidenceRequest request;
  std::shared_ptr<const ActiveKey> key;
  std::string config_sha256;
  std::string checkpoint;  // as it stood when the collection began: the token quotes it
  std::string vendor_data;
  bool attesting = true;  // the token has been asked and has not answered
  std::string statement;
  std::string input;  // what the key signs
  std::optional<std::uint64_t> record_index;
  std::string file;                 // once it is signed and checked
  boost::asio::steady_timer timer;  // of its deadline
  Reply reply;                      // null: the caller has its answer
};

void EvidenceCollector::collect(const RequestContext& context, EvidenceRequest request, Reply reply) {
  auto begun = begin(context, std::move(request));
  if (!begun) return reply(fail(std::move(begun).error()));
  const CollectionPtr collection = *std::move(begun);
  collection->reply = std::move(reply);
  under_way_[collection->key->token] = collection;
  collection->timer.expires_at(context.deadline);
  collection->timer.async_wait([this, weak = std::weak_ptr(collection)](const boost::system::error_code& error) {
    const CollectionPtr late = weak.lock();
    if (!error && late != nullptr && late->reply)
      finish(*late, refuse(ErrorCode::kDeadlineExceeded, "the evidence was not there in time"));
  });
  channel::AttestRequest asked{
      collection->key->version.key_id, collection->request.nonce, {}, collection->request.probes};
  asked.context = evidence::context_of(collection->key->version.kid, collection->config_sha256, collection->checkpoint,
                                       bytes_of(collection->vendor_data));
  collection->key->token->attest_key(
      asked, context.deadline, [this, collection](const auto& attestation) { attested(collection, attestation); });
}

Judged<EvidenceCollector::CollectionPtr> EvidenceCollector::begin(const RequestContext& context,
                                                                  EvidenceRequest request) {
  SIGNER_ASSIGN_OR_RETURN(const KeyEntry* entry, signing_entry(request.key));
  if (under_way_.contains(entry->active->token)) {
    Refusal busy{ErrorCode::kOverloaded, "evidence of this token is being collected; try again later", "", kBusyFor};
    return Failure<Refusal>{std::move(busy)};
  }
  if (!audit_.healthy()) return refuse(ErrorCode::kInternal, "the audit log cannot be written", audit_.failure());
  auto collection = std::make_shared<Collection>(loop_);
  if (const std::string& path = entry->config.vendor_evidence; !path.empty()) {
    auto data = read_file(path, kVendorBytesMax);
    if (!data)
      return refuse(ErrorCode::kInternal, "the manufacturer's evidence cannot be read; see the log", data.error().text);
    collection->vendor_data = *std::move(data);
  }
  collection->context = context;
  collection->request = std::move(request);
  collection->key = entry->active;
  collection->config_sha256 = config_sha256_;
  collection->checkpoint = checkpointer_.newest();
  return collection;
}

// The key's entry, if the key may sign now.  One that is stopped stays so until somebody acts: no reason to hurry.
Judged<const KeyEntry*> EvidenceCollector::signing_entry(const std::string& key) const {
  const KeyEntry* entry = keys_.find(key);
  if (entry == nullptr) return refuse(ErrorCode::kNotFound, "there is no such key");
  if (entry->stopped) {
    Refusal stopped{ErrorCode::kTokenUnavailable, "the key is stopped; an operator must look at it", entry->reason,
                    kUntilSomebodyLooked};
    return Failure<Refusal>{std::move(stopped)};
  }
  if (!entry->may_sign()) return refuse(ErrorCode::kTokenUnavailable, "the key cannot sign now", entry->reason);
  return entry;
}

// Whether its key was neither stopped nor replaced while the token was asked (invariant 8).
Judged<void> EvidenceCollector::still_signs(const Collection& collection) const {
  SIGNER_ASSIGN_OR_RETURN(const KeyEntry* entry, signing_entry(collection.request.key));
  if (entry->active->version.kid == collection.key->version.kid) return {};
  return refuse(ErrorCode::kTokenUnavailable, "the key was replaced meanwhile");
}

void EvidenceCollector::attested(const CollectionPtr& collection,
                                 const channel::HostResult<channel::Attestation>& attestation) {
  collection->attesting = false;
  if (!collection->reply) return leave(*collection);  // its deadline has passed
  if (!attestation) return finish(*collection, refusal_of(attestation.error()));
  if (auto signs = still_signs(*collection); !signs) return finish(*collection, fail(std::move(signs).error()));
  auto statement = state(*collection, *attestation);
  if (!statement) {
    collection->key->token->distrust("the host's evidence is no JSON");
    return finish(*collection,
                  refuse(ErrorCode::kInternal, "the token's evidence makes no sense", statement.error().text));
  }
  collection->statement = *std::move(statement);
  const keyring::KeyVersion& version = collection->key->version;
  collection->input = evidence::signing_input(alg_of(version.public_key.algorithm), version.kid,
                                              jose::base64url_encode(collection->request.nonce), collection->statement);
  record(*collection);
  sign(collection);
}

Result<std::string> EvidenceCollector::state(const Collection& collection,
                                             const channel::Attestation& attestation) const {
  SIGNER_ASSIGN_OR_RETURN(Json part, jose::parse_json_object(attestation.json, kAttestationLimits));
  const keyring::KeyVersion& version = collection.key->version;
  const std::string fmt = collection.key->token->driver() == "tpm2" ? "tpm" : "pkcs11";
  Json statement = {
      {"format", evidence::kFormat},
      {"fmt", fmt},
      {"made", std::chrono::floor<std::chrono::seconds>(clock_.wall().time_since_epoch()).count()},
      {"nonce", jose::base64url_encode(collection.request.nonce)},
      {"key", collection.request.key},
      {"kid", version.kid},
      {"jwk", jose::to_jwk(version.public_key)},
      {"daemon",
       {{"version", identity_.version}, {"build_id", identity_.build_id}, {"config_sha256", collection.config_sha256}}},
      {fmt, std::move(part)}};
  if (!collection.checkpoint.empty()) {
    statement["audit"] = {{"checkpoint", collection.checkpoint}, {"vkey", checkpointer_.vkey()}};
  }
  if (!collection.vendor_data.empty()) {
    const ByteView data = bytes_of(collection.vendor_data);
    statement["vendor"] = {{"data", jose::base64url_encode(data)}, {"sha256", to_hex(jose::sha256(data))}};
  }
  return jose::dump_json(statement);
}

// Before the signature: none leaves without its record (invariant 1).
void EvidenceCollector::record(Collection& collection) {
  audit::Record record;
  record.event = audit::Event::kEvidence;
  record.time = clock_.wall();
  record.request_id = collection.context.id;
  record.peer = &collection.context.peer;
  record.grant = collection.request.grant;
  record.key = collection.request.key;
  record.kid = collection.key->version.kid;
  record.input_sha256 = jose::base64url_encode(jose::sha256(bytes_of(collection.input)));
  const auto took = std::chrono::ceil<std::chrono::microseconds>(clock_.steady() - collection.context.arrived);
  record.latency_us = std::max<std::int64_t>(1, took.count());
  collection.record_index = audit_.append(record);
  audit_.flush(*collection.record_index);
}

// The intent is on record already; this says that nothing came of it.
void EvidenceCollector::record_failure(const Collection& collection, ErrorCode code) {
  audit::Record record;
  record.event = audit::Event::kFail;
  record.time = clock_.wall();
  record.request_id = collection.context.id;
  record.peer = &collection.context.peer;
  record.key = collection.request.key;
  record.code = to_string(code);
  audit_.flush(audit_.append(record));
}

void EvidenceCollector::sign(const CollectionPtr& collection) {
  const keyring::KeyVersion& version = collection->key->version;
  token::SignJob job;
  job.uid = collection->context.peer.uid;
  job.deadline = collection->context.deadline;
  job.request = {version.key_id, version.public_key.algorithm, 0, collection->input};
  job.done = [this, collection](const Judged<Bytes>& signature) { take(collection, signature); };
  collection->key->token->sign(std::move(job));
}

void EvidenceCollector::take(const CollectionPtr& collection, const Judged<Bytes>& signature) {
  if (!collection->reply) return;
  if (!signature) return finish(*collection, fail(signature.error()));
  if (!collection->key->verifier.verify(bytes_of(collection->input), *signature)) {
    ++metrics_.self_check_failures;
    collection->key->token->distrust("a signature did not verify under the published key");
    return finish(*collection, refuse(ErrorCode::kInternal, "the signature was not good", "self-check failed"));
  }
  collection->key->token->signature_was_good();
  collection->file =
      evidence::write_bundle(collection->input + "." + jose::base64url_encode(*signature), collection->statement);
  if (!audit_.wake_when_durable(*collection->record_index) || !audit_.healthy()) release(*collection);
}

void EvidenceCollector::audit_woke() {
  const auto under_way = under_way_;  // those that are released leave it
  for (const auto& [token, collection] : under_way) {
    if (collection->reply && !collection->file.empty()) release(*collection);
  }
}

void EvidenceCollector::release(Collection& collection) {
  if (const auto record = audit_.recorded(*collection.record_index)) {
    return finish(collection, EvidenceBundle(std::move(collection.file), *record));
  }
  if (!audit_.healthy())
    return finish(collection, refuse(ErrorCode::kInternal, "the audit log cannot be written", audit_.failure()));
  // Woken for another's record.
  if (!audit_.wake_when_durable(*collection.record_index)) release(collection);
}

// A host that is still at it has no time for another: the token's place is free once it has answered.
void EvidenceCollector::finish(Collection& collection, Judged<EvidenceBundle> outcome) {
  collection.timer.cancel();
  if (outcome) ++metrics_.evidence_bundles;
  if (!outcome && collection.record_index) record_failure(collection, outcome.error().code);
  const Reply reply = std::exchange(collection.reply, nullptr);
  if (!collection.attesting) leave(collection);
  reply(std::move(outcome));
}

void EvidenceCollector::leave(const Collection& collection) {
  under_way_.erase(collection.key->token);
}

}  // namespace signer::pipeline
