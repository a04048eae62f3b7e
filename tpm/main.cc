// SPDX-License-Identifier: Apache-2.0
//
// signer-tpm: the only program that talks to a TPM and reads the auth value of its keys.  signerd starts it as `host`;
// operators use `token-list` and `token-init`, and to enrol an attestation key `ak-show` and `ak-activate`.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

#include "base/file.h"
#include "channel/host_program.h"
#include "channel/host_service.h"
#include "tpm/enrolment.h"
#include "tpm/token_admin.h"
#include "tpm/tpm2_driver.h"

namespace {

using signer::channel::report;

void add_enrolment_options(CLI::App& command, signer::tpm::EnrolmentRequest& request, std::string& auth_file) {
  command.add_option("--tcti", request.tcti, "the TPM, such as device:/dev/tpmrm0")->required();
  command.add_option("--key-directory", request.key_directory, "where the token's keys lie: state_dir/tpm/NAME")
      ->required();
  command.add_option("--auth-file", auth_file, "taken and not read: the attestation key has no auth value");
}

int activate(const signer::tpm::EnrolmentRequest& request, const std::string& challenge_file) {
  const auto challenge = signer::read_file_or_pipe(challenge_file, signer::tpm::kChallengeBytesMax);
  if (challenge) return report(signer::tpm::activate_credential(request, *challenge));
  return report(signer::channel::host_failure(signer::channel::HostStatus::kInvalid, challenge.error().text));
}

int run(int argc, char** argv) {
  CLI::App app{
      "signer-tpm - the TPM 2.0 token host of signer.\n"
      "It talks to a TPM, reads its keys' auth value from a file and makes signatures for signerd, which starts it.\n"
      "Exit: 0 done, 1 refused, 2 wrong usage, 3 TPM unavailable, 77 auth value refused (an operator must act)."};
  app.require_subcommand(1);

  int workers = 1;
  auto* host = app.add_subcommand("host", "serve signerd on inherited descriptors, from 3 (not for people)");
  host->add_option("--workers", workers, "number of worker channels")
      ->check(CLI::Range(1, signer::channel::kWorkersMax))
      ->required();

  signer::tpm::TokenInitRequest init;
  auto* token_init = app.add_subcommand("token-init", "make the storage root key if there is none; changes no other");
  token_init->add_option("--tcti", init.tcti, "the TPM, such as device:/dev/tpmrm0")->required();
  token_init->add_option("--auth-file", init.auth_file, "file with the auth value of its keys, mode 0600")->required();
  token_init->add_flag("--generate-auth", init.generate_auth, "make the auth file if it does not exist");

  std::string tcti;
  auto* token_list = app.add_subcommand("token-list", "show the TPM as JSON; reads alone");
  token_list->add_option("--tcti", tcti, "the TPM, such as device:/dev/tpmrm0")->required();

  signer::tpm::EnrolmentRequest enrolment;
  std::string unread;
  auto* ak_show =
      app.add_subcommand("ak-show", "show attestation and endorsement key as JSON; makes the first if absent");
  add_enrolment_options(*ak_show, enrolment, unread);

  std::string challenge_file;
  auto* ak_activate = app.add_subcommand("ak-activate", "answer a challenge to the attestation key, as JSON");
  add_enrolment_options(*ak_activate, enrolment, unread);
  ak_activate->add_option("--challenge", challenge_file, "file with the members credential and secret")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? signer::channel::kExitOk : signer::channel::kExitUsage;
  }

  if (token_init->parsed()) return report(signer::tpm::initialize_token(init));
  if (token_list->parsed()) return report(signer::tpm::describe_tokens(tcti));
  if (ak_show->parsed()) return report(signer::tpm::show_attestation_key(enrolment));
  if (ak_activate->parsed()) return activate(enrolment, challenge_file);
  signer::tpm::Tpm2Driver driver;
  return signer::channel::serve(driver, workers);
}

}  // namespace

int main(int argc, char** argv) {
  // The library's own lines say less than ours, and with "trace" they show auth values and session keys.
  ::setenv("TSS2_LOG", "all+NONE", 1);
  ::unsetenv("TSS2_LOGFILE");
  signer::channel::run_host_program("signer-tpm", run, argc, argv);
}
