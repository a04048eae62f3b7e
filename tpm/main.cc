// SPDX-License-Identifier: Apache-2.0
//
// signer-tpm: the only program that talks to a TPM and reads the auth value of its keys.  signerd starts it as `host`;
// operators use `token-list` and `token-init`.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

#include "channel/host_program.h"
#include "channel/host_service.h"
#include "tpm/token_admin.h"
#include "tpm/tpm2_driver.h"

namespace {

using signer::channel::report;

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

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? signer::channel::kExitOk : signer::channel::kExitUsage;
  }

  if (token_init->parsed()) return report(signer::tpm::initialize_token(init));
  if (token_list->parsed()) return report(signer::tpm::describe_tokens(tcti));
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
