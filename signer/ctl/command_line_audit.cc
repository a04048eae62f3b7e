// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit`, as it is typed.
#include "ctl/command_line_parser.h"

namespace signer::ctl {

namespace {

constexpr const char* kKeyHelp = "verifier key of the log's checkpoints, or a file with one in each line";

}  // namespace

CLI::App* CommandLine::audit_command(CLI::App& audit, const std::string& name, const std::string& what,
                                     const std::string& examples,
                                     Outcome (*run_it)(const Context&, const AuditOptions&)) {
  CLI::App* made = command(audit, name, what, examples);
  made->callback([this, run_it] { action_ = [this, run_it] { return run_it(context_, audit_); }; });
  return made;
}

void CommandLine::add_audit() {
  CLI::App* audit = command(app_, "audit", "check, read and keep an audit log, offline",
                            "  signerctl audit verify /var/lib/signer/audit --key audit.vkey\n"
                            "  signerctl audit report /var/lib/signer/audit --since 30d\n"
                            "  signerctl audit find /var/lib/signer/audit --jti 0197f3a2-7b1c");
  audit->require_subcommand(1);
  audit->fallthrough();
  add_audit_evidence(*audit);
  add_audit_queries(*audit);
  add_audit_keeping(*audit);
  add_audit_export(*audit);
}

void CommandLine::add_audit_directory(CLI::App& command) {
  command.add_option("DIR", audit_.directory, "directory of the log's segments")->required()->type_name("FILE");
}

void CommandLine::add_audit_keys(CLI::App& command, bool required) {
  command.add_option("--key", audit_.keys, kKeyHelp)
      ->required(required)
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void CommandLine::add_audit_evidence(CLI::App& audit) {
  CLI::App* verify =
      audit_command(audit, "verify", "say whether the log is whole, or name the first bad record and why",
                    "  signerctl audit verify /var/lib/signer/audit --key audit.vkey\n"
                    "  signerctl audit verify copy --key audit.vkey --checkpoint january.note --json\n"
                    "Give every checkpoint that was kept elsewhere: nothing else shows a log that was written and\n"
                    "signed anew.  Without --key no signature is checked.  Exits with 1 if something is wrong.",
                    audit_verify);
  add_audit_directory(*verify);
  add_audit_keys(*verify, false);
  verify
      ->add_option("--checkpoint", audit_.checkpoints,
                   "file of a checkpoint that was kept, or what an anchor collected; several allow all of them")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);

  CLI::App* prove = audit_command(audit, "prove", "make a file that proves one record without the log",
                                  "  signerctl audit prove /var/lib/signer/audit --index 42 --out 42.tlog-proof\n"
                                  "  signerctl audit prove /var/lib/signer/audit --jti 0197f3a2-7b1c",
                                  audit_prove);
  add_audit_directory(*prove);
  prove->add_option("--index", audit_.index, "which record")->type_name("NUMBER");
  prove->add_option("--jti", audit_.jti, "the record of the token with this jti")->type_name("TEXT");
  prove->add_option("--checkpoint", audit_.checkpoints, "checkpoint to prove it by; default: the newest")
      ->type_name("FILE")
      ->expected(1);
  prove->add_option("--out", audit_.out, "where to; - is standard output")->type_name("FILE")->capture_default_str();

  CLI::App* check = audit_command(audit, "check-proof", "check such a file and say what it proves",
                                  "  signerctl audit check-proof 42.tlog-proof --key audit.vkey\n"
                                  "  signerctl audit check-proof 42.tlog-proof --key audit.vkey --record line.json",
                                  audit_check_proof);
  check->add_option("FILE", audit_.proof, "the proof; - is standard input")->required()->type_name("FILE");
  add_audit_keys(*check, true);
  check->add_option("--record", audit_.record, "the record's line, if not the one in the proof; - is standard input")
      ->type_name("FILE");
}

void CommandLine::add_audit_queries(CLI::App& audit) {
  CLI::App* show = audit_command(audit, "show", "print records by their place",
                                 "  signerctl audit show /var/lib/signer/audit --index 42\n"
                                 "  signerctl audit show /var/lib/signer/audit --from 100 --to 199 --json | jq .event\n"
                                 "With --json the lines are printed as they stand in the log.",
                                 audit_show);
  add_audit_directory(*show);
  show->add_option("--index", audit_.index, "one record")->type_name("NUMBER");
  show->add_option("--from", audit_.from, "the first of several")->type_name("NUMBER");
  show->add_option("--to", audit_.to, "the last of several")->type_name("NUMBER");

  CLI::App* find = audit_command(audit, "find", "print records by what they say",
                                 "  signerctl audit find /var/lib/signer/audit --jti 0197f3a2-7b1c\n"
                                 "  signerctl audit find /var/lib/signer/audit --event refuse --uid 1001 --since 7d\n"
                                 "A record must be as all options say.  Exits with 1 if there is none.",
                                 audit_find);
  add_audit_directory(*find);
  find->add_option("--jti", audit_.jti, "of the token")->type_name("TEXT");
  find->add_option("--kid", audit_.kid, "of the key that signed")->type_name("KID");
  find->add_option("--key-name", audit_.key_name, "of the key")->type_name("NAME");
  find->add_option("--uid", audit_.uid, "of the caller")->type_name("NUMBER");
  find->add_option("--event", audit_.event, "such as issue, refuse, key_created")->type_name("NAME");
  find->add_option("--sub-file", audit_.sub_file, "file of the sub whose tokens are wanted; needs --search-key")
      ->type_name("FILE");
  find->add_option("--search-key", audit_.search_key, "file of the log's search key")->type_name("FILE");
  find->add_option("--from", audit_.from, "the first place to look at")->type_name("NUMBER");
  add_audit_times(*find);

  CLI::App* report =
      audit_command(audit, "report", "count who did what: for the regular review that HIPAA asks for",
                    "  signerctl audit report /var/lib/signer/audit --since 30d\n"
                    "  signerctl audit report /var/lib/signer/audit --since 2026-10-01 --until 2026-11-01",
                    audit_report);
  add_audit_directory(*report);
  add_audit_times(*report);
}

void CommandLine::add_audit_export(CLI::App& audit) {
  CLI::App* made = audit_command(
      audit, "export", "write what is new in the log to standard output, for a collector",
      "  signerctl audit export /var/lib/signer/audit --cursor siem.cursor --format ocsf | collector\n"
      "  signerctl audit export /var/lib/signer/audit --cursor arr.cursor --format fhir > new.ndjson\n"
      "  signerctl audit export /var/lib/signer/audit --cursor log.cursor --format rfc5424 --to unix:/dev/log\n"
      "  signerctl audit export /var/lib/signer/audit --cursor journal.cursor --format journald \\\n"
      "      --to unix:/run/systemd/journal/socket\n"
      "The cursor moves once a batch is written: after a crash some records come again, none is left out.",
      audit_export);
  add_audit_directory(*made);
  made->add_option("--cursor", audit_.cursor, "file that says where the last export ended; made if absent")
      ->required()
      ->type_name("FILE");
  made->add_option("--format", audit_.format, "jsonl, ocsf, fhir, rfc5424 or journald")
      ->check(CLI::IsMember({"jsonl", "ocsf", "fhir", "rfc5424", "journald"}))
      ->type_name("NAME")
      ->capture_default_str();
  made->add_option("--to", audit_.destination,
                   "- is standard output, unix:PATH a socket that gets a datagram for each record")
      ->type_name("PLACE")
      ->capture_default_str();
}

void CommandLine::add_audit_times(CLI::App& command) {
  command.add_option("--since", audit_.since, "not before: a date, a time in UTC, or how long ago, such as 30d")
      ->type_name("TIME");
  command.add_option("--until", audit_.until, "before: the same")->type_name("TIME");
  command.add_option("--now", audit_.now, "count from this time, in seconds since 1970")->type_name("UNIX");
}

void CommandLine::add_audit_keeping(CLI::App& audit) {
  CLI::App* compress = audit_command(audit, "compress", "compress the segments that are closed",
                                     "  signerctl audit compress /var/lib/signer/audit\n"
                                     "signerd may run meanwhile.  A crash leaves each segment plain or compressed.",
                                     audit_compress);
  add_audit_directory(*compress);

  CLI::App* retire =
      audit_command(audit, "retire", "delete segments that are older than records must be kept",
                    "  signerctl audit retire /var/lib/signer/audit --older-than 7y --key audit.vkey --dry-run\n"
                    "Checks the log first.  Deletes closed segments that a checkpoint covers, oldest first.",
                    audit_retire);
  add_audit_directory(*retire);
  add_audit_keys(*retire, true);
  retire->add_option("--older-than", audit_.older_than, "age of the newest record in a segment, such as 7y")
      ->required()
      ->type_name("SPAN");
  retire->add_flag("--below-six-years", audit_.below_six_years, "allow less than 45 CFR 164.316(b)(2)(i) asks for");
  retire->add_flag("--dry-run", audit_.dry_run, "only say what would be deleted");
  retire->add_option("--now", audit_.now, "judge as of this time, in seconds since 1970")->type_name("UNIX");
}

}  // namespace signer::ctl
