// SPDX-License-Identifier: Apache-2.0

#include "ctl/audit.h"

#include "audit/line.h"
#include "audit/prove.h"
#include "audit/walk.h"
#include "base/file.h"
#include "ctl/input.h"
#include "ctl/text.h"
#include "tlog/note.h"
#include "tlog/tlog_proof.h"

namespace signer::ctl {

namespace {

using jose::Json;

constexpr std::size_t kKeyFileBytesMax = 64UL * 1024;
constexpr std::size_t kProofBytesMax = 256UL * 1024;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

Json finding_json(const audit::Finding& finding) {
  Json json = {{"problem", audit::to_string(finding.problem)}, {"why", finding.why}};
  if (finding.records) json.update({{"first", finding.records->first}, {"last", finding.records->last}});
  if (!finding.file.empty()) json["file"] = finding.file;
  if (finding.line > 0) json["line"] = finding.line;
  return json;
}

Json verdict_json(const audit::Verdict& verdict) {
  Json json = {{"valid", !verdict.finding},
               {"origin", verdict.origin},
               {"first_index", verdict.first_index},
               {"size", verdict.size},
               {"covered", verdict.covered},
               {"checkpoints", verdict.checkpoints},
               {"signatures_checked", verdict.signatures_checked},
               {"torn_bytes", verdict.tail.torn_bytes},
               {"stray_bytes", verdict.tail.stray_bytes},
               {"not_compared", verdict.not_compared}};
  if (verdict.root) json["root"] = tlog::to_base64(*verdict.root);
  if (verdict.finding) json["finding"] = finding_json(*verdict.finding);
  return json;
}

std::string records_text(const audit::Verdict& verdict) {
  if (verdict.size == verdict.first_index) return "none";
  std::string text = number(verdict.first_index) + " to " + number(verdict.size - 1);
  if (verdict.first_index > 0) text += "; older ones are not here";
  return text;
}

std::string covered_text(const audit::Verdict& verdict) {
  if (verdict.checkpoints == 0) return "none: there is no checkpoint";
  std::string text =
      "up to " + number(verdict.covered) + " records, by " + number(verdict.checkpoints) + " checkpoints";
  if (verdict.size > verdict.covered) text += "; " + number(verdict.size - verdict.covered) + " are behind the newest";
  return text;
}

std::string verdict_text(const audit::Verdict& verdict) {
  std::string text = verdict.finding ? finding_text(*verdict.finding) + "\n" : "OK\n";
  std::vector<Row> rows = {{"origin", verdict.origin}, {"records", records_text(verdict)}};
  if (!verdict.finding) {
    rows.push_back({"covered", covered_text(verdict)});
    if (verdict.root) rows.push_back({"root", tlog::to_base64(*verdict.root)});
  }
  rows.push_back({"signatures", verdict.signatures_checked ? "checked" : "NOT checked: give --key"});
  if (verdict.tail.torn_bytes + verdict.tail.stray_bytes > 0) {
    rows.push_back({"behind them", number(verdict.tail.torn_bytes) + " bytes of a line without its newline, " +
                                       number(verdict.tail.stray_bytes) +
                                       " behind a zero byte: no part of the log, or not yet"});
  }
  for (const std::string& source : verdict.not_compared) {
    rows.push_back({"not compared", source + ": the records that it covers are not here"});
  }
  return text + table(rows);
}

// The record whose jti it is, the newest of several.
Result<std::uint64_t> index_of_jti(const AuditOptions& options) {
  std::optional<std::uint64_t> found;
  SIGNER_ASSIGN_OR_RETURN(const audit::Walk walk,
                          audit::walk_records(options.directory, 0, [&](const audit::LogLine& line) {
                            if (line.record.is("event", "issue") && line.record.text("jti") == options.jti)
                              found = line.index;
                            return true;
                          }));
  (void)walk;
  if (found) return *found;
  return fail(ErrorCode::kNotFound, "audit: no issue record has this jti");
}

std::string without_newline(std::string text) {
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

std::string finding_text(const audit::Finding& finding) {
  std::string text = std::string(audit::to_string(finding.problem)) + ": ";
  if (finding.records && finding.records->first == finding.records->last) {
    text += "record " + number(finding.records->first) + ", ";
  } else if (finding.records) {
    text += "a record from " + number(finding.records->first) + " to " + number(finding.records->last) + ", ";
  }
  if (!finding.file.empty()) text += finding.file + (finding.line > 0 ? ":" + number(finding.line) : "") + ": ";
  return printable(text + finding.why);
}

Result<std::vector<tlog::NoteKey>> checkpoint_keys(const AuditOptions& options) {
  std::vector<tlog::NoteKey> keys;
  for (const std::string& given : options.keys) {
    if (auto key = tlog::NoteKey::parse(given)) {
      keys.push_back(*std::move(key));
      continue;
    }
    SIGNER_ASSIGN_OR_RETURN(const std::string text, read_file_or_pipe(given, kKeyFileBytesMax));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      auto key = tlog::NoteKey::parse(std::string_view(text).substr(at, end - at));
      if (!key && end > at) return fail(ErrorCode::kInvalidRequest, given + ": " + key.error().text);
      if (key) keys.push_back(*std::move(key));
      at = end + 1;
    }
    if (keys.empty()) return fail(ErrorCode::kInvalidRequest, given + ": no verifier key in it");
  }
  return keys;
}

namespace {

constexpr std::size_t kKeptBytesMax = 64UL * 1024 * 1024;  // half a year of an anchor's file

// The notes of a file: one, or as an anchor appends them, with an empty line behind each.  Of several those that are no
// notes are left out, such as one that a full disk cut short.
std::vector<std::string> notes_of(const std::string& text) {
  constexpr std::string_view kSignature = "\xE2\x80\x94 ";
  std::vector<std::string> notes;
  std::string note;
  bool is_signed = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end;
    if (line == "\n" && (is_signed || note.empty())) {
      if (!note.empty()) notes.push_back(std::move(note));
      note.clear();
      is_signed = false;
      continue;
    }
    is_signed = line.starts_with(kSignature);
    note += line;
  }
  if (!note.empty() || notes.empty()) notes.push_back(std::move(note));
  if (notes.size() == 1) return notes;
  std::erase_if(notes, [](const std::string& one) { return !tlog::parse_note(one); });
  return notes;
}

}  // namespace

Outcome audit_verify(const Context& context, const AuditOptions& options) {
  auto keys = checkpoint_keys(options);
  if (!keys) return failed(context, Exit::kUsage, keys.error());
  audit::CheckOptions check{options.directory, *std::move(keys), {}};
  for (const std::string& path : options.checkpoints) {
    const auto text = read_file_or_pipe(path, kKeptBytesMax);
    if (!text) return failed(context, Exit::kUsage, text.error());
    for (std::string& note : notes_of(*text)) check.kept.push_back({path, std::move(note)});
  }
  const auto verdict = audit::check_log(check);
  if (!verdict) return failed(context, Exit::kUsage, verdict.error());
  const Exit exit = verdict->finding ? Exit::kNo : verdict->not_compared.empty() ? Exit::kYes : Exit::kUsage;
  return {exit, context.json ? machine(verdict_json(*verdict)) : verdict_text(*verdict), ""};
}

Outcome audit_prove(const Context& context, const AuditOptions& options) {
  if (options.index.has_value() == !options.jti.empty()) {
    return failed(context, Exit::kUsage, {ErrorCode::kInvalidRequest, "audit: give either --index or --jti"});
  }
  const std::string checkpoint = options.checkpoints.empty()
                                     ? options.directory + "/" + std::string(audit::kCheckpointFile)
                                     : options.checkpoints.front();
  const auto note = read_file_or_pipe(checkpoint, tlog::kNoteBytesMax);
  if (!note) return failed(context, Exit::kUsage, note.error());
  const auto index = options.index ? Result<std::uint64_t>(*options.index) : index_of_jti(options);
  if (!index) {
    return failed(context, index.error().code == ErrorCode::kNotFound ? Exit::kNo : Exit::kUsage, index.error());
  }
  const auto proof = audit::prove_record(options.directory, *index, *note);
  if (!proof) {
    return failed(context, proof.error().code == ErrorCode::kInternal ? Exit::kUsage : Exit::kNo, proof.error());
  }
  const auto text = tlog::to_text(*proof);
  if (!text) return failed(context, Exit::kUsage, text.error());
  if (options.out == "-") return {Exit::kYes, *text, ""};
  const auto written = write_file_atomically(options.out, *text);
  if (!written) return failed(context, Exit::kUsage, written.error());
  return {Exit::kYes, context.json ? machine({{"index", *index}, {"proof", options.out}}) : "", ""};
}

Outcome audit_check_proof(const Context& context, const AuditOptions& options) {
  const auto keys = checkpoint_keys(options);
  if (!keys) return failed(context, Exit::kUsage, keys.error());
  const auto text = read_source(options.proof, context.input_fd, kProofBytesMax);
  if (!text) return failed(context, Exit::kUsage, text.error());
  const auto proof = tlog::parse_tlog_proof(*text);
  if (!proof) return failed(context, Exit::kNo, proof.error());
  std::string line(text_of(proof->extra));
  if (!options.record.empty()) {
    auto read = read_source(options.record, context.input_fd, audit::kLineBytesMax + 1);
    if (!read) return failed(context, Exit::kUsage, read.error());
    line = without_newline(*std::move(read));
  }
  Result<tlog::Checkpoint> checked = fail(ErrorCode::kNotFound, "audit: no key was given");
  for (const tlog::NoteKey& key : *keys) {
    checked = tlog::check(*proof, line, key);
    if (checked) break;
  }
  if (!checked) return failed(context, Exit::kNo, checked.error());
  if (context.json) {
    return {Exit::kYes,
            machine({{"valid", true},
                     {"origin", checked->origin},
                     {"index", proof->index},
                     {"size", checked->size},
                     {"root", tlog::to_base64(checked->root)},
                     {"record", line}}),
            ""};
  }
  return {Exit::kYes,
          "OK: this is record " + number(proof->index) + " of the log, in its checkpoint of " + number(checked->size) +
              " records\n" + table({{"origin", checked->origin}, {"root", tlog::to_base64(checked->root)}}) +
              printable(line) + "\n",
          ""};
}

}  // namespace signer::ctl
