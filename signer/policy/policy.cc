// SPDX-License-Identifier: Apache-2.0

#include "policy/policy.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>

namespace signer::policy {

namespace {

constexpr std::size_t kAccountBytesMax = 64UL * 1024;

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool in_group(const PeerIdentity& peer, gid_t gid) {
  return peer.gid == gid || std::find(peer.groups.begin(), peer.groups.end(), gid) != peer.groups.end();
}

Failure<Refusal> denied(std::string reason) {
  return refuse(ErrorCode::kDenied, "no grant allows this", std::move(reason));
}

}  // namespace

Accounts system_accounts() {
  Accounts accounts;
  accounts.uid = [](const std::string& name) -> std::optional<uid_t> {
    std::vector<char> buffer(kAccountBytesMax);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
      return std::nullopt;
    return found->pw_uid;
  };
  accounts.gid = [](const std::string& name) -> std::optional<gid_t> {
    std::vector<char> buffer(kAccountBytesMax);
    group entry{};
    group* found = nullptr;
    if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
      return std::nullopt;
    return found->gr_gid;
  };
  return accounts;
}

namespace {

// The id that a match names, by number or by name; what is wrong goes to `problem`.
template <class Id>
std::optional<Id> id_of(std::string_view kind, const std::optional<std::string>& name, const std::optional<Id>& number,
                        const std::function<std::optional<Id>(const std::string&)>& look_up, std::string& problem) {
  if (!name) return number;
  const auto found = look_up(*name);
  if (!found) {
    problem = std::string(kind) + ": there is no " + std::string(kind) + " '" + *name +
              "' on this machine; create it or correct the name";
  } else if (number && *number != *found) {
    problem = std::string(kind) + ": is another one than the number beside it; keep one";
  }
  return found;
}

void add_line(std::string& lines, const std::string& line) {
  lines += (lines.empty() ? "" : "\n") + line;
}

}  // namespace

std::string Policy::add_profiles(const config::Config& config, const Files& files) {
  std::string problems;
  for (const config::Profile& written : config.profiles) {
    auto profile = Profile::prepare(written, config, files);
    if (profile) {
      profiles_.emplace(written.name, *std::move(profile));
    } else {
      add_line(problems, config.file + ":" + std::to_string(written.line) + ": profile '" + written.name +
                             "': " + profile.error().text);
    }
  }
  return problems;
}

// A payload is signed as it is, which a profile that moves or replaces claims cannot let happen.
std::string Policy::payload_problem(const config::Grant& written) const {
  if (std::ranges::find(written.verbs, Verb::kSignPayload) == written.verbs.end()) return {};
  for (const std::string& name : written.profiles) {
    const auto profile = profiles_.find(name);
    if (profile != profiles_.end() && profile->second->rewrites_claims())
      return "': 'sign-payload' does not fit profile '" + name + "', which encrypts or replaces claims";
    if (profile != profiles_.end() && std::ranges::find(profile->second->settings().rules, "jti",
                                                        &claims::Rule::name) == profile->second->settings().rules.end())
      return "': 'sign-payload' does not fit profile '" + name +
             "', which allows no 'jti', and a payload must have one";
  }
  return {};
}

Result<std::shared_ptr<const Policy>> Policy::build(const config::Config& config, const Accounts& accounts,
                                                    const Files& files) {
  auto policy = std::make_shared<Policy>();
  std::string problems = policy->add_profiles(config, files);
  for (const config::Grant& written : config.grants) {
    std::string user_problem;
    std::string group_problem;
    const auto uid = id_of<uid_t>("user", written.match.user, written.match.uid, accounts.uid, user_problem);
    const auto gid = id_of<gid_t>("group", written.match.group, written.match.gid, accounts.gid, group_problem);
    if (!user_problem.empty()) user_problem.insert(0, "'.match.");
    if (!group_problem.empty()) group_problem.insert(0, "'.match.");
    for (const std::string& problem : {user_problem, group_problem, policy->payload_problem(written)}) {
      if (problem.empty()) continue;
      add_line(problems, config.file + ":" + std::to_string(written.line) + ": grant '" + written.name + problem);
    }
    policy->grants_.push_back(Grant{written, uid, gid});
  }
  for (const std::string& overlap : overlaps(policy->grants_, config.file)) add_line(problems, overlap);
  if (!problems.empty()) return fail(ErrorCode::kInvalidRequest, problems);
  return std::shared_ptr<const Policy>(std::move(policy));
}

bool Policy::matches(const Grant& grant, const PeerIdentity& peer) {
  if (grant.uid && *grant.uid != peer.uid) return false;
  if (grant.gid && !in_group(peer, *grant.gid)) return false;
  if (grant.written.match.listener && *grant.written.match.listener != peer.listener) return false;
  if (grant.written.match.unit && (peer.unit.empty() || *grant.written.match.unit != peer.unit)) return false;
  return grant.names_somebody();
}

std::vector<const Policy::Grant*> Policy::grants_for(const PeerIdentity& peer, Verb verb, std::string_view key) const {
  std::vector<const Grant*> found;
  for (const Grant& grant : grants_) {
    const auto& verbs = grant.written.verbs;
    if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end() || !matches(grant, peer)) continue;
    if (is_for_a_key(verb) && !holds(grant.written.keys, key)) continue;
    found.push_back(&grant);
  }
  return found;
}

Judged<std::string> Policy::authorize(const PeerIdentity& peer, Verb verb, std::string_view key, Limiter& limiter,
                                      SteadyTime now) const {
  const auto grants = grants_for(peer, verb, key);
  if (grants.empty()) return denied("no grant has this verb for this caller and key");
  if (verb == Verb::kReadEvidence) SIGNER_RETURN_IF_ERROR(spend_rate(*grants.front(), peer.uid, limiter, now));
  return grants.front()->written.name;
}

Judged<const Policy::Grant*> Policy::minting_grant(const PeerIdentity& peer, Verb verb, std::string_view key,
                                                   std::optional<std::string>& profile) const {
  const auto grants = grants_for(peer, verb, key);
  const std::string word(to_string(verb));
  if (grants.empty()) return denied("no grant lets this caller " + word + " with this key");
  if (profile) {
    for (const Grant* grant : grants) {
      if (holds(grant->written.profiles, *profile)) return grant;
    }
    return denied("no grant lets this caller " + word + " with this profile");
  }
  // No two grants here have a profile in common, or they would overlap.
  if (grants.size() != 1 || grants.front()->written.profiles.size() != 1) {
    return refuse(ErrorCode::kInvalidRequest, "name a profile: several are allowed for this key");
  }
  profile = grants.front()->written.profiles.front();
  return grants.front();
}

Judged<Place> Policy::spend(const Grant& grant, uid_t uid, Limiter& limiter, SteadyTime now) {
  const config::Grant& written = grant.written;
  auto place = limiter.concurrency.take(written.name, uid, written.concurrency);
  if (!place) {
    return refuse(ErrorCode::kRateLimited, "too many requests at once", "concurrency of grant " + written.name);
  }
  SIGNER_RETURN_IF_ERROR(spend_rate(grant, uid, limiter, now));
  return *std::move(place);
}

Judged<void> Policy::spend_rate(const Grant& grant, uid_t uid, Limiter& limiter, SteadyTime now) {
  const config::Grant& written = grant.written;
  if (!written.rate || limiter.rate.take(written.name, uid, *written.rate, now)) return {};
  return refuse(ErrorCode::kRateLimited, "too many requests", "rate of grant " + written.name);
}

Judged<void> Policy::preview(const PeerIdentity& peer, Verb verb, std::string_view key, const Limiter& limiter,
                             SteadyTime now) const {
  const auto grants = grants_for(peer, verb, key);
  if (grants.empty()) return denied("no grant lets this caller " + std::string(to_string(verb)) + " with this key");
  const auto has_something_left = [&](const Grant* grant) {
    const config::Grant& written = grant->written;
    return limiter.concurrency.has_one(written.name, peer.uid, written.concurrency) &&
           (!written.rate || limiter.rate.has_one(written.name, peer.uid, *written.rate, now));
  };
  if (std::any_of(grants.begin(), grants.end(), has_something_left)) return {};
  return refuse(ErrorCode::kRateLimited, "too many requests", "limits of grant " + grants.front()->written.name);
}

Judged<AuthorizedRequest> Policy::authorize(const PeerIdentity& peer, IssueRequest request, Limiter& limiter,
                                            SteadyTime now) const {
  SIGNER_ASSIGN_OR_RETURN(const Grant* grant, minting_grant(peer, request.verb(), request.key, request.profile));
  SIGNER_ASSIGN_OR_RETURN(Place place, spend(*grant, peer.uid, limiter, now));
  const auto& profile = profiles_.find(*request.profile)->second;
  return AuthorizedRequest(std::move(request), grant->written.name, profile, std::move(place));
}

}  // namespace signer::policy
