// SPDX-License-Identifier: Apache-2.0
//
// What doctor learns from signerd: of itself, and against the files.

#include <algorithm>
#include <charconv>
#include <sstream>

#include "ctl/doctor.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

using jose::Json;
using Weight = Finding::Weight;

// The object of that name in an array; null if there is none.
const Json* named_object(const Json& array, const std::string& name) {
  for (const Json& one : array) {
    if (one.is_object() && cell(one, "name") == name) return &one;
  }
  return nullptr;
}

// "key issuer cannot sign now: because; do this" in its parts.
Finding finding_of_trouble(const std::string& line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return {Weight::kWrong, "signerd", line, ""};
  static constexpr std::string_view kUnchanged = "; nothing was changed: ";
  const std::size_t unchanged = line.find(kUnchanged);
  if (unchanged != std::string::npos) {
    return {Weight::kWrong, line.substr(0, second), line.substr(second + 1, unchanged - second - 1),
            line.substr(unchanged + kUnchanged.size())};
  }
  const std::size_t advice = line.rfind("; ");
  Finding finding{Weight::kWrong, line.substr(0, second), line.substr(second + 1), "see signerd's log for more"};
  if (advice != std::string::npos && advice > second) {
    finding.found = line.substr(second + 1, advice - second - 1);
    finding.advice = line.substr(advice + 2);
  }
  return finding;
}

void look_at_device(const Json& token, Findings& findings) {
  if (!token.is_object() || cell(token, "software") != "yes") return;
  findings.push_back({Weight::kNote, "token " + cell(token, "name"),
                      "it is a software stand-in: whoever reads its files and its PIN has the keys",
                      "use hardware where the keys matter"});
}

// The number behind `name ` at the beginning of a line.
std::optional<double> metric_of(std::string_view page, std::string_view name) {
  for (std::size_t at = page.find(name); at != std::string_view::npos; at = page.find(name, at + 1)) {
    const std::size_t behind = at + name.size();
    if ((at != 0 && page[at - 1] != '\n') || behind >= page.size() || page[behind] != ' ') continue;
    double value = 0;
    const auto [end, error] = std::from_chars(page.data() + behind + 1, page.data() + page.size(), value);
    if (error == std::errc()) return value;
  }
  return std::nullopt;
}

std::string active_kid(const keyring::LoadedVersions& loaded, const std::string& key) {
  for (const keyring::KeyVersion& version : loaded.versions) {
    if (version.name == key && version.state == keyring::KeyState::kActive) return version.kid;
  }
  return "";
}

void compare_key(const std::string& name, const std::string& kid, const Json& keys, Findings& findings) {
  const Json* running = named_object(keys, name);
  if (running == nullptr) {
    findings.push_back({Weight::kWrong, "key " + name, "the file has it and the running signerd does not",
                        "reload signerd (systemctl reload signerd), and see its log for reload_refused"});
    return;
  }
  const std::string said = cell(*running, "kid", "");
  if (kid.empty() || said.empty() || kid == said) return;
  findings.push_back({Weight::kWrong, "key " + name,
                      "signerd signs with kid " + said + ", and the metadata's active version is " + kid,
                      "find out who changed the metadata files; signerd reads them anew at a start alone"});
}

void compare_tokens(const config::Config& config, const Json& tokens, Findings& findings) {
  for (const config::Token& token : config.tokens) {
    const Json* running = named_object(tokens, token.name);
    const std::string driver = token.driver == config::DriverKind::kTpm2 ? "tpm2" : "pkcs11";
    if (running != nullptr && cell(*running, "driver") == driver) continue;
    findings.push_back({Weight::kWrong, "token " + token.name,
                        running == nullptr ? "the file has it and the running signerd does not"
                                           : "the file gives it another driver than the running signerd has",
                        "restart signerd: a reload does not change a token"});
  }
  for (const Json& running : tokens) {
    const std::string name = cell(running, "name");
    const auto named = [&](const config::Token& token) { return token.name == name; };
    if (std::any_of(config.tokens.begin(), config.tokens.end(), named)) continue;
    findings.push_back({Weight::kWrong, "token " + name, "the running signerd has it and the file does not",
                        "restart signerd: a reload does not change a token"});
  }
}

}  // namespace

Findings look_at_daemon(const Status& status) {
  Findings findings;
  std::istringstream troubles(troubles_text(status));
  for (std::string line; std::getline(troubles, line);) findings.push_back(finding_of_trouble(line));
  if (!status.tokens) {
    findings.push_back({Weight::kSkipped, "tokens", "signerd does not show them: " + status.tokens_refusal,
                        "run as a user whose grant has the verb status"});
    return findings;
  }
  for (const Json& token : *status.tokens) look_at_device(token, findings);
  return findings;
}

Findings compare_with_daemon(const config::Config& config, const keyring::LoadedVersions& loaded,
                             const Status& status) {
  Findings findings;
  for (const config::Key& key : config.keys) compare_key(key.name, active_kid(loaded, key.name), status.keys, findings);
  for (const config::HmacKey& key : config.hmac_keys) compare_key(key.name, "", status.keys, findings);
  for (const Json& running : status.keys) {
    const std::string name = cell(running, "name");
    const auto named = [&](const auto& key) { return key.name == name; };
    if (std::any_of(config.keys.begin(), config.keys.end(), named) ||
        std::any_of(config.hmac_keys.begin(), config.hmac_keys.end(), named)) {
      continue;
    }
    findings.push_back({Weight::kWrong, "key " + name, "the running signerd has it and the file does not",
                        "reload signerd (systemctl reload signerd), and see its log for reload_refused"});
  }
  if (status.tokens) compare_tokens(config, *status.tokens, findings);
  return findings;
}

Findings look_at_metrics(std::string_view page) {
  Findings findings;
  if (metric_of(page, "signer_audit_healthy") == 0.0) {
    findings.push_back({Weight::kWrong, "audit log", "records cannot be written, so nothing is signed",
                        "see that its disk works and has space; signerd goes on by itself"});
  }
  const auto uncovered = metric_of(page, "signer_audit_uncovered_records");
  const auto failures = metric_of(page, "signer_audit_checkpoint_failures_total");
  if (uncovered.value_or(0) > 0 && failures.value_or(0) > 0) {
    findings.push_back({Weight::kWrong, "audit log",
                        std::to_string(static_cast<long long>(*uncovered)) +
                            " records are covered by no checkpoint, and checkpoints failed",
                        "see audit_checkpoint_waits in signerd's log; the next one that is signed covers them all"});
  }
  if (metric_of(page, "signer_audit_anchor_failures_total").value_or(0) > 0) {
    findings.push_back({Weight::kNote, "audit log", "checkpoints could not be sent to an anchor since the start",
                        "see audit_anchor_failed in signerd's log"});
  }
  return findings;
}

}  // namespace signer::ctl
