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
#include "ctl/helper.h"
#include "ctl/text.h"
#include "ctl/token_text.h"

namespace signer::ctl {

namespace {

using Environment = std::map<std::string, std::string>;

constexpr std::size_t kLatchBytesMax = 1024;

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
Result<TokenOptions> with_config(TokenOptions options, Environment& environment) {
  if (options.config.empty()) return options;
  config::Config config;
  SIGNER_ASSIGN_OR_RETURN(const config::Token token, token_of(options, config));
  environment = token.environment;
  if (options.module.empty()) options.module = token.module;
  if (options.label.empty()) options.label = label_of(token.uri).value_or("");
  if (options.pin_file.empty()) options.pin_file = token.pin_file;
  if (options.so_pin_file.empty() && options.pin_file.starts_with("/")) {
    const auto directory = std::filesystem::path(options.pin_file).parent_path();
    options.so_pin_file = (directory / (token.name + ".so-pin")).string();
  }
  return options;
}

// What signer-hsm printed, or what its end means: 1 refused, 2 usage, 77 PIN refused; it said why on stderr.
Result<jose::Json, Outcome> ask_hsm(const Context& context, const TokenOptions& options,
                                    std::vector<std::string> arguments, Environment environment) {
  auto program = find_helper(options.hsm_program, "signer-hsm");
  if (!program) return fail(failed(context, Exit::kUsage, program.error()));
  const auto reply = run_helper({.program = std::move(program).value(),
                                 .arguments = std::move(arguments),
                                 .environment = std::move(environment)});
  if (!reply) return fail(failed(context, Exit::kUnavailable, reply.error()));
  if (reply->status != 0) return fail(helper_failed(context, "signer-hsm", *reply));
  auto parsed = jose::parse_json(reply->out, {.bytes_max = 1024UL * 1024, .members_max = 100'000});
  if (!parsed)
    return fail(failed(context, Exit::kUnavailable, {ErrorCode::kInternal, "signer-hsm: " + parsed.error().text}));
  return std::move(parsed).value();
}

struct Module {
  std::string path;
  Environment environment;

  friend bool operator<(const Module& a, const Module& b) {
    return std::tie(a.path, a.environment) < std::tie(b.path, b.environment);
  }
};

// The module of the command line, or those of the configuration, each once.
Result<std::set<Module>> modules_of(const TokenOptions& options) {
  if (!options.module.empty()) return std::set<Module>{{options.module, {}}};
  if (options.config.empty()) return fail(ErrorCode::kInvalidRequest, "token list: say --module M or --config F");
  SIGNER_ASSIGN_OR_RETURN(const config::Config config, config::load(options.config));
  std::set<Module> modules;
  for (const config::Token& token : config.tokens) {
    if (!token.module.empty()) modules.insert({token.module, token.environment});
  }
  return modules;
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
                    " is missing; give it, or --config F NAME of a token whose table says it");
  };
  if (options.module.empty()) return missing("--module");
  if (options.label.empty()) return missing("--label");
  if (options.pin_file.empty()) return missing("--pin-file");
  if (options.so_pin_file.empty()) return missing("--so-pin-file");
  std::vector<std::string> arguments = {"token-init",     "--module",      options.module,
                                        "--label",        options.label,   "--pin-file",
                                        options.pin_file, "--so-pin-file", options.so_pin_file};
  if (options.slot_index) arguments.insert(arguments.end(), {"--slot-index", std::to_string(*options.slot_index)});
  if (options.generate_pins) arguments.emplace_back("--generate-pins");
  return arguments;
}

Outcome token_init(const Context& context, const TokenOptions& options) {
  if (options.config.empty() != options.name.empty()) {
    return failed(context, Exit::kUsage, {ErrorCode::kInvalidRequest, "token init: --config F and NAME go together"});
  }
  Environment environment;
  const auto known = with_config(options, environment);
  if (!known) return failed(context, Exit::kUsage, known.error());
  auto arguments = init_arguments(*known);
  if (!arguments) return failed(context, Exit::kUsage, arguments.error());
  const auto token = ask_hsm(context, *known, std::move(arguments).value(), environment);
  if (!token) return token.error();
  if (!context.json) return {Exit::kYes, initialized_text(*token, {known->pin_file, known->so_pin_file}), ""};
  return {Exit::kYes, machine({{"token", *token}, {"pin_file", known->pin_file}, {"so_pin_file", known->so_pin_file}}),
          ""};
}

Outcome token_list(const Context& context, const TokenOptions& options) {
  const auto modules = modules_of(options);
  if (!modules) return failed(context, Exit::kUsage, modules.error());
  std::string text;
  jose::Json all = jose::Json::array();
  for (const Module& module : *modules) {
    const auto tokens = ask_hsm(context, options, {"token-list", "--module", module.path}, module.environment);
    if (!tokens) return tokens.error();
    text += (text.empty() ? "Module " : "\nModule ") + printable(module.path) + "\n" + token_table(*tokens);
    all.push_back({{"module", module.path}, {"tokens", *tokens}});
  }
  if (modules->empty()) text = "No token with a module is configured.\n";
  return {Exit::kYes, context.json ? machine({{"modules", all}}) : text, ""};
}

Outcome token_unlatch(const Context& context, const TokenOptions& options) {
  config::Config config;
  const auto token = token_of(options, config);
  if (!token) return failed(context, Exit::kUsage, token.error());
  const auto path = std::filesystem::path(config.state_dir) / "latch" / (token->name + ".json");
  const auto content = read_file(path, kLatchBytesMax);
  const bool absent = !content && content.error().code == ErrorCode::kNotFound;
  if (!content && !absent) return failed(context, Exit::kUsage, content.error());
  if (!absent && ::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return failed(context, Exit::kUsage, {ErrorCode::kInternal, "remove " + path.string() + ": " + errno_text(errno)});
  }
  if (context.json) {
    return {Exit::kYes, machine({{"token", token->name}, {"removed", !absent}, {"path", path.string()}}), ""};
  }
  if (absent) return {Exit::kYes, "Token " + token->name + " is not latched; nothing was changed.\n", ""};
  return {Exit::kYes,
          "Token " + token->name + " was latched: " + latch_reason(*content) + ".\nRemoved " +
              printable(path.string()) +
              ".\nThe token host will try the PIN once more; a wrong PIN uses up one of the token's tries.\n",
          ""};
}

}  // namespace signer::ctl
