// SPDX-License-Identifier: Apache-2.0

#include "config/grant_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "config/references.h"
#include "request/unit_name.h"

namespace signer::config {

namespace {

constexpr std::int64_t kConcurrencyMax = 4096;  // no token holds more requests

// Those that no call of this version asks for.
constexpr std::array kNotInUse{Verb::kRotate};

std::string words_of(const std::vector<Verb>& verbs) {
  std::string words;
  for (const Verb verb : verbs) words += (words.empty() ? "'" : ", '") + std::string(to_string(verb)) + "'";
  return words;
}

void read_verbs(TableReader& reader, std::vector<Verb>& verbs) {
  std::vector<std::string> written;
  reader.texts("verbs", written, true);
  for (const std::string& word : written) {
    const auto* const known =
        std::find_if(kVerbWords.begin(), kVerbWords.end(), [&word](const auto& entry) { return entry.second == word; });
    if (known != kVerbWords.end()) {
      verbs.push_back(known->first);
      continue;
    }
    std::string words;
    for (const auto& [verb, one] : kVerbWords) words += (words.empty() ? "" : ", ") + std::string(one);
    reader.problem("verbs", "'" + word + "' is not known; known: " + words);
  }
}

// What the verbs need beside them.
void check_grant(TableReader& reader, const Grant& grant) {
  std::vector<Verb> for_keys;
  std::copy_if(grant.verbs.begin(), grant.verbs.end(), std::back_inserter(for_keys), is_for_a_key);
  if (!for_keys.empty() && grant.keys.empty()) {
    reader.problem("keys", "is missing; say for which keys the caller has " + words_of(for_keys));
  }
  std::vector<Verb> minting;
  std::copy_if(grant.verbs.begin(), grant.verbs.end(), std::back_inserter(minting), mints);
  if (!minting.empty() && std::find(grant.keys.begin(), grant.keys.end(), kCheckpointKey) != grant.keys.end()) {
    reader.problem("keys", "'" + std::string(kCheckpointKey) +
                               "' signs the audit log's checkpoints alone; take it out, or give it a grant " +
                               "of its own with the verb 'create'");
  }
  if (!minting.empty() && grant.profiles.empty()) {
    reader.problem("profiles", "is missing; say with which profiles the caller has " + words_of(minting));
  }
}

// An HMAC key signs nothing, so nobody can be given the right to sign with it.
void check_hmac_keys(TableReader& reader, const Grant& grant, const std::vector<std::string>& hmac_keys) {
  if (std::none_of(grant.verbs.begin(), grant.verbs.end(), mints)) return;
  for (const std::string& name : grant.keys) {
    if (std::find(hmac_keys.begin(), hmac_keys.end(), name) == hmac_keys.end()) continue;
    reader.problem("keys",
                   "'" + name +
                       "' is an [[hmac_key]], with which nothing is signed; give its verbs, such as 'create', in "
                       "a grant of their own");
  }
}

void match_members(TableReader& reader, const std::vector<Listener>& listeners, Match& match) {
  reader.text("user", match.user);
  reader.text("group", match.group);
  reader.text("listener", match.listener);
  std::optional<std::int64_t> id;
  reader.number("uid", 0, UINT32_MAX - 1LL, id);
  if (id) match.uid = static_cast<uid_t>(*id);
  id.reset();
  reader.number("gid", 0, UINT32_MAX - 1LL, id);
  if (id) match.gid = static_cast<gid_t>(*id);
  reader.text("unit", match.unit);
  if (match.unit && !is_process_unit(*match.unit)) {
    reader.problem("unit", "must be a service or scope in full, such as \"idp.service\" or \"idp@1.service\"");
  }
  if (!match.user && !match.group && !match.uid && !match.gid && !match.unit) {
    reader.problem("user", "is missing; a grant names at least one of user, uid, group, gid, unit");
  }
  if (match.listener) {
    const bool known = std::any_of(listeners.begin(), listeners.end(),
                                   [&match](const Listener& listener) { return listener.path == *match.listener; });
    if (!known) reader.problem("listener", "is not the path of a [[listener]]");
  }
}

void read_rate(TableReader& reader, std::string_view rate, Grant& grant) {
  double per_second = 0;
  unsigned count = 0;
  const auto [end, error] = std::from_chars(rate.data(), rate.data() + rate.size(), count);
  const std::string_view unit = rate.substr(static_cast<std::size_t>(end - rate.data()));
  if (unit == "/s") per_second = count;
  if (unit == "/m") per_second = count / 60.0;
  if (error != std::errc{} || per_second <= 0) return reader.problem("rate", "must be such as \"500/s\" or \"30/m\"");
  grant.rate = per_second;
}

}  // namespace

void read_grant(TableReader& reader, const Config& so_far, Problems& problems, Grant& grant) {
  if (const toml::table* table = reader.table("match")) {
    TableReader match(*table, "grant.match", problems);
    match_members(match, so_far.listeners, grant.match);
    match.finish();
  } else {
    reader.problem("match", "is missing; say who is meant, such as { user = \"idp\" }");
  }
  reader.texts("keys", grant.keys, false);
  const std::vector<std::string> hmac_keys = names_of(so_far.hmac_keys);
  std::vector<std::string> keys = names_of(so_far.keys);
  keys.insert(keys.end(), hmac_keys.begin(), hmac_keys.end());
  check_references(reader, "keys", grant.keys, keys);
  reader.texts("profiles", grant.profiles, false);
  check_references(reader, "profiles", grant.profiles, names_of(so_far.profiles));
  read_verbs(reader, grant.verbs);
  std::string rate;
  reader.text("rate", rate);
  if (!rate.empty()) read_rate(reader, rate, grant);
  std::optional<std::int64_t> concurrency;
  reader.number("concurrency", 1, kConcurrencyMax, concurrency);
  if (concurrency) grant.concurrency = static_cast<std::size_t>(*concurrency);
  check_grant(reader, grant);
  check_hmac_keys(reader, grant, hmac_keys);
}

std::string note_on(const Grant& grant) {
  std::vector<Verb> idle;
  std::copy_if(grant.verbs.begin(), grant.verbs.end(), std::back_inserter(idle),
               [](Verb verb) { return std::find(kNotInUse.begin(), kNotInUse.end(), verb) != kNotInUse.end(); });
  if (idle.empty()) return {};
  return "grant " + grant.name + ": " + words_of(idle) + " kept; no call of this version asks for it";
}

}  // namespace signer::config
