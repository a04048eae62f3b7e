// SPDX-License-Identifier: Apache-2.0

#include "ctl/command_line.h"

#include <algorithm>
#include <sstream>

#include "ctl/command_line_parser.h"
#include "ctl/config_check.h"
#include "ctl/daemon.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

constexpr const char* kExitCodes =
    "Exit status: 0 yes or done, 1 no or refused, 2 wrong arguments or unreadable files, 3 signerd or the token does "
    "not "
    "answer now.";

constexpr const char* kTctiHelp = "TPM, by transport and place, such as device:/dev/tpmrm0";

}  // namespace

CommandLine::CommandLine() {
  app_.fallthrough();
  app_.require_subcommand(1);
  app_.set_version_flag("--version", "signerctl " SIGNER_VERSION, "print the version");
  app_.add_option("--socket", context_.socket, "signerd's socket")
      ->envname("SIGNER_SOCKET")
      ->type_name("FILE")
      ->capture_default_str();
  app_.add_option("--timeout", context_.timeout_seconds,
                  "how long to wait for signerd, in seconds (default 5; key create and evidence collect 65)")
      ->check(CLI::Range(1, 3600))
      ->type_name("SECONDS");
  app_.add_flag("--json", context_.json, "answer in JSON, for programs");
  app_.footer(std::string("Start here:\n"
                          "  signerctl status                                  is everything well?\n"
                          "  signerctl doctor --config F                       what is wrong, and what to do\n"
                          "  echo '{\"sub\":\"me\"}' | signerctl sign issuer        one token\n"
                          "  signerctl verify --help                           check a token, offline\n"
                          "Each command explains itself with --help.\n") +
              kExitCodes);
  add_sign();
  add_verify();
  add_queries();
  add_doctor();
  add_key();
  add_token();
  add_config();
  add_policy();
  add_audit();
  add_evidence();
  add_completion();
}

CLI::App* CommandLine::command(CLI::App& parent, const std::string& name, const std::string& what,
                               const std::string& examples) {
  CLI::App* made = parent.add_subcommand(name, what);
  made->footer("Examples:\n" + examples);
  return made;
}

void CommandLine::add_sign() {
  CLI::App* sign_app =
      command(app_, "sign", "have signerd sign claims and print the token",
              "  echo '{\"sub\":\"client-1\"}' | signerctl sign issuer\n"
              "  signerctl sign issuer --profile access --claims claims.json\n"
              "The claims are one JSON object of at most 64 KiB; iss, iat, exp and jti are signerd's to set.");
  sign_app->add_option("KEY", sign_.key, "name of the key")->required();
  sign_app
      ->add_option("--profile", sign_.profile, "profile of the token; may be left out if your grants allow one alone")
      ->type_name("NAME");
  sign_app->add_option("--claims", sign_.claims, "file of the claims; - is standard input")
      ->type_name("FILE")
      ->capture_default_str();
  sign_app->callback([this] { action_ = [this] { return sign(context_, sign_); }; });
}

void CommandLine::add_verify() {
  CLI::App* verify =
      command(app_, "verify", "check the token on standard input, offline, and print its claims",
              "  signerctl jwks > jwks.json\n"
              "  signerctl verify --jwks jwks.json --issuer https://idp.example \\\n"
              "      --audience https://api.example --typ at+jwt < token\n"
              "A token that is not good prints one code on standard error and exits with 1, such as: expired,\n"
              "wrong_audience, bad_signature, unknown_key, decrypt_failed.  Needs no signerd and no rights.");
  verify->add_option("--jwks", verify_.jwks, "file of the issuer's public keys, an RFC 7517 JWK Set")
      ->required()
      ->type_name("FILE");
  verify->add_option("--issuer", verify_.issuers, "what iss must be; several allow any of them")
      ->required()
      ->type_name("URL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verify->add_option("--audience", verify_.audiences, "what aud must name; several allow any of them")
      ->required()
      ->type_name("URL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verify->add_option("--typ", verify_.typ, "what the header's typ must be")->type_name("TYPE")->capture_default_str();
  verify
      ->add_option("--alg", verify_.algorithms,
                   "algorithm that the token may be signed with; several allow any of them")
      ->type_name("NAME")
      ->capture_default_str();
  verify
      ->add_option(
          "--require", verify_.required,
          "a claim that must be there besides iss, aud, exp and iat; RFC 9068 access tokens: sub client_id jti")
      ->type_name("CLAIM");
  verify
      ->add_option("--decryption-key", verify_.decryption_key,
                   "file of the recipient's private keys, PEM or JWK: opens nested tokens and encrypted claims")
      ->type_name("FILE");
  verify->add_option("--leeway", verify_.leeway_seconds, "how far clocks may differ")
      ->check(CLI::Range(0, 300))
      ->type_name("SECONDS")
      ->capture_default_str();
  verify->add_option("--lifetime-max", verify_.lifetime_max_seconds, "how long a token may live, from iat to exp")
      ->check(CLI::Range(1, 366 * 86400))
      ->type_name("SECONDS")
      ->capture_default_str();
  verify->add_option("--now", verify_.now, "judge as of this time, in seconds since 1970, instead of now")
      ->type_name("UNIX");
  verify->callback([this] { action_ = [this] { return verify_token(context_, verify_); }; });
}

void CommandLine::add_queries() {
  CLI::App* jwks_app = command(app_, "jwks", "print the public keys as an RFC 7517 JWK Set",
                               "  signerctl jwks > jwks.json\n  signerctl jwks issuer");
  jwks_app->add_option("KEY", key_, "name of one key; all keys otherwise");
  jwks_app->callback([this] { action_ = [this] { return jwks(context_, key_); }; });

  CLI::App* status_app =
      command(app_, "status", "say whether every key can sign, and what is wrong if not",
              "  signerctl status\n"
              "  signerctl status --json | jq .ready\n"
              "Exits with 1 if not every key can sign.  Tokens are shown to those with a grant of the verb status.");
  status_app->callback([this] { action_ = [this] { return status(context_); }; });
}

void CommandLine::add_doctor() {
  CLI::App* doctor_app = command(
      app_, "doctor", "say what does not fit together, and what to do about it",
      "  signerctl doctor --config /etc/signer/signer.toml\n"
      "  signerctl doctor --config /etc/signer/signer.toml --json | jq '.findings[] | select(.weight==\"wrong\")'\n"
      "Compares configuration, metadata, tokens and the running signerd, and crosses its signatures with those\n"
      "that OpenSSL makes through libp11, for which it logs in to each PKCS#11 token once.  Run it as signerd's\n"
      "user.  Exits with 1 if something is wrong, with 3 if signerd does not answer.  Changes nothing.");
  doctor_app->add_option("--config", doctor_.config, "signerd's configuration; without it files are not looked at")
      ->type_name("FILE");
  doctor_app->add_option("--csr-program", doctor_.csr_program, "signer-p11-csr, if it is elsewhere")->type_name("FILE");
  doctor_app->callback([this] { action_ = [this] { return doctor(context_, doctor_); }; });
}

void CommandLine::add_key() {
  CLI::App* key =
      command(app_, "key", "list, create and certify keys", "  signerctl key list\n  signerctl key create issuer");
  key->require_subcommand(1);
  CLI::App* list = command(*key, "list", "show the keys of the configuration", "  signerctl key list");
  list->callback([this] { action_ = [this] { return key_list(context_); }; });

  CLI::App* create = command(*key, "create", "make the key pair or HMAC key inside its token; it never leaves it",
                             "  signerctl key create issuer\n"
                             "The name must be in signerd's configuration, and your grant must have the verb create.");
  create->add_option("NAME", key_, "name of the key")->required();
  create->callback([this] { action_ = [this] { return key_create(context_, key_); }; });

  CLI::App* adopt =
      command(*key, "adopt", "take a key that the TPM token holds already",
              "  signerctl key adopt issuer --key-id 0a1b2c\n"
              "Put its blob into the token's key directory as KEY-ID.pem first (docs/tpm.md); its attributes are\n"
              "judged as those of a key made here.  Keys of PKCS#11 tokens cannot be adopted.");
  adopt->add_option("NAME", key_, "name of the key")->required();
  adopt->add_option("--key-id", key_id_, "its id, in hexadecimal digits")->required()->type_name("HEX");
  adopt->callback([this] { action_ = [this] { return key_adopt(context_, key_, key_id_); }; });
  add_csr(*key);
}

void CommandLine::add_csr(CLI::App& key) {
  CLI::App* csr = command(
      key, "csr", "print a certificate request signed by the key in its token",
      "  signerctl key csr issuer --subject '/CN=issuer/O=Example' --config /etc/signer/signer.toml\n"
      "Run it as signerd's user: it reads the key's metadata, and signer-p11-csr, started for it, the PIN file.");
  csr->add_option("NAME", csr_.key, "name of the key")->required();
  csr->add_option("--subject", csr_.subject, "distinguished name, such as /CN=issuer")->required()->type_name("NAME");
  csr->add_option("--config", csr_.config, "signerd's configuration")->required()->type_name("FILE");
  csr->add_option("--kid", csr_.kid, "which version, if the key has several")->type_name("KID");
  csr->add_option("--pin-file", csr_.pin_file, "PIN file instead of the configured one")->type_name("FILE");
  csr->add_option("--csr-program", csr_.csr_program, "signer-p11-csr, if it is elsewhere")->type_name("FILE");
  csr->callback([this] { action_ = [this] { return key_csr(context_, csr_); }; });
}

void CommandLine::add_token() {
  CLI::App* token = command(app_, "token", "initialise, list and unlatch tokens",
                            "  signerctl token list --module /usr/lib/softhsm/libsofthsm2.so\n"
                            "  signerctl token list --tcti device:/dev/tpmrm0");
  token->require_subcommand(1);
  add_token_init(*token);

  CLI::App* list = command(*token, "list", "list the tokens of a PKCS#11 module, or say what a TPM is",
                           "  signerctl token list --module /usr/lib/softhsm/libsofthsm2.so\n"
                           "  signerctl token list --tcti device:/dev/tpmrm0\n"
                           "  signerctl token list --config /etc/signer/signer.toml\n"
                           "A TPM is read alone, nothing in it changes.");
  CLI::Option* module = list->add_option("--module", token_.module, "PKCS#11 module")->type_name("FILE");
  CLI::Option* tcti = list->add_option("--tcti", token_.tcti, kTctiHelp)->type_name("TCTI");
  list->add_option("--config", token_.config, "signerd's configuration: the modules and TPMs it names")
      ->type_name("FILE")
      ->excludes(module)
      ->excludes(tcti);
  add_helper_programs(*list);
  list->callback([this] { action_ = [this] { return token_list(context_, token_); }; });

  CLI::App* unlatch =
      command(*token, "unlatch", "let the token host try the PIN again after the token refused it",
              "  signerctl token unlatch --config /etc/signer/signer.toml main\n"
              "A refused PIN is never tried twice by itself, for a token locks after a few tries.  A corrected PIN\n"
              "file needs no unlatching; this is for a PIN that was right all along.  It removes\n"
              "state_dir/latch/NAME.json and nothing else.  A TPM has no latch: its keys are exempt from lockout.");
  unlatch->add_option("--config", token_.config, "signerd's configuration")->required()->type_name("FILE");
  unlatch->add_option("NAME", token_.name, "name of the token")->required();
  unlatch->callback([this] { action_ = [this] { return token_unlatch(context_, token_); }; });
}

void CommandLine::add_token_init(CLI::App& token) {
  CLI::App* init =
      command(token, "init", "prepare a token and make its secrets; signer-hsm or signer-tpm does it",
              "  signerctl token init --config /etc/signer/signer.toml main --generate-pins\n"
              "  signerctl token init --module /usr/lib/softhsm/libsofthsm2.so --label demo \\\n"
              "      --pin-file demo.pin --so-pin-file demo.so-pin --generate-pins\n"
              "  signerctl token init --tcti device:/dev/tpmrm0 --auth-file tpm0.auth --generate-auth\n"
              "A PKCS#11 token must be blank; its PINs are set.  PINs come from files and go nowhere else.  With\n"
              "--config, the SO PIN file is NAME.so-pin beside the PIN file unless --so-pin-file says otherwise.\n"
              "A TPM gets a storage root key at 0x81000001 if it has none; nothing else in it changes.  The auth file\n"
              "holds what its keys will ask for.");
  init->add_option("NAME", token_.name, "name of the token in the configuration");
  init->add_option("--config", token_.config, "signerd's configuration")->type_name("FILE");
  init->add_option("--module", token_.module, "PKCS#11 module")->type_name("FILE");
  init->add_option("--label", token_.label, "label to give the token")->type_name("LABEL");
  init->add_option("--pin-file", token_.pin_file, "file of the user PIN")->type_name("FILE");
  init->add_option("--so-pin-file", token_.so_pin_file, "file of the security officer's PIN")->type_name("FILE");
  init->add_option("--slot-index", token_.slot_index, "which of several blank tokens, from 0")->type_name("NUMBER");
  init->add_option("--tcti", token_.tcti, kTctiHelp)->type_name("TCTI");
  init->add_option("--auth-file", token_.auth_file, "file of the auth value of a TPM's keys")->type_name("FILE");
  init->add_flag("--generate-pins,--generate-auth", token_.generate_secrets,
                 "make the PIN files or the auth file that do not exist, with random secrets");
  add_helper_programs(*init);
  init->callback([this] { action_ = [this] { return token_init(context_, token_); }; });
}

void CommandLine::add_helper_programs(CLI::App& command) {
  command.add_option("--hsm-program", token_.hsm_program, "signer-hsm, if it is elsewhere")
      ->envname("SIGNER_HSM")
      ->type_name("FILE");
  command.add_option("--tpm-program", token_.tpm_program, "signer-tpm, if it is elsewhere")
      ->envname("SIGNER_TPM")
      ->type_name("FILE");
}

void CommandLine::add_config() {
  CLI::App* config =
      command(app_, "config", "check signerd's configuration", "  signerctl config check /etc/signer/signer.toml");
  config->require_subcommand(1);
  CLI::App* check = command(*config, "check", "say OK, or every problem with its file, line and key",
                            "  signerctl config check /etc/signer/signer.toml");
  check->add_option("FILE", file_, "the configuration file")->required()->type_name("FILE");
  check->callback([this] { action_ = [this] { return check_config(context_, file_); }; });
}

void CommandLine::add_completion() {
  CLI::App* completion = command(app_, "completion", "print a completion script for a shell",
                                 "  signerctl completion bash > /etc/bash_completion.d/signerctl\n"
                                 "  signerctl completion zsh > ~/.zfunc/_signerctl\n"
                                 "  signerctl completion fish > ~/.config/fish/completions/signerctl.fish");
  completion->require_subcommand(1);
  const auto add = [this, completion](const std::string& name, Shell shell) {
    CLI::App* made = command(*completion, name, "for " + name, "  signerctl completion " + name);
    made->callback([this, shell] {
      action_ = [shell] { return Outcome{Exit::kYes, completion_script(command_tree(), shell), ""}; };
    });
  };
  add("bash", Shell::kBash);
  add("zsh", Shell::kZsh);
  add("fish", Shell::kFish);
}

namespace {

OptionNode option_node(const CLI::Option& option) {
  OptionNode node;
  for (const std::string& name : option.get_lnames()) node.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) node.names.push_back("-" + name);
  node.description = option.get_description();
  node.takes_value = option.get_items_expected_max() > 0;
  node.is_file = option.get_type_name().starts_with("FILE");
  return node;
}

CommandNode command_node(const CLI::App& app) {
  CommandNode node;
  node.name = app.get_name();
  node.description = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) node.options.push_back(option_node(*option));
    if (option->get_positional() && option->get_type_name().starts_with("FILE")) node.takes_file = true;
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    node.children.push_back(command_node(*child));
  }
  return node;
}

bool is_word(std::string_view text) {
  return text.size() <= 24 && std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

// Arguments may be claims or a token, and an error is kept in logs: of one that nobody asked for, an option's name
// alone is repeated.
std::string unexpected(std::string_view argument) {
  const std::string_view name = argument.substr(0, argument.find('='));
  if (name.starts_with("-") && is_word(name)) return "there is no option " + std::string(name) + " here";
  return "there is one argument too many";
}

// The parser's own words, which quote what does not fit an option.
std::string without_values(std::string problem, const std::vector<std::string>& arguments) {
  for (std::string_view argument : arguments) {
    if (argument.starts_with("-")) argument.remove_prefix(std::min(argument.find('=') + 1, argument.size()));
    const bool number = std::ranges::all_of(argument, [](char c) { return c >= '0' && c <= '9'; });
    if (argument.starts_with("-") || argument.size() < 2 || is_word(argument) || number) continue;
    for (std::size_t at = 0; (at = problem.find(argument, at)) != std::string::npos; at += 3)
      problem.replace(at, argument.size(), "...");
  }
  return problem;
}

// What is wrong, and whose --help says what is right.
Outcome misused(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments) {
  // The parser gave up before it knew; a machine reads the answer all the same.
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  const CLI::App* named = &app;
  std::string command = app.get_name();
  while (!named->get_subcommands().empty()) {
    named = named->get_subcommands().front();
    command += " " + named->get_name();
  }
  const std::vector<std::string> rest = app.remaining(true);
  std::string problem = rest.empty() ? without_values(error.what(), arguments) : unexpected(rest.front());
  const bool wants_command = !named->get_subcommands([](const CLI::App*) { return true; }).empty();
  if (wants_command)
    problem = rest.empty()            ? "a command is missing"
              : is_word(rest.front()) ? "'" + rest.front() + "' is not a command"
                                      : "this is not a command";
  if (json)
    return failed({.json = true}, Exit::kUsage, {ErrorCode::kInvalidRequest, problem + "; try " + command + " --help"});
  return {Exit::kUsage, "", "signerctl: " + printable_lines(problem) + "\nTry: " + command + " --help\n"};
}

}  // namespace

Outcome run(const std::vector<std::string>& arguments) {
  CommandLine line;
  try {
    std::vector<const char*> pointers;
    for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
    line.app().parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const CLI::Success& asked) {  // --help and --version
    std::ostringstream out;
    line.app().exit(asked, out, out);
    return {Exit::kYes, out.str(), ""};
  } catch (const CLI::ParseError& error) {
    return misused(line.app(), error, arguments);
  }
  return line.act();
}

CommandNode command_tree() {
  return command_node(CommandLine().app());
}

}  // namespace signer::ctl
