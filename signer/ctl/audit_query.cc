// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit show`, `find` and `report`.

#include <algorithm>

#include "audit/report.h"
#include "audit/search_key.h"
#include "audit/walk.h"
#include "base/file.h"
#include "ctl/audit.h"
#include "ctl/audit_time.h"
#include "ctl/input.h"
#include "ctl/text.h"
#include "jose/base64url.h"

namespace signer::ctl {

namespace {

constexpr std::size_t kShownBytesMax = 64UL * 1024 * 1024;  // what a terminal or a pipe to jq can bear
constexpr std::size_t kSubBytesMax = 16UL * 1024;

WallTime now_of(const AuditOptions& options) {
  if (!options.now) return SystemClock().wall();
  return WallTime(std::chrono::seconds(*options.now));
}

// As it stands for a program; for people, its members in a row, those last that are in every record.
std::string shown(const Context& context, const audit::LogLine& line) {
  if (context.json) return std::string(line.line) + "\n";
  const auto parsed = jose::parse_json(line.line, {.members_max = line.line.size(), .interoperable_numbers = false});
  if (!parsed) return std::to_string(line.index) + "  no record\n";
  std::string text = std::to_string(line.index) + "  " + cell(*parsed, "time") + "  " + cell(*parsed, "event");
  for (const auto& [name, value] : parsed->items()) {
    if (name == "index" || name == "time" || name == "event" || name == "v" || name == "prev") continue;
    text += "  " + name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return printable(text) + "\n";
}

// Collects what is shown, up to a size.
class Shown {
 public:
  explicit Shown(const Context& context) : context_(context) {}

  // False if it is full.
  bool add(const audit::LogLine& line) {
    if (out_.size() >= kShownBytesMax) {
      next_ = line.index;
      return false;
    }
    out_ += shown(context_, line);
    return true;
  }

  [[nodiscard]] bool empty() const { return out_.empty(); }

  Outcome outcome(const audit::Walk& walk) && {
    std::string err;
    if (next_) err += "signerctl: that is not all; go on with --from " + std::to_string(*next_) + "\n";
    if (walk.bad_lines > 0) {
      err += "signerctl: " + std::to_string(walk.bad_lines) + " places are no records; audit verify says which\n";
    }
    return {Exit::kYes, std::move(out_), std::move(err)};
  }

 private:
  const Context& context_;
  std::string out_;
  std::optional<std::uint64_t> next_;
};

// The text in which records have the HMAC of a `sub`.
Result<std::string> sub_hmac(const Context& context, const AuditOptions& options) {
  if (options.search_key.empty()) {
    return fail(ErrorCode::kInvalidRequest, "audit: --sub-file needs --search-key, the log's search key");
  }
  SIGNER_ASSIGN_OR_RETURN(const audit::SearchKey key, audit::SearchKey::read(options.search_key));
  SIGNER_ASSIGN_OR_RETURN(std::string sub, read_source(options.sub_file, context.input_fd, kSubBytesMax));
  if (sub.ends_with('\n')) sub.pop_back();
  if (sub.empty()) return fail(ErrorCode::kInvalidRequest, options.sub_file + ": is empty");
  return key.mac(sub);
}

// What records must be to be found; empty texts ask for nothing.
struct Wanted {
  std::string since;
  std::string until;
  std::string sub_hmac;
};

Result<Wanted> wanted_of(const Context& context, const AuditOptions& options) {
  Wanted wanted;
  if (!options.since.empty()) {
    SIGNER_ASSIGN_OR_RETURN(wanted.since, parse_record_time(options.since, now_of(options)));
  }
  if (!options.until.empty()) {
    SIGNER_ASSIGN_OR_RETURN(wanted.until, parse_record_time(options.until, now_of(options)));
  }
  if (!options.sub_file.empty()) {
    SIGNER_ASSIGN_OR_RETURN(wanted.sub_hmac, sub_hmac(context, options));
  }
  return wanted;
}

bool in_time(const audit::RecordView& record, const Wanted& wanted) {
  if (wanted.since.empty() && wanted.until.empty()) return true;
  const std::string time = record.text("time");
  return time >= wanted.since && (wanted.until.empty() || time < wanted.until);
}

bool matches(const audit::RecordView& record, const AuditOptions& options, const Wanted& wanted) {
  const auto is = [&record](std::string_view name, const std::string& value) {
    return value.empty() || record.text(name) == value;
  };
  if (options.uid && record.number("uid") != static_cast<std::int64_t>(*options.uid)) return false;
  return is("event", options.event) && is("jti", options.jti) && is("kid", options.kid) &&
         is("key", options.key_name) && is("sub_hmac", wanted.sub_hmac) && in_time(record, wanted);
}

Outcome not_read(const Context& context, const Error& error) {
  return failed(context, Exit::kUsage, error);
}

}  // namespace

Outcome audit_show(const Context& context, const AuditOptions& options) {
  if (options.index && (options.from || options.to)) {
    return not_read(context, {ErrorCode::kInvalidRequest, "audit: give either --index or --from and --to"});
  }
  const std::uint64_t from = options.index.value_or(options.from.value_or(0));
  const std::uint64_t to = options.index ? *options.index : options.to.value_or(UINT64_MAX);
  Shown shown(context);
  const auto walk = audit::walk_records(
      options.directory, from, [&](const audit::LogLine& line) { return line.index <= to && shown.add(line); });
  if (!walk) return not_read(context, walk.error());
  if (shown.empty()) return failed(context, Exit::kNo, {ErrorCode::kNotFound, "audit: no such record here"});
  return std::move(shown).outcome(*walk);
}

Outcome audit_find(const Context& context, const AuditOptions& options) {
  const auto wanted = wanted_of(context, options);
  if (!wanted) return not_read(context, wanted.error());
  Shown shown(context);
  const auto walk = audit::walk_records(options.directory, options.from.value_or(0), [&](const audit::LogLine& line) {
    return !matches(line.record, options, *wanted) || shown.add(line);
  });
  if (!walk) return not_read(context, walk.error());
  Outcome outcome = std::move(shown).outcome(*walk);
  if (outcome.out.empty()) {
    Outcome none = failed(context, Exit::kNo, {ErrorCode::kNotFound, "audit: no record matches"});
    none.err += outcome.err;
    return none;
  }
  return outcome;
}

Outcome audit_report(const Context& context, const AuditOptions& options) {
  const auto wanted = wanted_of(context, options);
  if (!wanted) return not_read(context, wanted.error());
  audit::Report report;
  const auto walk = audit::walk_records(options.directory, 0, [&](const audit::LogLine& line) {
    if (in_time(line.record, *wanted)) report.add(line);
    return true;
  });
  if (!walk) return not_read(context, walk.error());
  if (context.json) {
    jose::Json json = report.to_json();
    json["first_index_here"] = walk->first_index;
    json["gaps"] = walk->bad_lines;
    return {Exit::kYes, machine(json), ""};
  }
  std::string text = report.to_text();
  if (walk->first_index > 0) {
    text += "\nrecords before " + std::to_string(walk->first_index) + " are not here\n";
  }
  if (walk->bad_lines > 0) {
    text += "\ngaps: " + std::to_string(walk->bad_lines) + " places are no records; audit verify says which\n";
  }
  return {Exit::kYes, printable_lines(text), ""};
}

}  // namespace signer::ctl
