// SPDX-License-Identifier: Apache-2.0
//
// What signerctl's command line is parsed with.  For command_line*.cc alone.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "ctl/audit.h"
#include "ctl/csr.h"
#include "ctl/daemon.h"
#include "ctl/doctor.h"
#include "ctl/enroll.h"
#include "ctl/evidence.h"
#include "ctl/outcome.h"
#include "ctl/policy.h"
#include "ctl/token.h"
#include "ctl/verify_token.h"

namespace signer::ctl {

// The App and everything its options write to.  `action_` is the command that was named.
class CommandLine {
 public:
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CLI::App& app() { return app_; }

  [[nodiscard]] Outcome act() const { return action_(); }

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& what, const std::string& examples);
  void add_sign();
  void add_verify();
  void add_queries();
  void add_doctor();
  void add_key();
  void add_csr(CLI::App& key);
  void add_token();
  void add_token_init(CLI::App& token);
  void add_helper_programs(CLI::App& command);
  void add_config();
  void add_policy();
  void add_policy_explain(CLI::App& policy);
  CLI::App* audit_command(CLI::App& audit, const std::string& name, const std::string& what,
                          const std::string& examples, Outcome (*run_it)(const Context&, const AuditOptions&));
  void add_audit();
  void add_audit_evidence(CLI::App& audit);
  void add_audit_queries(CLI::App& audit);
  void add_audit_keeping(CLI::App& audit);
  void add_audit_export(CLI::App& audit);
  void add_audit_directory(CLI::App& command);
  void add_audit_keys(CLI::App& command, bool required);
  void add_audit_times(CLI::App& command);
  void add_evidence();
  void add_evidence_collect(CLI::App& evidence);
  void add_evidence_verify(CLI::App& evidence);
  void add_enroll(CLI::App& evidence);
  CLI::App* enroll_command(CLI::App& enroll, const std::string& name, const std::string& what,
                           const std::string& examples, Outcome (*run_it)(const Context&, const EnrollOptions&));
  void add_enroll_tpm(CLI::App& command);
  void add_completion();

  CLI::App app_{"Signs tokens with keys that live in hardware, and looks after those keys.", "signerctl"};
  Context context_;
  SignOptions sign_;
  VerifyOptions verify_;
  CsrOptions csr_;
  DoctorOptions doctor_;
  TokenOptions token_;
  PolicyOptions policy_;
  AuditOptions audit_;
  EvidenceOptions evidence_;
  EnrollOptions enroll_;
  std::string key_;
  std::string key_id_;
  std::string file_;
  std::function<Outcome()> action_;
};

}  // namespace signer::ctl
