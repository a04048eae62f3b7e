// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/pipeline.h"

#include <algorithm>
#include <span>

#include "base/log.h"
#include "jose/base64url.h"
#include "jose/jwe.h"

namespace signer::pipeline {

namespace {

constexpr int kSelfCheckTriesMax = 2;

// A record has a bound: so many findings of a kind, and so many bytes in their texts.
constexpr std::chrono::seconds kSummaryAfter{10};
constexpr std::chrono::seconds kStallAfter{1};  // far beyond what a sync takes that is only slow

constexpr std::size_t kFindingsRecordedMax = 32;
constexpr std::size_t kFindingsBytesMax = 4096;

std::span<const claims::Finding> recordable(const std::vector<claims::Finding>& findings) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (count < std::min(findings.size(), kFindingsRecordedMax)) {
    const claims::Finding& next = findings[count];
    bytes += phi::rule_of(next.detector).size() + next.pointer.size() + next.reason.size();
    if (bytes > kFindingsBytesMax) break;
    ++count;
  }
  return std::span(findings).first(count);
}

// "phi.email /contact" for each, and how many more there were.
std::vector<std::string> texts_of(const std::vector<claims::Finding>& findings) {
  std::vector<std::string> texts;
  const auto recorded = recordable(findings);
  for (const claims::Finding& one : recorded)
    texts.push_back(std::string(phi::rule_of(one.detector)) + " " + one.pointer);
  if (recorded.size() < findings.size())
    texts.push_back("and " + std::to_string(findings.size() - recorded.size()) + " more");
  return texts;
}

void take_exempted(audit::Record& record, const std::vector<claims::Finding>& findings) {
  const auto recorded = recordable(findings);
  for (const claims::Finding& one : recorded)
    record.exempted.push_back({std::string(phi::rule_of(one.detector)), one.pointer, one.reason});
  record.exempted_more = findings.size() - recorded.size();
}

}  // namespace

// A request that its caller may make, with the key that will sign.
struct Pipeline::Permitted {
  RequestContext context;
  policy::AuthorizedRequest request;
  std::shared_ptr<const ActiveKey> key;
  std::shared_ptr<const ActiveHmacKey> pairwise_key;  // null: no token makes its pseudonym
  std::variant<policy::ShapedClaims, policy::PairwiseClaims> claims;
  WallTime time;  // what the claims were judged and set by
  SteadyTime started;
  Reply reply;
};

// One whose signing input is known.
struct Pipeline::Issue : Permitted {
  Issue(Permitted permitted, policy::SigningInput signing_input)
      : Permitted(std::move(permitted)),
        input(std::move(signing_input)),
        digest(jose::sha256(bytes_of(input.text()))) {}

  policy::SigningInput input;
  jose::Sha256Digest digest;
  std::uint64_t record_index = 0;
  std::optional<SignedToken> signed_token;
  SteadyTime awaiting_since{};  // its record, once it is signed
  int self_checks = 0;
};

void Pipeline::issue(const RequestContext& context, IssueRequest request, Reply reply) {
  const std::string key = request.key;
  auto permitted = prepare(context, std::move(request));
  if (!permitted) {
    record_refusal(context, key, permitted.error());
    return reply(fail(std::move(permitted).error()));
  }
  (*permitted)->reply = std::move(reply);
  ++under_way_;
  if (std::holds_alternative<policy::PairwiseClaims>((*permitted)->claims)) return ask_pseudonym(*permitted);
  go_on(*permitted, std::get<policy::ShapedClaims>(std::move((*permitted)->claims)));
}

Judged<Pipeline::PermittedPtr> Pipeline::prepare(const RequestContext& context, IssueRequest request) {
  const SteadyTime started = clock_.steady();
  SIGNER_ASSIGN_OR_RETURN(policy::AuthorizedRequest authorized,
                          policy_->authorize(context.peer, std::move(request), limiter_, started));
  const KeyEntry* entry = keys_.find(authorized.key());
  if (entry == nullptr || !entry->may_sign()) {
    Refusal refusal{ErrorCode::kTokenUnavailable, "the key cannot sign now",
                    entry == nullptr ? "key not configured" : entry->reason};
    if (entry == nullptr || entry->active == nullptr || entry->stopped) refusal.retry_after = kUntilSomebodyLooked;
    return Failure<Refusal>{std::move(refusal)};
  }
  if (!audit_healthy()) return refuse(ErrorCode::kInternal, "the audit log cannot be written", audit_failure());
  SIGNER_RETURN_IF_ERROR(
      entry->active->token->admit(context.peer.uid, entry->active->version.key_id, context.deadline));
  SIGNER_ASSIGN_OR_RETURN(auto pairwise, pairwise_key(authorized));
  if (pairwise != nullptr) {
    SIGNER_RETURN_IF_ERROR(pairwise->token->admit(context.peer.uid, pairwise->metadata.key_id, context.deadline));
  }
  const WallTime now = clock_.wall();
  SIGNER_ASSIGN_OR_RETURN(auto claims, policy::shape_claims(authorized, now));
  return std::make_shared<Permitted>(Permitted{context, std::move(authorized), entry->active, std::move(pairwise),
                                               std::move(claims), now, started, nullptr});
}

// Null: the profile wants no pseudonym of a token.
Judged<std::shared_ptr<const ActiveHmacKey>> Pipeline::pairwise_key(const policy::AuthorizedRequest& request) const {
  const std::string* name = request.profile().pairwise_key();
  if (name == nullptr) return std::shared_ptr<const ActiveHmacKey>();
  const HmacKeyEntry* entry = hmac_keys_.find(*name);
  if (entry != nullptr && entry->active != nullptr && !entry->stopped) return entry->active;
  return refuse(ErrorCode::kTokenUnavailable, "the profile's pairwise key cannot be used now",
                "HMAC key " + *name + ": " + (entry == nullptr ? "not configured" : entry->reason));
}

void Pipeline::ask_pseudonym(const PermittedPtr& permitted) {
  const ActiveHmacKey& key = *permitted->pairwise_key;
  auto& claims = std::get<policy::PairwiseClaims>(permitted->claims);
  token::MacJob job;
  job.uid = permitted->context.peer.uid;
  job.deadline = permitted->context.deadline;
  job.request = {key.metadata.key_id, key.metadata.known_answer, 0, claims.message()};
  job.done = [this, permitted, &claims](Judged<channel::Mac> mac) {
    if (!mac) return go_on(permitted, fail(std::move(mac).error()));
    go_on(permitted, std::move(claims).with(*mac));
  };
  key.token->mac(std::move(job));
}

// To the record and the signature, once nothing is missing from the claims.
void Pipeline::go_on(const PermittedPtr& permitted, Judged<policy::ShapedClaims> claims) {
  auto issue = claims ? issue_of(*permitted, *std::move(claims)) : Judged<IssuePtr>(fail(std::move(claims).error()));
  if (!issue) {
    record_refusal(permitted->context, permitted->request.key(), issue.error());
    return take_leave(*permitted)(fail(std::move(issue).error()));
  }
  record_intent(**issue);
  sign(*issue);
}

Judged<Pipeline::IssuePtr> Pipeline::issue_of(Permitted& permitted, policy::ShapedClaims claims) {
  const keyring::KeyVersion& version = permitted.key->version;
  SIGNER_ASSIGN_OR_RETURN(policy::SigningInput input, policy::make_signing_input(permitted.request, std::move(claims),
                                                                                 version.kid, permitted.time));
  if (permitted.pairwise_key != nullptr) {  // the answer took its time
    SIGNER_RETURN_IF_ERROR(still_signs(permitted));
    if (!audit_healthy()) return refuse(ErrorCode::kInternal, "the audit log cannot be written", audit_failure());
    // Before the record: a flood that the token cannot serve must not fill the disk with what was never signed.
    SIGNER_RETURN_IF_ERROR(
        permitted.key->token->admit(permitted.context.peer.uid, version.key_id, permitted.context.deadline));
  }
  return std::make_shared<Issue>(std::move(permitted), std::move(input));
}

// Whether its key was not stopped since it was permitted.
Judged<void> Pipeline::still_signs(const Permitted& permitted) const {
  const KeyEntry* entry = keys_.find(permitted.request.key());
  if (entry == nullptr || !entry->stopped) return {};
  return refuse(ErrorCode::kTokenUnavailable, "the key cannot sign now", entry->reason);
}

audit::Record Pipeline::record_of(audit::Event event, const RequestContext& context) const {
  audit::Record record;
  record.event = event;
  record.time = clock_.wall();
  record.request_id = context.id;
  record.peer = &context.peer;
  // At least 1: a member that is 0 is left out.
  const auto took = std::chrono::ceil<std::chrono::microseconds>(clock_.steady() - context.arrived);
  record.latency_us = std::max<std::int64_t>(1, took.count());
  return record;
}

void Pipeline::record_intent(Issue& issue) {
  audit::Record record = record_of(audit::Event::kIssue, issue.context);
  record.grant = issue.request.grant();
  record.key = issue.request.key();
  record.kid = issue.key->version.kid;
  record.profile = issue.request.profile().settings().name;
  record.profile_sha256 = issue.request.profile().sha256();
  take_exempted(record, issue.input.findings().exempted);
  record.reported = texts_of(issue.input.findings().reported);
  record.jti = issue.input.jti();
  if (search_key_ != nullptr) record.sub_hmac = search_key_->mac(issue.input.subject());
  record.audiences = issue.input.audiences();
  record.exp = issue.input.exp();
  record.input_sha256 = jose::base64url_encode(issue.digest);
  issue.record_index = audit_.append(record);
}

void Pipeline::sign(const IssuePtr& issue) {
  token::SignJob job;
  job.uid = issue->context.peer.uid;
  job.deadline = issue->context.deadline;
  job.record = issue->record_index;
  job.request = {issue->key->version.key_id, Algorithm::kRs256, 0, issue->input.text()};
  job.done = [this, issue](Judged<Bytes> signature) { take_signature(issue, std::move(signature)); };
  issue->key->token->sign(std::move(job));
}

void Pipeline::take_signature(const IssuePtr& issue, Judged<Bytes> signature) {
  if (!signature) return refuse_issue(*issue, std::move(signature).error());
  if (!self_check(*issue, *signature)) {
    ++metrics_.self_check_failures;
    log::error("self_check_failed", {{"req", issue->context.id},
                                     {"key", issue->request.key()},
                                     {"kid", issue->key->version.kid},
                                     {"effect", "the signature was discarded and the token's host is replaced"}});
    issue->key->token->distrust("a signature did not verify under the published key");
    if (auto signs = still_signs(*issue); !signs) return refuse_issue(*issue, std::move(signs).error());
    if (++issue->self_checks < kSelfCheckTriesMax) return sign(issue);
    return refuse_issue(*issue, {ErrorCode::kInternal, "the signature was not good", "self-check failed", {}});
  }
  issue->key->token->signature_was_good();
  auto token = finished(*issue, *signature);
  if (!token) return refuse_issue(*issue, {ErrorCode::kInternal, "internal error", token.error().text, {}});
  issue->signed_token = *std::move(token);
  if (const auto record = audit_.recorded(issue->record_index)) return release(*issue, *record);
  audit_.flush(issue->record_index);
  issue->awaiting_since = clock_.steady();
  awaiting_record_.push_back(issue);
  // A log that failed before this moment has woken us already and will not do so again until it has recovered.
  if (!audit_.wake_when_durable(issue->record_index) || !audit_.healthy()) return audit_woke();
  wake_by(issue->context.deadline);
}

// A disk that neither writes nor fails must not hold a caller: the timer runs only while records are awaited.
void Pipeline::wake_by(SteadyTime deadline) {
  if (timer_at_ && *timer_at_ <= deadline) return;
  timer_at_ = deadline;
  timer_.expires_at(deadline);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    timer_at_.reset();
    refuse_late();
  });
}

void Pipeline::refuse_late() {
  const SteadyTime now = clock_.steady();
  std::list<IssuePtr> waiting = std::exchange(awaiting_record_, {});
  for (IssuePtr& issue : waiting) {
    if (issue->context.deadline > now) {
      wake_by(issue->context.deadline);
      awaiting_record_.push_back(std::move(issue));
    } else {
      if (now - issue->awaiting_since >= kStallAfter) note_stall();
      refuse_issue(*issue, {ErrorCode::kDeadlineExceeded, "not recorded in time", "the audit log is slow", {}});
    }
  }
}

// A disk that neither writes nor fails: what waits for it would grow without end, so nothing is taken until it moves.
void Pipeline::note_stall() {
  if (stalled_at_) return;
  stalled_at_ = audit_.size();
  log::error("audit_stalled",
             {{"durable_records", *stalled_at_}, {"effect", "signing stops until the disk has written a record"}});
}

std::string Pipeline::audit_failure() const {
  return audit_.healthy() ? "no record became durable within a request's deadline" : audit_.failure();
}

bool Pipeline::self_check(const Issue& issue, const Bytes& signature) {
  return issue.key->verifier.verify_digest(issue.digest, signature);
}

// RFC 7519 §11.2: signed first, then encrypted, where the profile says so.
Result<SignedToken> Pipeline::finished(const Issue& issue, const Bytes& signature) {
  std::string token = issue.input.text() + "." + jose::base64url_encode(signature);
  const policy::Profile& profile = issue.request.profile();
  if (!profile.encrypts_token()) return SignedToken(std::move(token));
  SIGNER_ASSIGN_OR_RETURN(std::string encrypted,
                          jose::jwe_encrypt(*profile.recipient(), {jose::kNestedTokenContent, ""}, token));
  return SignedToken(std::move(encrypted));
}

void Pipeline::audit_woke() {
  note_failure();
  const bool healthy = audit_.healthy();
  std::list<IssuePtr> waiting = std::exchange(awaiting_record_, {});
  std::optional<std::uint64_t> next;
  for (IssuePtr& issue : waiting) {
    if (const auto record = audit_.recorded(issue->record_index)) {
      release(*issue, *record);
    } else if (!healthy) {
      refuse_issue(*issue, {ErrorCode::kInternal, "the audit log cannot be written", audit_.failure(), {}});
    } else {
      next = std::min(next.value_or(issue->record_index), issue->record_index);
      awaiting_record_.push_back(std::move(issue));
    }
  }
  if (next && !audit_.wake_when_durable(*next)) audit_woke();
}

void Pipeline::release(Issue& issue, audit::Recorded record) {
  ++metrics_.tokens_issued;
  log::debug("issued", {{"req", issue.context.id},
                        {"uid", issue.context.peer.uid},
                        {"key", issue.request.key()},
                        {"grant", issue.request.grant()},
                        {"index", record.index()}});
  finish(issue, IssuedToken(*std::move(issue.signed_token), record, issue.key->version.kid, issue.input.jti(),
                            issue.input.exp()));
}

// The intent is on record already; this says that nothing came of it.
void Pipeline::refuse_issue(Issue& issue, Refusal refusal) {
  ++metrics_.refusals[refusal.code];
  log::warn("issue_failed", {{"req", issue.context.id},
                             {"uid", issue.context.peer.uid},
                             {"key", issue.request.key()},
                             {"code", to_string(refusal.code)},
                             {"reason", refusal.reason}});
  audit::Record record = record_of(audit::Event::kFail, issue.context);
  record.key = issue.request.key();
  record.jti = issue.input.jti();
  record.code = to_string(refusal.code);
  audit_.append(record);
  audit_.flush();
  finish(issue, fail(std::move(refusal)));
}

Pipeline::Reply Pipeline::take_leave(Permitted& permitted) {
  --under_way_;
  permitted.request.leave_place();  // before the reply: who has it may ask again at once
  return std::exchange(permitted.reply, nullptr);
}

void Pipeline::finish(Issue& issue, Judged<IssuedToken> outcome) {
  metrics_.issue_latency.observe(std::chrono::duration<double>(clock_.steady() - issue.started).count());
  const Reply reply = take_leave(issue);
  reply(std::move(outcome));
}

Judged<void> Pipeline::preview(const RequestContext& context, Verb verb, const std::string& key) {
  auto allowed = policy_->preview(context.peer, verb, key, limiter_, clock_.steady());
  if (!allowed) record_refusal(context, key, allowed.error());
  return allowed;
}

Judged<std::string> Pipeline::permit(const RequestContext& context, Verb verb, const std::string& key) {
  auto permitted = policy_->authorize(context.peer, verb, key, limiter_, clock_.steady());
  if (!permitted) record_refusal(context, key, permitted.error());
  return permitted;
}

void Pipeline::record_refusal(const RequestContext& context, const std::string& key, const Refusal& refusal) {
  ++metrics_.refusals[refusal.code];
  if (!audit_healthy()) {
    refusals_.stop(context.peer.uid, clock_.steady());
    return summarize_later();
  }
  const auto suppressed = refusals_.pass(context.peer.uid, clock_.steady());
  if (!suppressed) return summarize_later();
  // A key's name is kept only if it is one of ours: what a caller wrote in its place could be anything.
  const std::string known_key = keys_.find(key) != nullptr ? key : std::string();
  log::warn("refused", {{"req", context.id},
                        {"uid", context.peer.uid},
                        {"unit", context.peer.unit},
                        {"key", known_key},
                        {"code", to_string(refusal.code)},
                        {"detail", refusal.detail},
                        {"rule", refusal.rule},
                        {"reason", refusal.reason},
                        {"suppressed", *suppressed}});
  audit::Record record = record_of(audit::Event::kRefuse, context);
  record.key = known_key;
  record.code = to_string(refusal.code);
  record.detail = refusal.detail;
  record.rule = refusal.rule;
  record.pointer = refusal.pointer;
  record.suppressed = *suppressed;
  audit_.append(record);
  audit_.flush();
}

// What was counted is written though no refusal of that user follows: at most one record for each user in that time.
void Pipeline::summarize_later() {
  if (std::exchange(summary_due_, true)) return;
  summary_timer_.expires_after(kSummaryAfter);
  summary_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    summary_due_ = false;
    summarize();
  });
}

void Pipeline::summarize() {
  if (!audit_healthy()) return summarize_later();
  for (const auto& [uid, count] : refusals_.take_stopped()) {
    audit::Record record;
    record.event = audit::Event::kRefusals;
    record.time = clock_.wall();
    record.uid = uid;
    record.suppressed = count;
    audit_.append(record);
  }
  audit_.flush();
}

// The log's own story: it cannot be written while it happens.
void Pipeline::note_failure() {
  if (stalled_at_ && audit_.size() > *stalled_at_) {
    stalled_at_.reset();
    log::warn("audit_moves_again");
  }
  if (!audit_.healthy()) {
    if (!failed_since_) failed_since_ = clock_.steady();
  } else if (failed_since_) {
    audit::Record record;
    record.event = audit::Event::kAuditRecovered;
    record.down_us = std::chrono::ceil<std::chrono::microseconds>(clock_.steady() - *failed_since_).count();
    failed_since_.reset();
    record_event(std::move(record));
  }
}

void Pipeline::record_event(audit::Record record) {
  record.time = clock_.wall();
  audit_.append(record);
  audit_.flush();
}

}  // namespace signer::pipeline
