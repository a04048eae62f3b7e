// SPDX-License-Identifier: Apache-2.0

#include "ctl/tpm_token.h"

#include <string_view>

#include "ctl/helper.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

using jose::Json;
using Environment = std::map<std::string, std::string>;

constexpr const char* kProgram = "signer-tpm";

Result<Json, Outcome> ask_tpm(const Context& context, const TokenOptions& options, std::vector<std::string> arguments,
                              const Environment& environment) {
  return ask_helper(
      context,
      {.name = kProgram, .given = options.tpm_program, .arguments = std::move(arguments), .environment = environment});
}

Outcome no_description(const Context& context) {
  return failed(context, Exit::kUnavailable,
                {ErrorCode::kInternal, std::string(kProgram) + " printed something else than a TPM's description"});
}

bool says_yes(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// The member if it is an object, else an empty one.
Json part(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

std::vector<std::string> texts_of(const Json& object, const char* name) {
  std::vector<std::string> all;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return all;
  for (const Json& one : *found) {
    if (const auto* word = one.get_ptr<const std::string*>()) all.push_back(*word);
  }
  return all;
}

std::string listed(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& word : all) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

std::string storage_root_text(const Json& tpm) {
  const Json root = part(tpm, "storage_root");
  if (root.empty()) return "none";
  return cell(root, "type") + " at " + cell(root, "handle") + ", Name " + cell(root, "name") +
         (says_yes(root, "is_storage_key") ? "" : "; this is no storage key and signer does not use it");
}

std::string lockout_text(const Json& tpm) {
  const Json lockout = part(tpm, "lockout");
  return std::string(says_yes(lockout, "in_lockout") ? "YES" : "no") + ", " + cell(lockout, "failed_tries") +
         " failed tries of " + cell(lockout, "tries_max") + ", one is forgiven every " +
         cell(lockout, "recovery_seconds") + " s";
}

std::string auths_text(const Json& tpm) {
  const auto set = [&tpm](const char* name) { return says_yes(tpm, name) ? "set" : "not set"; };
  return std::string("owner ") + set("owner_auth_set") + ", endorsement " + set("endorsement_auth_set") + ", lockout " +
         set("lockout_auth_set") + "; TPM2_Clear is " + (says_yes(tpm, "clear_disabled") ? "disabled" : "possible");
}

std::string initialized_tpm_text(const Json& tpm, const TokenOptions& options) {
  const std::string made = says_yes(tpm, "storage_root_created") ? "Made the storage root key of the TPM "
                                                                 : "The storage root key was there and is kept: TPM ";
  return made + printable(options.tcti) + "\n" + tpm_text(tpm) +
         "\nFor signerd's configuration:\n  driver = \"tpm2\"\n" + "  tcti = \"" + printable(options.tcti) +
         "\"\n  auth_file = \"" + printable(options.auth_file) +
         "\"\nKeep a copy of the auth file: without it the keys that are made with it cannot be used.\n";
}

}  // namespace

Result<std::vector<std::string>> tpm_init_arguments(const TokenOptions& options) {
  if (options.tcti.empty()) {
    return fail(ErrorCode::kInvalidRequest,
                "token init: --tcti is missing; say which TPM, such as device:/dev/tpmrm0, or --config F NAME");
  }
  if (options.auth_file.empty()) {
    return fail(ErrorCode::kInvalidRequest,
                "token init: --auth-file is missing; give it, or --config F NAME of a token whose table says it");
  }
  if (options.auth_file.starts_with("credential:")) {
    return fail(ErrorCode::kInvalidRequest,
                "token init: the auth value is " + options.auth_file +
                    ", which systemd alone makes; give --auth-file PATH and then run: systemd-creds encrypt --name=" +
                    options.auth_file.substr(options.auth_file.find(':') + 1) + " PATH ENCRYPTED");
  }
  std::vector<std::string> arguments = {"token-init", "--tcti", options.tcti, "--auth-file", options.auth_file};
  if (options.generate_secrets) arguments.emplace_back("--generate-auth");
  return arguments;
}

Outcome tpm_token_init(const Context& context, const TokenOptions& given, const std::optional<config::Token>& table) {
  TokenOptions options = given;
  if (table && options.tcti.empty()) options.tcti = table->uri;
  if (table && options.auth_file.empty()) options.auth_file = table->pin_file;
  auto arguments = tpm_init_arguments(options);
  if (!arguments) return failed(context, Exit::kUsage, arguments.error());
  const auto tpm = ask_tpm(context, options, std::move(arguments).value(), table ? table->environment : Environment{});
  if (!tpm) return tpm.error();
  if (!tpm->is_object()) return no_description(context);
  if (context.json) return {Exit::kYes, machine({{"token", *tpm}, {"auth_file", options.auth_file}}), ""};
  return {Exit::kYes, initialized_tpm_text(*tpm, options), ""};
}

Result<Json, Outcome> describe_tpm(const Context& context, const TokenOptions& options, const std::string& tcti,
                                   const Environment& environment) {
  const auto tokens = ask_tpm(context, options, {"token-list", "--tcti", tcti}, environment);
  if (!tokens) return fail(tokens.error());
  if (!tokens->is_array() || tokens->size() != 1 || !tokens->front().is_object()) return fail(no_description(context));
  return tokens->front();
}

std::string tpm_text(const Json& tpm) {
  std::string text = table(
      {{"", "made by", cell(tpm, "manufacturer") + " " + cell(tpm, "vendor") + ", firmware " + cell(tpm, "firmware")},
       {"", "keys live in",
        says_yes(tpm, "simulator") ? "SOFTWARE: it says that it is a simulator"
                                   : "hardware or firmware, not proven here"},
       {"", "storage root", storage_root_text(tpm)},
       {"", "key kinds", listed(texts_of(tpm, "key_kinds"))},
       {"", "persistent keys",
        listed(texts_of(tpm, "persistent_handles")) + "; room for " + cell(tpm, "persistent_room") + " more"},
       {"", "in lockout", lockout_text(tpm)},
       {"", "auth values", auths_text(tpm)}});
  for (const std::string& advice : texts_of(tpm, "advice")) text += "  advice: " + printable(advice) + "\n";
  return text;
}

}  // namespace signer::ctl
