// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit`: what a log says and whether it can be believed, offline; no daemon, no token, and no right but
// that to read the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/check.h"
#include "ctl/outcome.h"

namespace signer::ctl {

struct AuditOptions {
  std::string directory;
  std::vector<std::string> keys;         // verifier keys, or files with one in each line
  std::vector<std::string> checkpoints;  // files
  std::string proof;                     // file of a proof
  std::string out = "-";
  std::string record;  // file of a record's line; empty: the proof's own
  std::optional<std::uint64_t> index;
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> to;
  std::string jti;
  std::string kid;
  std::string key_name;
  std::string event;
  std::optional<std::uint64_t> uid;
  std::string sub_file;
  std::string search_key;
  std::string since;
  std::string until;
  std::string older_than;
  bool below_six_years = false;
  bool dry_run = false;
  std::string cursor;
  std::string format = "jsonl";
  std::string destination = "-";    // of an export: standard output, or "unix:PATH", a datagram socket
  std::optional<std::int64_t> now;  // seconds since 1970; the clock's otherwise
};

// kYes: nothing that was checked is wrong.  kNo: the first bad record and why.  kUsage: also if a checkpoint that was
// given could not be compared.
[[nodiscard]] Outcome audit_verify(const Context& context, const AuditOptions& options);

// A file that shows one record to somebody who does not have the log.
[[nodiscard]] Outcome audit_prove(const Context& context, const AuditOptions& options);

// kYes: what is proved.  kNo: nothing is.
[[nodiscard]] Outcome audit_check_proof(const Context& context, const AuditOptions& options);

// Records by place; all otherwise.
[[nodiscard]] Outcome audit_show(const Context& context, const AuditOptions& options);

// Records by what they say.  kNo: there is none.
[[nodiscard]] Outcome audit_find(const Context& context, const AuditOptions& options);

// What happened, counted.
[[nodiscard]] Outcome audit_report(const Context& context, const AuditOptions& options);

[[nodiscard]] Outcome audit_compress(const Context& context, const AuditOptions& options);

// Writes the records from the cursor on to output_fd, in batches, and moves the cursor behind each batch once it is
// written: a crash repeats a batch and leaves none out.  kNo: the cursor is not of this log, or lines were no records.
[[nodiscard]] Outcome audit_export(const Context& context, const AuditOptions& options);

// kNo: the log or its signatures are not good, and nothing was deleted.
[[nodiscard]] Outcome audit_retire(const Context& context, const AuditOptions& options);

// The keys that the options name.  kInvalidRequest, kNotFound, kInternal.
[[nodiscard]] Result<std::vector<tlog::NoteKey>> checkpoint_keys(const AuditOptions& options);

// A finding for people: what, which record, where and why, without a line end.
[[nodiscard]] std::string finding_text(const audit::Finding& finding);

}  // namespace signer::ctl
