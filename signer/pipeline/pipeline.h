// SPDX-License-Identifier: Apache-2.0
//
// The one story: a request for a token, from parsed to replied (DESIGN §3).  Each stage takes the type that only the
// stage before it can make.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "audit/audit_log.h"
#include "audit/search_key.h"
#include "base/clock.h"
#include "base/flood_gate.h"
#include "jose/hash.h"
#include "pipeline/hmac_key_table.h"
#include "pipeline/key_table.h"
#include "pipeline/metrics.h"
#include "policy/claims.h"
#include "policy/policy.h"

namespace signer::pipeline {

// A token whose signature was verified with the published key (invariant 2), encrypted after that if its profile says
// so.  Only the pipeline makes one, behind its self-check.
class SignedToken {
 public:
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  friend class Pipeline;

  explicit SignedToken(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// What a caller gets.  Cannot be made without a verified token and the proof of its record.
class IssuedToken {
 public:
  IssuedToken(SignedToken token, audit::Recorded record, std::string kid, std::string jti, long long exp)
      : token_(std::move(token)), record_(record), kid_(std::move(kid)), jti_(std::move(jti)), exp_(exp) {}

  [[nodiscard]] const std::string& token() const noexcept { return token_.text(); }

  [[nodiscard]] std::uint64_t audit_index() const noexcept { return record_.index(); }

  [[nodiscard]] const std::string& kid() const noexcept { return kid_; }

  [[nodiscard]] const std::string& jti() const noexcept { return jti_; }

  [[nodiscard]] long long exp() const noexcept { return exp_; }

 private:
  SignedToken token_;
  audit::Recorded record_;
  std::string kid_;
  std::string jti_;
  long long exp_;
};

// Belongs to the event loop's thread.
class Pipeline {
 public:
  Pipeline(boost::asio::io_context& loop, const Clock& clock, audit::AuditLog& audit, KeyTable& keys,
           HmacKeyTable& hmac_keys, Metrics& metrics)
      : clock_(clock),
        audit_(audit),
        keys_(keys),
        hmac_keys_(hmac_keys),
        metrics_(metrics),
        timer_(loop),
        summary_timer_(loop) {}

  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Whose subjects can be found in the audit log: by whoever holds this key, which outlives the pipeline.
  void set_search_key(const audit::SearchKey* key) { search_key_ = key; }

  // From now on requests are judged by this one; those under way keep theirs.
  void set_policy(std::shared_ptr<const policy::Policy> policy) { policy_ = std::move(policy); }

  // Called exactly once for each request, possibly before issue() returns.
  using Reply = std::function<void(Judged<IssuedToken>)>;

  // authorize -> shape (-> pseudonym, where a token makes it) -> record -> sign -> self-check -> reply.
  void issue(const RequestContext& context, IssueRequest request, Reply reply);

  // Whether it is worth reading what the caller asks for with a verb that mints; a refusal is recorded.
  [[nodiscard]] Judged<void> preview(const RequestContext& context, Verb verb, const std::string& key);

  // Whether `peer` may do `verb` (to `key`), the grant's rate spent if it is read-evidence; a refusal is recorded.
  [[nodiscard]] Judged<std::string> permit(const RequestContext& context, Verb verb, const std::string& key);

  // Records a refusal that happened before there was a request to judge, such as a body that is not JSON.
  void record_refusal(const RequestContext& context, const std::string& key, const Refusal& refusal);

  // Records how many refusals were counted and not written; also done by itself, some seconds after the first.
  void summarize();

  // Records an event of the daemon's own; durable soon.
  void record_event(audit::Record record);

  // The audit log woke us: replies whose records are durable now go out; if the log failed, they are refused.
  void audit_woke();

  // The token works on the job of this record: the record becomes durable meanwhile.  Jobs further behind wait, so that
  // many become durable together.
  void flush_audit(std::uint64_t record) { audit_.flush(record); }

  [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }

  // False while records cannot be written, or the disk answers nothing: then nothing is signed.
  [[nodiscard]] bool audit_healthy() const noexcept { return audit_.healthy() && !stalled_at_; }

 private:
  struct Permitted;
  using PermittedPtr = std::shared_ptr<Permitted>;
  struct Issue;
  using IssuePtr = std::shared_ptr<Issue>;

  Judged<PermittedPtr> prepare(const RequestContext& context, IssueRequest request);
  Judged<std::shared_ptr<const ActiveHmacKey>> pairwise_key(const policy::AuthorizedRequest& request) const;
  void ask_pseudonym(const PermittedPtr& permitted);
  void go_on(const PermittedPtr& permitted, Judged<policy::ShapedClaims> claims);
  Judged<IssuePtr> issue_of(Permitted& permitted, policy::ShapedClaims claims);
  [[nodiscard]] Judged<void> still_signs(const Permitted& permitted) const;
  [[nodiscard]] audit::Record record_of(audit::Event event, const RequestContext& context) const;
  void record_intent(Issue& issue);
  void sign(const IssuePtr& issue);
  void take_signature(const IssuePtr& issue, Judged<Bytes> signature);
  [[nodiscard]] static bool self_check(const Issue& issue, const Bytes& signature);
  [[nodiscard]] static Result<SignedToken> finished(const Issue& issue, const Bytes& signature);
  void summarize_later();
  void note_failure();
  void wake_by(SteadyTime deadline);
  void refuse_late();
  void note_stall();
  [[nodiscard]] std::string audit_failure() const;
  void release(Issue& issue, audit::Recorded record);
  void refuse_issue(Issue& issue, Refusal refusal);
  Reply take_leave(Permitted& permitted);
  void finish(Issue& issue, Judged<IssuedToken> outcome);

  const Clock& clock_;
  audit::AuditLog& audit_;
  KeyTable& keys_;
  HmacKeyTable& hmac_keys_;
  Metrics& metrics_;
  const audit::SearchKey* search_key_ = nullptr;
  std::shared_ptr<const policy::Policy> policy_;
  policy::Limiter limiter_;
  FloodGate refusals_{50, 200};          // what one uid can write by being refused
  std::list<IssuePtr> awaiting_record_;  // signed and checked, record not yet durable
  boost::asio::steady_timer timer_;      // of awaiting_record_
  std::optional<SteadyTime> timer_at_;
  boost::asio::steady_timer summary_timer_;  // of refusals that were counted and not written
  bool summary_due_ = false;
  std::optional<std::uint64_t> stalled_at_;  // records that were durable when one missed its deadline
  std::optional<SteadyTime> failed_since_;   // when the log was first seen to fail
  std::size_t under_way_ = 0;
};

}  // namespace signer::pipeline
