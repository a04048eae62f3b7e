// SPDX-License-Identifier: Apache-2.0

#include "ctl/token.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "base/file.h"
#include "base/secret_file.h"
#include "ctl/helper.h"
#include "ctl/text.h"
#include "ctl/token_text.h"
#include "ctl/tpm_token.h"

namespace signer::ctl {

namespace {

using Environment = std::map<std::string, std::string>;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<config::Token> token_of(const TokenOptions& options, config::Config& config) {
  SIGNER_ASSIGN_OR_RETURN(config, config::load(options.config));
  return find_token(config, options.name);
}

// What --config says of the token, where the command line says nothing.
TokenOptions with_table(TokenOptions options, const config::Token& token) {
  if (options.module.empty()) options.module = token.module;
  if (options.label.empty()) options.label = label_of(token.uri).value_or("");
  if (options.pin_file.empty()) options.pin_file = token.pin_file;
  if (options.so_pin_file.empty() && options.pin_file.starts_with("/")) {
    const auto directory = std::filesystem::path(options.pin_file).parent_path();
    options.so_pin_file = (directory / (token.name + ".so-pin")).string();
  }
  return options;
}

Result<jose::Json, Outcome> ask_hsm(const Context& context, const TokenOptions& options,
                                    std::vector<std::string> arguments, Environment environment) {
  return ask_helper(context, {.name = "signer-hsm",
                              .given = options.hsm_program,
                              .arguments = std::move(arguments),
                              .environment = std::move(environment)});
}

Outcome pkcs11_token_init(const Context& context, const TokenOptions& given,
                          const std::optional<config::Token>& table) {
  const TokenOptions options = table ? with_table(given, *table) : given;
  auto arguments = init_arguments(options);
  if (!arguments) return failed(context, Exit::kUsage, arguments.error());
  const auto token =
      ask_hsm(context, options, std::move(arguments).value(), table ? table->environment : Environment{});
  if (!token) return token.error();
  if (!context.json) return {Exit::kYes, initialized_text(*token, {options.pin_file, options.so_pin_file}), ""};
  return {Exit::kYes,
          machine({{"token", *token}, {"pin_file", options.pin_file}, {"so_pin_file", options.so_pin_file}}), ""};
}

// A module or a TPM, and what its helper's environment needs.
struct TokenPlace {
  std::string where;
  Environment environment;

  friend bool operator<(const TokenPlace& a, const TokenPlace& b) {
    return std::tie(a.where, a.environment) < std::tie(b.where, b.environment);
  }
};

struct Places {
  std::set<TokenPlace> modules;
  std::set<TokenPlace> tpms;
};

// Those of the command line, or those of the configuration, each once.
Result<Places> places_of(const TokenOptions& options) {
  Places places;
  if (!options.module.empty()) places.modules.insert({options.module, {}});
  if (!options.tcti.empty()) places.tpms.insert({options.tcti, {}});
  if (!places.modules.empty() || !places.tpms.empty()) return places;
  if (options.config.empty())
    return fail(ErrorCode::kInvalidRequest, "token list: say --module M, --tcti T or --config F");
  SIGNER_ASSIGN_OR_RETURN(const config::Config config, config::load(options.config));
  for (const config::Token& token : config.tokens) {
    const bool tpm = token.driver == config::DriverKind::kTpm2;
    (tpm ? places.tpms : places.modules).insert({tpm ? token.uri : token.module, token.environment});
  }
  return places;
}

}  // namespace

std::optional<std::string> label_of(std::string_view uri) {
  constexpr std::string_view kScheme = "pkcs11:";
  if (!uri.starts_with(kScheme)) return std::nullopt;
  std::string_view path = uri.substr(kScheme.size());
  path = path.substr(0, path.find('?'));
  while (!path.empty()) {
    const std::string_view attribute = path.substr(0, path.find(';'));
    path.remove_prefix(std::min(attribute.size() + 1, path.size()));
    if (attribute.starts_with("token=")) return percent_decoded(attribute.substr(6));
  }
  return std::nullopt;
}

Result<config::Token> find_token(const config::Config& config, const std::string& name) {
  std::string known;
  for (const config::Token& token : config.tokens) {
    if (token.name == name) return token;
    known += (known.empty() ? "" : ", ") + token.name;
  }
  return fail(ErrorCode::kNotFound,
              config.file + ": no [[token]] is named '" + name + "'" + (known.empty() ? "" : "; there are: " + known));
}

Result<std::vector<std::string>> init_arguments(const TokenOptions& options) {
  const auto missing = [](std::string_view option) {
    return fail(ErrorCode::kInvalidRequest,
                "token init: " + std::string(option) +
                    " is missing; give it, or --config F NAME of a token whose table says it; a TPM takes --tcti and "
                    "--auth-file instead");
  };
  if (options.module.empty()) return missing("--module");
  if (options.label.empty()) return missing("--label");
  if (options.pin_file.empty()) return missing("--pin-file");
  if (options.so_pin_file.empty()) return missing("--so-pin-file");
  std::vector<std::string> arguments = {"token-init",     "--module",      options.module,
                                        "--label",        options.label,   "--pin-file",
                                        options.pin_file, "--so-pin-file", options.so_pin_file};
  if (options.slot_index) arguments.insert(arguments.end(), {"--slot-index", std::to_string(*options.slot_index)});
  if (options.generate_secrets) arguments.emplace_back("--generate-pins");
  return arguments;
}

Result<void> check_options_of(config::DriverKind driver, const TokenOptions& options) {
  const bool tpm = driver == config::DriverKind::kTpm2;
  const auto foreign = [tpm](std::string_view option) {
    return fail(ErrorCode::kInvalidRequest,
                "token init: " + std::string(option) +
                    (tpm ? " is for PKCS#11 tokens; this is a TPM and takes --tcti and --auth-file"
                         : " is for TPMs; this is a PKCS#11 token and takes --module, --label, --pin-file and "
                           "--so-pin-file"));
  };
  if (tpm && !options.module.empty()) return foreign("--module");
  if (tpm && !options.label.empty()) return foreign("--label");
  if (tpm && !options.pin_file.empty()) return foreign("--pin-file");
  if (tpm && !options.so_pin_file.empty()) return foreign("--so-pin-file");
  if (tpm && options.slot_index) return foreign("--slot-index");
  if (!tpm && !options.tcti.empty()) return foreign("--tcti");
  if (!tpm && !options.auth_file.empty()) return foreign("--auth-file");
  return {};
}

Outcome token_init(const Context& context, const TokenOptions& options) {
  using config::DriverKind;
  if (options.config.empty() != options.name.empty()) {
    return failed(context, Exit::kUsage, {ErrorCode::kInvalidRequest, "token init: --config F and NAME go together"});
  }
  std::optional<config::Token> table;
  DriverKind driver = options.tcti.empty() && options.auth_file.empty() ? DriverKind::kPkcs11 : DriverKind::kTpm2;
  if (!options.config.empty()) {
    config::Config config;
    auto found = token_of(options, config);
    if (!found) return failed(context, Exit::kUsage, found.error());
    driver = found->driver;
    table = std::move(found).value();
  }
  if (const auto fitting = check_options_of(driver, options); !fitting) {
    return failed(context, Exit::kUsage, fitting.error());
  }
  return driver == DriverKind::kTpm2 ? tpm_token_init(context, options, table)
                                     : pkcs11_token_init(context, options, table);
}

Outcome token_list(const Context& context, const TokenOptions& options) {
  const auto places = places_of(options);
  if (!places) return failed(context, Exit::kUsage, places.error());
  std::string text;
  jose::Json modules = jose::Json::array();
  jose::Json tpms = jose::Json::array();
  for (const TokenPlace& module : places->modules) {
    const auto tokens = ask_hsm(context, options, {"token-list", "--module", module.where}, module.environment);
    if (!tokens) return tokens.error();
    text += (text.empty() ? "Module " : "\nModule ") + printable(module.where) + "\n" + token_table(*tokens);
    modules.push_back({{"module", module.where}, {"tokens", *tokens}});
  }
  for (const TokenPlace& tpm : places->tpms) {
    const auto described = describe_tpm(context, options, tpm.where, tpm.environment);
    if (!described) return described.error();
    text += (text.empty() ? "TPM " : "\nTPM ") + printable(tpm.where) + "\n" + tpm_text(*described);
    tpms.push_back(*described);
  }
  if (text.empty()) text = "No token is configured.\n";
  return {Exit::kYes, context.json ? machine({{"modules", modules}, {"tpms", tpms}}) : text, ""};
}

Outcome token_unlatch(const Context& context, const TokenOptions& options) {
  config::Config config;
  const auto token = token_of(options, config);
  if (!token) return failed(context, Exit::kUsage, token.error());
  const auto path = std::filesystem::path(config.state_dir) / "latch" / (token->name + ".json");
  const auto content = read_file(path, kLatchBytesMax);
  const bool absent = !content && content.error().code == ErrorCode::kNotFound;
  if (!absent && ::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return failed(context, Exit::kUsage, {ErrorCode::kInternal, "remove " + path.string() + ": " + errno_text(errno)});
  }
  if (context.json) {
    return {Exit::kYes, machine({{"token", token->name}, {"removed", !absent}, {"path", path.string()}}), ""};
  }
  if (absent && token->driver == config::DriverKind::kTpm2) {
    return {Exit::kYes,
            "Token " + token->name +
                " is a TPM: there is nothing to unlatch.  Its keys are exempt from lockout; correct its auth_file, "
                "which signerd looks at twice a minute and at SIGHUP.\n",
            ""};
  }
  if (absent) return {Exit::kYes, "Token " + token->name + " is not latched; nothing was changed.\n", ""};
  return {Exit::kYes,
          "Token " + token->name + " was latched: " + latch_reason(content ? *content : "") + ".\nRemoved " +
              printable(path.string()) +
              ".\nThe token host will try the PIN once more; a wrong PIN uses up one of the token's tries.\n",
          ""};
}

}  // namespace signer::ctl
