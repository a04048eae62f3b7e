// SPDX-License-Identifier: Apache-2.0
//
// Who may mint what.  Pure: the kernel's word for the peer, the request and the time go in; a right or a refusal comes
// out. Default deny: what no grant names is refused.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "policy/concurrency_limiter.h"
#include "policy/overlap.h"
#include "policy/profile.h"
#include "policy/rate_limiter.h"
#include "request/refusal.h"
#include "request/request.h"

namespace signer::policy {

class Policy;

// What callers have used of their grants' limits.  Not thread-safe.
struct Limiter {
  RateLimiter rate;
  ConcurrencyLimiter concurrency;
};

// A request that a grant allows.  Only Policy::authorize can make one, so what takes one cannot be called without it.
// Holds the profile by shared ownership: a reload does not pull it away.
class AuthorizedRequest {
 public:
  [[nodiscard]] const std::string& key() const noexcept { return key_; }

  [[nodiscard]] const std::string& grant() const noexcept { return grant_; }

  [[nodiscard]] const Profile& profile() const noexcept { return *profile_; }

  [[nodiscard]] const jose::Json& claims() const noexcept { return claims_; }

  // The bytes to sign as they are, or null: the claims are signed as we write them.
  [[nodiscard]] const std::string* payload() const noexcept { return payload_ ? &*payload_ : nullptr; }

  // The request is over: another of this caller may take its place.  Its end does the same.
  void leave_place() noexcept { place_ = Place(); }

 private:
  friend class Policy;

  AuthorizedRequest(IssueRequest request, std::string grant, std::shared_ptr<const Profile> profile, Place place)
      : key_(std::move(request.key)),
        grant_(std::move(grant)),
        profile_(std::move(profile)),
        claims_(std::move(request.claims)),
        payload_(std::move(request.payload)),
        place_(std::move(place)) {}

  std::string key_;
  std::string grant_;
  std::shared_ptr<const Profile> profile_;
  jose::Json claims_;
  std::optional<std::string> payload_;
  Place place_;
};

// Turns names of users and groups into ids; nothing if there is no such name.
struct Accounts {
  std::function<std::optional<uid_t>(const std::string&)> uid;
  std::function<std::optional<gid_t>(const std::string&)> gid;
};

// The accounts of this machine (getpwnam_r, getgrnam_r).
[[nodiscard]] Accounts system_accounts();

// Immutable; replaced as a whole on reload.  The limiter is the caller's and outlives every Policy.
class Policy {
 public:
  // kInvalidRequest, with file, line and grant or profile of every problem, if a user or group does not exist, two
  // grants overlap so that their limits would add up, a recipient's key or a secret cannot be had, or payloads could be
  // signed under a profile that rewrites claims.
  [[nodiscard]] static Result<std::shared_ptr<const Policy>> build(const config::Config& config,
                                                                   const Accounts& accounts, const Files& files);

  // The profiles, ready for use, by name.
  [[nodiscard]] const auto& profiles() const noexcept { return profiles_; }

  // The right to mint, spent against the grant's rate and holding one of its places.  Refusals: kDenied; kRateLimited,
  // which spends nothing; kInvalidRequest if the profile must be named.  An unknown key and a key of somebody else look
  // alike to the caller.
  [[nodiscard]] Judged<AuthorizedRequest> authorize(const PeerIdentity& peer, IssueRequest request, Limiter& limiter,
                                                    SteadyTime now) const;

  // What can be said of a request to mint before it is read: kDenied if no grant lets `peer` do `verb` with `key` at
  // all, kRateLimited if no such grant has anything left.  Spends nothing; whoever passes may still be refused.
  [[nodiscard]] Judged<void> preview(const PeerIdentity& peer, Verb verb, std::string_view key, const Limiter& limiter,
                                     SteadyTime now) const;

  // The name of the first grant in the file that lets `peer` do `verb` (to `key`, if the verb is for one), or kDenied.
  // For verbs that do not mint.  Of these read-evidence alone spends something: a unit of that grant's rate, if it has
  // one; kRateLimited, which spends nothing, if none is left.
  [[nodiscard]] Judged<std::string> authorize(const PeerIdentity& peer, Verb verb, std::string_view key,
                                              Limiter& limiter, SteadyTime now) const;

 private:
  using Grant = ResolvedGrant;

  [[nodiscard]] std::string add_profiles(const config::Config& config, const Files& files);
  [[nodiscard]] std::string payload_problem(const config::Grant& written) const;
  [[nodiscard]] static bool matches(const Grant& grant, const PeerIdentity& peer);
  [[nodiscard]] std::vector<const Grant*> grants_for(const PeerIdentity& peer, Verb verb, std::string_view key) const;
  // The grant under which `peer` mints with `verb`, `key` and `profile`, which is filled in if it was left out.
  [[nodiscard]] Judged<const Grant*> minting_grant(const PeerIdentity& peer, Verb verb, std::string_view key,
                                                   std::optional<std::string>& profile) const;

  // A place under the grant, its rate spent; or kRateLimited.
  [[nodiscard]] static Judged<Place> spend(const Grant& grant, uid_t uid, Limiter& limiter, SteadyTime now);
  [[nodiscard]] static Judged<void> spend_rate(const Grant& grant, uid_t uid, Limiter& limiter, SteadyTime now);

  std::vector<Grant> grants_;
  std::map<std::string, std::shared_ptr<const Profile>, std::less<>> profiles_;
};

}  // namespace signer::policy
