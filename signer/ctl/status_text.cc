// SPDX-License-Identifier: Apache-2.0

#include "ctl/status_text.h"

#include <vector>

#include "ctl/text.h"

namespace signer::ctl {

namespace {

using jose::Json;

bool is_true(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string key_trouble(const Json& key) {
  const std::string name = printable(cell(key, "name"));
  const std::string state = cell(key, "state");
  if (state == "absent")
    return "key " + name + " does not exist yet; make it with: signerctl key create " + name + "\n";
  const std::string reason = printable(cell(key, "reason", ""));
  if (state == "stopped") {
    return "key " + name + " is stopped" + (reason.empty() ? "" : ": " + reason) +
           (reason.find("nothing was changed") == std::string::npos
                ? "; nothing was changed, compare the token with the key's metadata\n"
                : "\n");
  }
  if (is_true(key, "ready")) return "";
  const std::string work = cell(key, "use") == "pairwise" ? " cannot make pseudonyms now" : " cannot sign now";
  return "key " + name + work + (reason.empty() ? "" : ": " + reason) + "\n";
}

// Why the key is stopped, which the tokens tell those who may see them.
std::optional<std::string> stop_reason(const std::optional<Json>& tokens, const std::string& key) {
  if (!tokens) return std::nullopt;
  for (const Json& token : *tokens) {
    const auto stopped = token.is_object() ? token.find("stopped_keys") : token.end();
    if (stopped != token.end() && stopped->is_object() && stopped->contains(key))
      return cell(*stopped, key.c_str(), "");
  }
  return std::nullopt;
}

std::string token_trouble(const Json& token) {
  const std::string name = printable(cell(token, "name"));
  const std::string state = cell(token, "state");
  const std::string reason = printable(cell(token, "reason", ""));
  const std::string because = reason.empty() ? "" : ": " + reason;
  if (state == "pin_refused") {
    return "token " + name + " refused its PIN" + because +
           "; correct its pin_file, or if the PIN is right: signerctl token unlatch --config F " + name + "\n";
  }
  if (state == "unavailable") return "token " + name + " is unavailable" + because + "; signerd keeps trying\n";
  if (state == "starting") return "token " + name + " is starting" + because + "\n";
  if (is_true(token, "degraded")) {
    return "token " + name + " is degraded, it refused requests lately" + because + "\n";
  }
  return "";
}

// Where the keys of a token live, so that nobody takes a stand-in for hardware.
std::string place_of_keys(const Json& token) {
  if (is_true(token, "software")) return "software stand-in";
  if (is_true(token, "hardware")) return "hardware (the token says so)";
  return "not known";
}

std::string device(const Json& token) {
  std::string text;
  for (const char* part : {"manufacturer", "model", "firmware"}) {
    const std::string value = cell(token, part, "");
    if (!value.empty()) text += (text.empty() ? "" : " ") + value;
  }
  return text.empty() ? "-" : text;
}

std::string state_of(const Json& token) {
  return cell(token, "state") + (is_true(token, "degraded") ? ", degraded" : "");
}

std::string tokens_text(const Json& tokens) {
  std::vector<Row> rows = {{"TOKEN", "DRIVER", "STATE", "LABEL", "SERIAL", "DEVICE", "KEYS LIVE IN", "RESTARTS"}};
  for (const Json& token : tokens) {
    rows.push_back({cell(token, "name"), cell(token, "driver"), state_of(token), cell(token, "label"),
                    cell(token, "serial"), device(token), place_of_keys(token), cell(token, "restarts")});
  }
  return rows.size() == 1 ? "No token is configured.\n" : table(rows);
}

}  // namespace

bool is_ready(const Status& status) {
  return is_true(status.readiness, "ready");
}

std::string keys_text(const Json& keys) {
  std::vector<Row> rows = {{"KEY", "ALG", "STATE", "CAN SIGN", "TOKEN", "CREATED", "KID"}};
  for (const Json& key : keys) {
    rows.push_back({cell(key, "name"), cell(key, "alg"), cell(key, "state"), cell(key, "ready", "no"),
                    cell(key, "token"), cell(key, "created"), cell(key, "kid")});
  }
  return rows.size() == 1 ? "No key is configured.\n" : table(rows);
}

std::string troubles_text(const Status& status) {
  std::string text;
  for (const Json& key : status.keys) {
    // /readyz knows the reason of a key that is sound and whose token is away.
    Json known = key;
    const auto about = status.readiness.find("keys");
    if (!known.contains("reason") && about != status.readiness.end() && about->is_object()) {
      const auto entry = about->find(cell(key, "name"));
      if (entry != about->end() && entry->is_object()) known["reason"] = cell(*entry, "reason", "");
    }
    if (auto reason = stop_reason(status.tokens, cell(key, "name"))) known["reason"] = *std::move(reason);
    text += key_trouble(known);
  }
  if (status.tokens) {
    for (const Json& token : *status.tokens) text += token_trouble(token);
  }
  return text;
}

std::string status_text(const Status& status) {
  std::string text = "signerd answers on " + printable(status.socket) + " and is " +
                     (is_ready(status) ? "ready: every key can sign.\n" : "NOT ready: not every key can sign.\n");
  text.append("\n").append(keys_text(status.keys)).append("\n");
  text +=
      status.tokens ? tokens_text(*status.tokens) : "Tokens are not shown: " + printable(status.tokens_refusal) + "\n";
  const std::string troubles = troubles_text(status);
  if (!troubles.empty()) text.append("\n").append(troubles);
  return text;
}

Json status_json(const Status& status) {
  return {{"ready", is_ready(status)},
          {"socket", status.socket},
          {"readiness", status.readiness},
          {"keys", status.keys},
          {"tokens", status.tokens.value_or(Json())}};
}

}  // namespace signer::ctl
