// SPDX-License-Identifier: Apache-2.0
//
// signer-hsm: the only program that loads a PKCS#11 module and reads its PIN.  signerd starts it as `host`; operators
// use `token-list` and `token-init`.
#include <CLI/CLI.hpp>
#include <string>

#include "channel/host_program.h"
#include "channel/host_service.h"
#include "hsm/pkcs11_driver.h"
#include "hsm/token_admin.h"

namespace {

using signer::channel::report;

int run(int argc, char** argv) {
  CLI::App app{
      "signer-hsm - the PKCS#11 token host of signer.\n"
      "It loads a token's driver, reads the PIN from a file and makes signatures for signerd, which starts it.\n"
      "Exit: 0 done, 1 refused, 2 wrong usage, 3 token unavailable, 77 PIN refused (an operator must act)."};
  app.require_subcommand(1);

  int workers = 1;
  auto* host = app.add_subcommand("host", "serve signerd on inherited descriptors, from 3 (not for people)");
  host->add_option("--workers", workers, "number of worker channels")
      ->check(CLI::Range(1, signer::channel::kWorkersMax))
      ->required();

  signer::hsm::TokenInitRequest init;
  std::size_t slot_index = 0;
  auto* token_init = app.add_subcommand("token-init", "initialize a blank token; never touches another");
  token_init->add_option("--module", init.module, "path of the PKCS#11 driver")->required();
  token_init->add_option("--label", init.label, "label of the new token, 1 to 32 bytes")->required();
  token_init->add_option("--pin-file", init.pin_file, "file with the user PIN, mode 0600")->required();
  token_init->add_option("--so-pin-file", init.so_pin_file, "file with the SO PIN, mode 0600")->required();
  token_init->add_flag("--generate-pins", init.generate_pins, "make PIN files that do not exist, with random PINs");
  auto* index_option = token_init->add_option("--slot-index", slot_index, "which of several blank tokens, from 0");

  std::string module;
  auto* token_list = app.add_subcommand("token-list", "show all tokens of a driver as JSON; no login");
  token_list->add_option("--module", module, "path of the PKCS#11 driver")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? signer::channel::kExitOk : signer::channel::kExitUsage;
  }
  if (index_option->count() > 0) init.slot_index = slot_index;

  if (token_init->parsed()) return report(signer::hsm::initialize_token(init));
  if (token_list->parsed()) return report(signer::hsm::describe_tokens(module));
  signer::hsm::Pkcs11Driver driver;
  return signer::channel::serve(driver, workers);
}

}  // namespace

int main(int argc, char** argv) {
  signer::channel::run_host_program("signer-hsm", run, argc, argv);
}
