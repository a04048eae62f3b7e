// SPDX-License-Identifier: Apache-2.0

#include "config/grant_table.h"

#include <algorithm>
#include <charconv>

#include "config/references.h"

namespace signer::config {

namespace {

void read_verb(TableReader& reader, const std::string& verb, Grant& grant) {
  if (verb == "issue") {
    grant.verbs.push_back(Verb::kIssue);
  } else if (verb == "create") {
    grant.verbs.push_back(Verb::kCreate);
  } else if (verb == "status") {
    grant.verbs.push_back(Verb::kStatus);
  } else {
    reader.problem("verbs", "'" + verb + "' is not known; known: issue, create, status");
  }
}

void check_grant(TableReader& reader, const Grant& grant) {
  const auto has = [&grant](Verb verb) {
    return std::find(grant.verbs.begin(), grant.verbs.end(), verb) != grant.verbs.end();
  };
  if ((has(Verb::kIssue) || has(Verb::kCreate)) && grant.keys.empty()) {
    reader.problem("keys", "is missing; 'issue' and 'create' need to know for which keys");
  }
  if (has(Verb::kIssue) && grant.profiles.empty()) {
    reader.problem("profiles", "is missing; 'issue' needs to know which profiles");
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
  if (!match.user && !match.group && !match.uid && !match.gid) {
    reader.problem("user", "is missing; a grant names at least one of user, uid, group, gid");
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
  check_references(reader, "keys", grant.keys, names_of(so_far.keys));
  reader.texts("profiles", grant.profiles, false);
  check_references(reader, "profiles", grant.profiles, names_of(so_far.profiles));
  std::vector<std::string> verbs;
  reader.texts("verbs", verbs, true);
  for (const std::string& verb : verbs) read_verb(reader, verb, grant);
  std::string rate;
  reader.text("rate", rate);
  if (!rate.empty()) read_rate(reader, rate, grant);
  check_grant(reader, grant);
}

}  // namespace signer::config
