// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit compress` and `retire`.

#include "audit/retention.h"
#include "ctl/audit.h"
#include "ctl/audit_time.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

using jose::Json;

// 45 CFR 164.316(b)(2)(i).
constexpr std::string_view kRetentionFloor = "6y";

Outcome not_kept(const Context& context, const Error& error) {
  return failed(context, error.code == ErrorCode::kInvalidRequest ? Exit::kNo : Exit::kUsage, error);
}

Result<std::string> retired_before(const AuditOptions& options) {
  SIGNER_ASSIGN_OR_RETURN(const auto span, parse_span(options.older_than));
  SIGNER_ASSIGN_OR_RETURN(const auto floor, parse_span(kRetentionFloor));
  if (span < floor && !options.below_six_years) {
    return fail(ErrorCode::kInvalidRequest,
                "audit: 45 CFR 164.316(b)(2)(i) asks for six years; give --below-six-years if you need not heed it");
  }
  const WallTime now = options.now ? WallTime(std::chrono::seconds(*options.now)) : SystemClock().wall();
  if (now.time_since_epoch() < span) return fail(ErrorCode::kInvalidRequest, "audit: --older-than is before 1970");
  return record_time(now - span);
}

}  // namespace

Outcome audit_compress(const Context& context, const AuditOptions& options) {
  const auto kept = audit::compress_segments(options.directory);
  if (!kept) return not_kept(context, kept.error());
  Json json = Json::array();
  std::string text;
  for (const audit::KeptSegment& one : *kept) {
    json.push_back({{"segment", one.name}, {"bytes_before", one.bytes_before}, {"bytes_after", one.bytes_after}});
    text += "compressed " + one.name + ", " + std::to_string(one.bytes_before) + " to " +
            std::to_string(one.bytes_after) + " bytes\n";
  }
  if (context.json) return {Exit::kYes, machine({{"compressed", json}}), ""};
  return {Exit::kYes, text.empty() ? "nothing to compress\n" : printable_lines(text), ""};
}

Outcome audit_retire(const Context& context, const AuditOptions& options) {
  const auto before = retired_before(options);
  if (!before) return failed(context, Exit::kUsage, before.error());
  auto keys = checkpoint_keys(options);
  if (!keys) return failed(context, Exit::kUsage, keys.error());
  const auto verdict = audit::check_log({options.directory, *std::move(keys), {}});
  if (!verdict) return failed(context, Exit::kUsage, verdict.error());
  if (verdict->finding) {
    const std::string why = "audit: nothing was deleted: " + finding_text(*verdict->finding);
    return failed(context, Exit::kNo, {ErrorCode::kInvalidRequest, why});
  }
  const auto segments = audit::retirable_segments(options.directory, *verdict, *before);
  if (!segments) return not_kept(context, segments.error());
  if (!options.dry_run) {
    const auto deleted = audit::delete_segments(*segments);
    if (!deleted) return not_kept(context, deleted.error());
  }
  Json json = Json::array();
  std::string text;
  for (const audit::SegmentFile& one : *segments) {
    json.push_back(one.path.filename().string());
    text += (options.dry_run ? "would delete " : "deleted ") + one.path.filename().string() + "\n";
  }
  if (context.json) return {Exit::kYes, machine({{"deleted", json}, {"dry_run", options.dry_run}}), ""};
  return {Exit::kYes, text.empty() ? "nothing to delete\n" : printable_lines(text), ""};
}

}  // namespace signer::ctl
