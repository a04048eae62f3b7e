// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "server/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <vector>

namespace signer::server {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(std::string name, std::string help, MetricType type) {
  MetricFamily made;
  made.name = std::move(name);
  made.help = std::move(help);
  made.type = type;
  return made;
}

void add(MetricFamily& family, double value, const std::vector<std::pair<std::string, std::string>>& labels = {}) {
  ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

MetricFamily latency_family(const pipeline::Metrics::Latency& latency) {
  MetricFamily made = family("signer_issue_seconds", "Time from parsed request to reply", MetricType::Histogram);
  ClientMetric metric;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < std::size(latency.counts); ++i) {
    total += latency.counts[i];
    const bool last = i == std::size(pipeline::Metrics::kLatencyBounds);
    metric.histogram.bucket.push_back(
        {total, last ? std::numeric_limits<double>::infinity() : pipeline::Metrics::kLatencyBounds[i]});
  }
  metric.histogram.sample_count = total;
  metric.histogram.sample_sum = latency.sum;
  made.metric.push_back(std::move(metric));
  return made;
}

}  // namespace

std::string metrics_text(const pipeline::Metrics& metrics, const pipeline::KeyTable& keys,
                         const pipeline::HmacKeyTable& hmac_keys, const pipeline::Tokens& tokens,
                         const pipeline::Pipeline& pipeline, const pipeline::Checkpointer& checkpointer) {
  std::vector<MetricFamily> families;
  const auto counter = [&families](const char* name, const char* help, std::uint64_t value) {
    families.push_back(family(name, help, MetricType::Counter));
    add(families.back(), static_cast<double>(value));
  };
  counter("signer_tokens_issued_total", "Signed tokens released", metrics.tokens_issued);
  counter("signer_self_check_failures_total", "Signatures discarded because they did not verify",
          metrics.self_check_failures);
  counter("signer_connections_accepted_total", "Connections accepted", metrics.connections_accepted);
  counter("signer_connections_refused_total", "Connections closed at accept, over a limit",
          metrics.connections_refused);
  counter("signer_http_errors_total", "Requests that were not HTTP, too slow or too large", metrics.http_errors);
  counter("signer_reloads_total", "Configuration reloads that took effect", metrics.reloads);
  counter("signer_reload_failures_total", "Configuration reloads that changed nothing", metrics.reload_failures);
  counter("signer_keys_stopped_total", "Times that a key was stopped: gone, another one, or weaker than keys are made",
          metrics.keys_stopped);
  counter("signer_audit_checkpoints_total", "Checkpoints of the audit log that were signed", metrics.checkpoints);
  counter("signer_audit_checkpoint_failures_total", "Times that a checkpoint was due and could not be made",
          metrics.checkpoint_failures);
  counter("signer_evidence_bundles_total", "Evidence bundles that were given out", metrics.evidence_bundles);
  counter("signer_audit_anchor_failures_total", "Times that a checkpoint could not be sent to an anchor",
          checkpointer.anchor_failures ? checkpointer.anchor_failures() : 0);
  families.push_back(family("signer_refusals_total", "Requests refused, by problem code", MetricType::Counter));
  for (const auto& [code, count] : metrics.refusals)
    add(families.back(), static_cast<double>(count), {{"code", std::string(to_string(code))}});
  families.push_back(latency_family(metrics.issue_latency));
  families.push_back(family("signer_connections_open", "Connections open now", MetricType::Gauge));
  add(families.back(), static_cast<double>(metrics.connections_open));
  families.push_back(family("signer_requests_under_way", "Requests for tokens being worked on", MetricType::Gauge));
  add(families.back(), static_cast<double>(pipeline.under_way()));
  families.push_back(family("signer_audit_healthy", "1 if audit records can be written", MetricType::Gauge));
  add(families.back(), pipeline.audit_healthy() ? 1 : 0);
  families.push_back(
      family("signer_audit_uncovered_records", "Audit records that no checkpoint covers yet", MetricType::Gauge));
  add(families.back(), static_cast<double>(checkpointer.uncovered()));
  families.push_back(family("signer_key_ready", "1 if the key can sign, or make pseudonyms, now", MetricType::Gauge));
  for (const auto& [name, entry] : keys.entries()) add(families.back(), entry.can_sign() ? 1 : 0, {{"key", name}});
  for (const auto& [name, entry] : hmac_keys.entries()) add(families.back(), entry.ready ? 1 : 0, {{"key", name}});
  families.push_back(
      family("signer_key_stopped", "1 if the key signs nothing until an inspection finds it good", MetricType::Gauge));
  for (const auto& [name, entry] : keys.entries()) add(families.back(), entry.stopped ? 1 : 0, {{"key", name}});
  for (const auto& [name, entry] : hmac_keys.entries()) add(families.back(), entry.stopped ? 1 : 0, {{"key", name}});
  MetricFamily ready = family("signer_token_ready", "1 if a host has the token open", MetricType::Gauge);
  MetricFamily degraded = family("signer_token_degraded",
                                 "1 if the token, though ready, did not serve a request lately", MetricType::Gauge);
  MetricFamily restarts = family("signer_host_restarts_total", "Token hosts lost", MetricType::Counter);
  MetricFamily signatures = family("signer_signatures_total", "Signatures the token made", MetricType::Counter);
  MetricFamily queued = family("signer_queue_jobs", "Jobs that wait for the token", MetricType::Gauge);
  for (const auto& [name, token] : tokens) {
    const token::TokenStatus status = token->status();
    add(ready, status.state == token::TokenState::kReady ? 1 : 0, {{"token", name}});
    add(degraded, status.degraded ? 1 : 0, {{"token", name}});
    add(restarts, static_cast<double>(status.restarts), {{"token", name}});
    add(signatures, static_cast<double>(status.signatures), {{"token", name}});
    add(queued, static_cast<double>(status.queued), {{"token", name}});
  }
  families.insert(families.end(), {ready, degraded, restarts, signatures, queued});
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace signer::server
