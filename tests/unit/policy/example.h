// SPDX-License-Identifier: Apache-2.0
//
// A configuration with two callers, two keys and three profiles, as values.
#pragma once

#include <string>

#include "policy/policy.h"

namespace signer::test {

inline config::Profile profile(std::string name, std::vector<std::string> audiences = {"https://api.example"}) {
  config::Profile made;
  made.name = std::move(name);
  made.typ = "at+jwt";
  made.issuer = "https://idp.example";
  made.audiences = std::move(audiences);
  made.max_ttl = std::chrono::seconds(900);
  made.bytes_max = 11UL * 1024;
  return made;
}

inline claims::Rule claim(std::string name, claims::Type type) {
  claims::Rule made;
  made.name = std::move(name);
  made.type = type;
  made.length_max = 4096;
  return made;
}

// With these claims on its allow-list beside the base.
inline config::Profile with_claims(config::Profile made, std::vector<claims::Rule> rules) {
  for (claims::Rule& rule : rules) made.rules.push_back(std::move(rule));
  claims::sort_by_name(made.rules);
  return made;
}

// No recipient, no certificate and no secret can be had.
inline policy::Files no_files() {
  return {[](const config::Recipient&) -> Result<std::string> { return fail(ErrorCode::kNotFound, "no such file"); },
          [](const std::string&) -> Result<std::optional<std::string>> {
            return fail(ErrorCode::kNotFound, "no such file");
          },
          [](const std::string&) -> Result<Secret> { return fail(ErrorCode::kDenied, "no such secret"); }};
}

inline config::Grant grant(std::string name, config::Match match, std::vector<std::string> keys,
                           std::vector<std::string> profiles, std::vector<Verb> verbs = {Verb::kIssue}) {
  config::Grant made;
  made.name = std::move(name);
  made.match = std::move(match);
  made.keys = std::move(keys);
  made.profiles = std::move(profiles);
  made.verbs = std::move(verbs);
  return made;
}

inline config::Match uid(uid_t id) {
  config::Match match;
  match.uid = id;
  return match;
}

inline config::Config configuration(std::vector<config::Grant> grants) {
  config::Config made;
  made.file = "signer.toml";
  made.profiles = {profile("access"), profile("id"), profile("many", {"https://a.example", "https://b.example"})};
  made.grants = std::move(grants);
  return made;
}

// user "idp" is 1001, group "clients" 2001, and nobody else exists.
inline policy::Accounts accounts() {
  return {[](const std::string& name) { return name == "idp" ? std::optional<uid_t>(1001) : std::nullopt; },
          [](const std::string& name) { return name == "clients" ? std::optional<gid_t>(2001) : std::nullopt; }};
}

inline std::shared_ptr<const policy::Policy> build(std::vector<config::Grant> grants) {
  return policy::Policy::build(configuration(std::move(grants)), accounts(), no_files()).value();
}

inline PeerIdentity peer(uid_t id, gid_t gid = 9, std::vector<gid_t> groups = {}) {
  return {id, gid, 4242, std::move(groups), "/run/signer.sock"};
}

inline IssueRequest request(std::string key, std::optional<std::string> with_profile = {},
                            jose::Json claims = jose::Json::object()) {
  return {std::move(key), std::move(with_profile), std::move(claims)};
}

}  // namespace signer::test
