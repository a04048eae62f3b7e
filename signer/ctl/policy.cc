// SPDX-License-Identifier: Apache-2.0

#include "ctl/policy.h"

#include <algorithm>
#include <charconv>

#include "ctl/config_check.h"
#include "ctl/input.h"
#include "ctl/policy_trial.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

using jose::Json;

constexpr std::size_t kTrialClaimsBytesMax = 64UL * 1024;

// The problems of a file are lines with places of their own, and need no program's name before them.
Outcome not_loaded(const Context& context, const Error& error) {
  if (context.json || error.code != ErrorCode::kInvalidRequest) return failed(context, Exit::kUsage, error);
  return {Exit::kUsage, "", printable_lines(error.text) + "\n"};
}

std::string notes_text(const OfflinePolicy& offline) {
  std::string text;
  for (const std::string& note : offline.notes) text += "note: " + printable(note) + "\n";
  return text;
}

config::CaseCaller caller_of(const PolicyOptions& options) {
  config::CaseCaller caller;
  std::uint32_t number = 0;
  const char* end = options.user.data() + options.user.size();
  const auto [stop, error] = std::from_chars(options.user.data(), end, number);
  if (error == std::errc() && stop == end) {
    caller.uid = number;
  } else {
    caller.user = options.user;
  }
  caller.groups = options.groups;
  caller.listener = options.listener;
  caller.unit = options.unit;
  return caller;
}

Json findings_json(const std::vector<claims::Finding>& findings) {
  Json all = Json::array();
  for (const auto& one : findings) {
    all.push_back({{"rule", phi::rule_of(one.detector)}, {"pointer", one.pointer}});
    if (!one.reason.empty()) all.back()["reason"] = one.reason;
  }
  return all;
}

std::string word_of(const Verdict& verdict) {
  return verdict.refusal ? std::string(to_string(verdict.refusal->code)) : "allowed";
}

// What makes the pseudonyms of a profile, or nothing.
Json pairwise_json(const policy::Profile& profile) {
  const auto& pairwise = profile.settings().pairwise;
  if (!pairwise) return nullptr;
  Json json = {{"sector", pairwise->sector}};
  if (profile.pairwise_key() != nullptr) {
    json["secret_key"] = *profile.pairwise_key();
  } else {
    json["secret_file"] = pairwise->secret_file;
  }
  return json;
}

std::string pairwise_text(const Json& pairwise) {
  const std::string made_with = pairwise.contains("secret_key")
                                    ? "HMAC key " + cell(pairwise, "secret_key") + ", by its token"
                                    : "the secret of " + cell(pairwise, "secret_file");
  return "sub for sector " + cell(pairwise, "sector") + ", made with " + made_with;
}

// No claim's value: names of the allow-list, rules and places.
Json verdict_json(const Verdict& verdict) {
  Json json = {{"verdict", word_of(verdict)},
               {"reported", findings_json(verdict.findings.reported)},
               {"exempted", findings_json(verdict.findings.exempted)}};
  if (!verdict.grant.empty()) json["grant"] = verdict.grant;
  if (verdict.profile != nullptr) {
    json["profile"] = verdict.profile->settings().name;
    json["profile_version"] = verdict.profile->settings().version;
    json["profile_sha256"] = verdict.profile->sha256();
    if (Json pairwise = pairwise_json(*verdict.profile); !pairwise.is_null()) json["pairwise"] = std::move(pairwise);
  }
  if (verdict.refusal) {
    json["detail"] = verdict.refusal->detail;
    if (!verdict.refusal->reason.empty()) json["reason"] = verdict.refusal->reason;
    if (!verdict.refusal->rule.empty()) json["rule"] = verdict.refusal->rule;
    if (!verdict.refusal->pointer.empty()) json["pointer"] = verdict.refusal->pointer;
  } else {
    json["claims"] = verdict.members;
  }
  return json;
}

std::string verdict_text(const Verdict& verdict) {
  const Json json = verdict_json(verdict);
  std::vector<Row> rows = {{"verdict", verdict.refusal ? "refused: " + word_of(verdict) : "allowed"}};
  const auto row = [&rows, &json](const char* name, const std::string& label) {
    if (json.contains(name)) rows.push_back({label, cell(json, name)});
  };
  row("detail", "detail");
  row("rule", "rule");
  row("pointer", "at");
  row("reason", "reason");
  row("grant", "grant");
  if (verdict.profile != nullptr) {
    rows.push_back({"profile", cell(json, "profile") + ", version " + cell(json, "profile_version")});
    row("profile_sha256", "");
    if (json.contains("pairwise")) rows.push_back({"pairwise", printable(pairwise_text(json["pairwise"]))});
  }
  for (const auto& [name, what] : verdict.members) rows.push_back({"claim " + name, what});
  for (const auto& one : verdict.findings.reported)
    rows.push_back({"reported", std::string(phi::rule_of(one.detector)) + " at " + one.pointer});
  for (const auto& one : verdict.findings.exempted)
    rows.push_back({"exempt", std::string(phi::rule_of(one.detector)) + " at " + one.pointer + ": " + one.reason});
  return table(rows);
}

// What is not as the case wants it, or nothing.
std::string difference(const config::PolicyCase& one, const Verdict& verdict) {
  std::string text;
  const auto compare = [&text](std::string_view what, const std::string& wanted, const std::string& found) {
    if (wanted.empty() || wanted == found) return;
    text += (text.empty() ? "" : "; ") + std::string(what) + ": expected " + wanted + ", got " +
            (found.empty() ? "none" : found);
  };
  compare("verdict", one.expect, word_of(verdict));
  compare("rule", one.rule, verdict.refusal ? verdict.refusal->rule : "");
  compare("pointer", one.pointer, verdict.refusal ? verdict.refusal->pointer : "");
  compare("grant", one.grant, verdict.grant);
  return text;
}

}  // namespace

Outcome policy_explain(const Context& context, const PolicyOptions& options) {
  const auto offline = load_policy(options.config);
  if (!offline) return not_loaded(context, offline.error());
  config::PolicyCase one;
  one.caller = caller_of(options);
  one.key = options.key;
  if (!options.profile.empty()) one.profile = options.profile;
  one.verb = options.verb;
  one.at = options.now;
  auto claims = read_source(options.claims, context.input_fd, kTrialClaimsBytesMax);
  if (!claims) return failed(context, Exit::kUsage, claims.error());
  one.claims = *std::move(claims);
  const auto verdict = try_case(**offline, one);
  if (!verdict) return failed(context, Exit::kUsage, verdict.error());
  const Exit exit = verdict->refusal ? Exit::kNo : Exit::kYes;
  if (context.json) return {exit, machine(verdict_json(*verdict)), ""};
  return {exit, verdict_text(*verdict), notes_text(**offline)};
}

Outcome policy_test(const Context& context, const PolicyOptions& options) {
  const auto offline = load_policy(options.config);
  if (!offline) return not_loaded(context, offline.error());
  const auto cases = config::load_policy_cases(options.cases);
  if (!cases) return not_loaded(context, cases.error());
  std::size_t wrong = 0;
  std::string text;
  Json results = Json::array();
  for (const config::PolicyCase& one : *cases) {
    const auto verdict = try_case(**offline, one);
    const std::string problem = verdict ? difference(one, *verdict) : verdict.error().text;
    if (!problem.empty()) {
      ++wrong;
      text += printable(options.cases) + ":" + std::to_string(one.line) + ": " + printable(one.name) + ": " +
              printable(problem) + "\n";
    }
    results.push_back({{"name", printable(one.name)}, {"line", one.line}, {"ok", problem.empty()}});
    if (!problem.empty()) results.back()["problem"] = problem;
    if (verdict) results.back()["verdict"] = verdict_json(*verdict);
  }
  const Exit exit = wrong == 0 ? Exit::kYes : Exit::kNo;
  if (context.json) return {exit, machine({{"ok", wrong == 0}, {"cases", results}}), ""};
  const std::string count = std::to_string(cases->size());
  text += wrong == 0 ? "OK, " + count + " cases\n"
                     : std::to_string(wrong) + " of " + count + " cases are not as expected\n";
  return {exit, text, notes_text(**offline)};
}

Outcome policy_show(const Context& context, const PolicyOptions& options) {
  const auto config = config::load(options.config);
  if (!config) return not_loaded(context, config.error());
  Json all = Json::array();
  std::string text;
  for (const config::Profile& profile : config->profiles) {
    if (!options.profile.empty() && profile.name != options.profile) continue;
    text += profile_text(profile) + "\n";
    all.push_back({{"name", profile.name},
                   {"version", profile.version},
                   {"sha256", profile_sha256(profile)},
                   {"text", profile_text(profile)}});
  }
  if (all.empty() && !options.profile.empty())
    return failed(context, Exit::kNo, {ErrorCode::kNotFound, "there is no profile '" + options.profile + "'"});
  return {Exit::kYes, context.json ? machine({{"profiles", all}}) : text, ""};
}

}  // namespace signer::ctl
