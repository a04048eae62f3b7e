// SPDX-License-Identifier: Apache-2.0
//
// signer-p11-csr: prints a certificate request for a key in a token, made by OpenSSL through libp11.  A process of its
// own, for one signature: why, docs/adr/0003.  People use `signerctl key csr`, which starts it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/process.h"
#include "channel/host_service.h"
#include "hsm/csr/deadline.h"
#include "hsm/csr/request.h"
#include "hsm/csr/subject.h"
#include "hsm/csr/token_key.h"

namespace {

using signer::channel::HostError;
using signer::channel::HostStatus;

constexpr int kExitNo = 1;
constexpr int kDeadlineMax = 600;

struct Arguments {
  signer::p11::TokenKeySpec spec;
  std::string key_id;
  std::string kid;
  std::string subject;
  std::vector<std::string> inputs;  // KEY-ID:KID:INPUT
  int deadline_s = static_cast<int>(signer::p11::kDeadline.count());
};

int refuse(const std::string& text, int status) {
  std::fprintf(stderr, "signer-p11-csr: %s\n", text.c_str());
  return status;
}

int exit_status(const HostError& error) {
  switch (error.status) {
    case HostStatus::kPinRefused:
      return signer::channel::kExitPinRefused;
    case HostStatus::kUnavailable:
      return signer::p11::kExitUnavailable;
    default:
      return kExitNo;
  }
}

int print_request(const Arguments& arguments) {
  const auto key_id = signer::p11::parse_key_id(arguments.key_id);
  if (!key_id) return refuse(key_id.error().text, signer::channel::kExitUsage);
  const auto subject = signer::p11::parse_subject(arguments.subject);
  if (!subject) return refuse(subject.error().text, signer::channel::kExitUsage);
  auto spec = arguments.spec;
  spec.key_id = *key_id;

  const auto pem = [&]() -> signer::channel::HostResult<std::string> {
    SIGNER_ASSIGN_OR_RETURN(const auto key, signer::p11::TokenKey::open(spec));
    return signer::p11::make_request(key, **subject, arguments.kid);
  }();
  if (!pem) return refuse(pem.error().text, exit_status(pem.error()));
  if (std::fputs(pem->c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return refuse("the request could not be written to stdout; see where it leads, then try again", kExitNo);
  }
  return signer::channel::kExitOk;
}

// One of --sign in its parts.
struct Input {
  signer::Bytes key_id;
  std::string kid;
  std::string text;
};

signer::Result<Input> parse_input(const std::string& argument) {
  const std::size_t first = argument.find(':');
  const std::size_t second = argument.find(':', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos)
    return signer::fail(signer::ErrorCode::kInvalidRequest, "--sign is KEY-ID:KID:INPUT");
  SIGNER_ASSIGN_OR_RETURN(signer::Bytes key_id, signer::p11::parse_key_id(argument.substr(0, first)));
  return Input{std::move(key_id), argument.substr(first + 1, second - first - 1), argument.substr(second + 1)};
}

signer::channel::HostResult<std::string> sign_all(signer::p11::TokenKeySpec spec, const std::vector<Input>& inputs) {
  spec.key_id = inputs.front().key_id;
  SIGNER_ASSIGN_OR_RETURN(auto key, signer::p11::TokenKey::open(spec));
  std::string lines;
  for (const Input& input : inputs) {
    if (&input != inputs.data()) SIGNER_RETURN_IF_ERROR(key.change_to(input.key_id));
    SIGNER_ASSIGN_OR_RETURN(const std::string signature, signer::p11::sign_again(key, input.text, input.kid));
    lines += signature + "\n";
  }
  return lines;
}

int print_signatures(const Arguments& arguments) {
  std::vector<Input> inputs;
  for (const std::string& argument : arguments.inputs) {
    auto input = parse_input(argument);
    if (!input) return refuse(input.error().text, signer::channel::kExitUsage);
    inputs.push_back(*std::move(input));
  }
  const auto lines = sign_all(arguments.spec, inputs);
  if (!lines) return refuse(lines.error().text, exit_status(lines.error()));
  if (std::fputs(lines->c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return refuse("the signatures could not be written to stdout; see where it leads, then try again", kExitNo);
  return signer::channel::kExitOk;
}

int run(int argc, char** argv) {
  CLI::App app{
      "signer-p11-csr - prints a PKCS#10 certificate request for a key in a PKCS#11 token.\n"
      "It logs in once, signs once and ends.  With --sign it prints signatures over what signerd signed, one a line.\n"
      "Exit: 0 done, 1 refused, 2 wrong usage, 3 token unavailable, 77 PIN refused (an operator must act)."};
  Arguments arguments;
  auto& spec = arguments.spec;
  app.add_option("--module", spec.module, "path of the PKCS#11 driver")->required();
  app.add_option("--token-uri", spec.token_uri, "RFC 7512 URI that one token matches, such as pkcs11:token=LABEL")
      ->required();
  auto* key_id = app.add_option("--key-id", arguments.key_id, "CKA_ID of the key, in hexadecimal");
  auto* kid = app.add_option("--kid", arguments.kid, "RFC 7638 thumbprint that the key must have");
  app.add_option("--pin-file", spec.pin_file, "file with the user PIN, mode 0600")->required();
  app.add_option("--latch-file", spec.latch_file, "signerd's login latch of this token; no login if it is closed");
  auto* subject =
      app.add_option("--subject", arguments.subject, "distinguished name, such as /C=DE/O=Example/CN=issuer");
  app.add_option(
         "--sign", arguments.inputs,
         "instead of key id, kid and subject: KEY-ID:KID:INPUT, where INPUT is what an evidence bundle's key signs; "
         "may be repeated")
      ->excludes(key_id)
      ->excludes(kid)
      ->excludes(subject);
  app.add_option("--deadline", arguments.deadline_s, "seconds after which to give up")
      ->check(CLI::Range(1, kDeadlineMax))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? signer::channel::kExitOk : signer::channel::kExitUsage;
  }
  for (const auto* option : {key_id, kid, subject}) {
    if (!arguments.inputs.empty() || !option->empty()) continue;
    std::fprintf(stderr, "signer-p11-csr: %s is required\n", option->get_name().c_str());
    return signer::channel::kExitUsage;
  }
  signer::p11::end_process_after(std::chrono::seconds(arguments.deadline_s), "signer-p11-csr");
  return arguments.inputs.empty() ? print_request(arguments) : print_signatures(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  signer::harden_process();
  signer::log::start("signer-p11-csr", signer::log::Level::kWarn);
  int status = kExitNo;
  try {
    status = run(argc, argv);
  } catch (const std::exception& error) {
    status = refuse(error.what(), kExitNo);
  }
  // C_Finalize has run.  Modules crash in their own exit handlers often enough that none get to run.
  std::fflush(nullptr);
  ::_exit(status);
}
