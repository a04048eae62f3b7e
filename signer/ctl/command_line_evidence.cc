// SPDX-License-Identifier: Apache-2.0
//
// `signerctl evidence`, as it is typed.
#include "ctl/command_line_parser.h"

namespace signer::ctl {

void CommandLine::add_evidence() {
  CLI::App* evidence = command(app_, "evidence", "show, and judge offline, where a key is kept",
                               "  signerctl evidence nonce\n"
                               "  signerctl evidence collect --key issuer --nonce NONCE --out issuer.evidence\n"
                               "  signerctl evidence verify issuer.evidence --nonce NONCE --jwks jwks.json");
  evidence->require_subcommand(1);
  evidence->fallthrough();
  CLI::App* nonce = command(*evidence, "nonce", "make a nonce: the auditor does, and gives it to the operator",
                            "  signerctl evidence nonce");
  nonce->callback([this] { action_ = [this] { return evidence_nonce(context_); }; });
  add_evidence_collect(*evidence);
  add_evidence_verify(*evidence);
  add_enroll(*evidence);
}

void CommandLine::add_evidence_collect(CLI::App& evidence) {
  CLI::App* collect =
      command(evidence, "collect", "have signerd make the evidence of a key",
              "  signerctl evidence collect --key issuer --nonce q80xvNlyL5V6mUy1Hhq7hg --out issuer.evidence\n"
              "  signerctl evidence collect --key issuer --nonce q80xvNlyL5V6mUy1Hhq7hg --probes read-only\n"
              "Needs a grant with the verb read-evidence.  Probes try to get the key out: read-only ones on the key,\n"
              "the others on a throw-away key of the same template, which is made for it.");
  collect->add_option("--key", evidence_.key, "name of the key")->required()->type_name("NAME");
  collect->add_option("--nonce", evidence_.nonce, "the auditor's, base64url of 16 to 32 bytes")
      ->required()
      ->type_name("TEXT");
  collect->add_option("--out", evidence_.out, "where to; - is standard output")
      ->type_name("FILE")
      ->capture_default_str();
  collect->add_option("--probes", evidence_.probes, "full, read-only or none")
      ->check(CLI::IsMember({"full", "read-only", "none"}))
      ->type_name("NAME")
      ->capture_default_str();
  collect->callback([this] { action_ = [this] { return evidence_collect(context_, evidence_); }; });
}

void CommandLine::add_evidence_verify(CLI::App& evidence) {
  CLI::App* verify =
      command(evidence, "verify", "judge evidence, offline, and say what it shows",
              "  signerctl evidence verify issuer.evidence --nonce q80xvNlyL5V6mUy1Hhq7hg --jwks jwks.json\n"
              "  signerctl evidence verify issuer.evidence --nonce q80xvNlyL5V6mUy1Hhq7hg --roots vendor-roots \\\n"
              "      --enrolled ak.enrolled --expect-grade attested\n"
              "Grades, best first: attested, probed, claimed, software, failed.  Exits with 1 if the grade is worse\n"
              "than the expected one.  Needs no signerd, no token and no rights.");
  verify->add_option("FILE", evidence_.file, "the evidence; - is standard input")->required()->type_name("FILE");
  verify->add_option("--nonce", evidence_.nonce, "the one that was given to the operator")->type_name("TEXT");
  verify->add_flag("--no-nonce", evidence_.no_nonce, "there is none: the evidence may be an old one");
  verify->add_option("--key", evidence_.key, "name that the key must have")->type_name("NAME");
  verify
      ->add_option("--jwks", evidence_.jwks, "file of the keys that the issuer publishes: the key must be one of them")
      ->type_name("FILE");
  verify->add_option("--roots", evidence_.roots, "certificates of manufacturers: a file, or a directory of files")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verify
      ->add_option("--ak-roots", evidence_.attestation_roots,
                   "certificates of whoever certifies attestation keys for you: a file, or a directory of files")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verify
      ->add_option("--enrolled", evidence_.enrolled, "file that `evidence enroll-ak accept` made of an attestation key")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verify->add_option("--expect-grade", evidence_.expect_grade, "software, claimed, probed or attested")
      ->check(CLI::IsMember({"software", "claimed", "probed", "attested"}))
      ->type_name("GRADE")
      ->capture_default_str();
  verify->add_flag("--allow-simulator", evidence_.allow_simulator,
                   "believe the certificates of a simulated TPM; the grade is software all the same");
  verify->add_option("--now", evidence_.now, "judge as of this time, in seconds since 1970")
      ->check(CLI::NonNegativeNumber)
      ->type_name("UNIX");
  verify->callback([this] { action_ = [this] { return evidence_verify(context_, evidence_); }; });
}

CLI::App* CommandLine::enroll_command(CLI::App& enroll, const std::string& name, const std::string& what,
                                      const std::string& examples,
                                      Outcome (*run_it)(const Context&, const EnrollOptions&)) {
  CLI::App* made = command(enroll, name, what, examples);
  made->callback([this, run_it] { action_ = [this, run_it] { return run_it(context_, enroll_); }; });
  made->add_option("--out", enroll_.out, "where to; - is standard output")->type_name("FILE")->capture_default_str();
  return made;
}

void CommandLine::add_enroll_tpm(CLI::App& command) {
  command.add_option("--tcti", enroll_.tcti, "TPM, by transport and place, such as device:/dev/tpmrm0")
      ->required()
      ->type_name("TCTI");
  command.add_option("--key-directory", enroll_.key_directory, "where the token's keys lie: state_dir/tpm/NAME")
      ->required()
      ->type_name("FILE");
  command.add_option("--tpm-program", enroll_.program, "the signer-tpm program, if it is elsewhere")->type_name("FILE");
}

void CommandLine::add_enroll(CLI::App& evidence) {
  CLI::App* enroll = command(evidence, "enroll-ak", "find out that an attestation key is in a manufacturer's TPM",
                             "  signerctl evidence enroll-ak show --tcti device:/dev/tpmrm0 \\\n"
                             "      --key-directory /var/lib/signer/tpm/tpm0 --out tpm0.card          (operator)\n"
                             "  signerctl evidence enroll-ak challenge tpm0.card --roots vendor-roots \\\n"
                             "      --kept tpm0.kept --out tpm0.challenge                             (auditor)\n"
                             "  signerctl evidence enroll-ak answer tpm0.challenge --tcti device:/dev/tpmrm0 \\\n"
                             "      --key-directory /var/lib/signer/tpm/tpm0 --out tpm0.answer        (operator)\n"
                             "  signerctl evidence enroll-ak accept tpm0.answer --kept tpm0.kept \\\n"
                             "      --out tpm0.enrolled                                               (auditor)");
  enroll->require_subcommand(1);
  enroll->fallthrough();
  CLI::App* show = enroll_command(*enroll, "show", "operator: say which keys the TPM has",
                                  "  signerctl evidence enroll-ak show --tcti device:/dev/tpmrm0 \\\n"
                                  "      --key-directory /var/lib/signer/tpm/tpm0 --out tpm0.card",
                                  enroll_show);
  add_enroll_tpm(*show);
  CLI::App* challenge = enroll_command(*enroll, "challenge", "auditor: make a challenge that this TPM alone can answer",
                                       "  signerctl evidence enroll-ak challenge tpm0.card --roots vendor-roots \\\n"
                                       "      --kept tpm0.kept --out tpm0.challenge",
                                       enroll_challenge);
  challenge->add_option("FILE", enroll_.file, "what the operator gave; - is standard input")
      ->required()
      ->type_name("FILE");
  challenge->add_option("--kept", enroll_.kept, "file to keep to yourself until the answer comes")
      ->required()
      ->type_name("FILE");
  challenge
      ->add_option("--roots", enroll_.trust.roots, "certificates of manufacturers: a file, or a directory of files")
      ->required()
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  challenge->add_flag("--allow-simulator", enroll_.trust.allow_simulator,
                      "believe the certificates of a simulated TPM");
  challenge->add_option("--now", enroll_.trust.now, "judge as of this time, in seconds since 1970")->type_name("UNIX");
  CLI::App* answer =
      enroll_command(*enroll, "answer", "operator: have the TPM answer the challenge",
                     "  signerctl evidence enroll-ak answer tpm0.challenge --tcti device:/dev/tpmrm0 \\\n"
                     "      --key-directory /var/lib/signer/tpm/tpm0 --out tpm0.answer",
                     enroll_answer);
  answer->add_option("FILE", enroll_.file, "file of the challenge")->required()->type_name("FILE");
  add_enroll_tpm(*answer);
  CLI::App* accept = enroll_command(
      *enroll, "accept", "auditor: judge the answer",
      "  signerctl evidence enroll-ak accept tpm0.answer --kept tpm0.kept --out tpm0.enrolled", enroll_accept);
  accept->add_option("FILE", enroll_.file, "the answer; - is standard input")->required()->type_name("FILE");
  accept->add_option("--kept", enroll_.kept, "file that was kept")->required()->type_name("FILE");
}

}  // namespace signer::ctl
