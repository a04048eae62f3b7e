// SPDX-License-Identifier: Apache-2.0

#include "ctl/policy_trial.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "jose/base64url.h"
#include "protocol/messages.h"

namespace signer::ctl {

namespace {

constexpr std::uint32_t kFirstAssumedId = 4'200'000'000;
constexpr std::size_t kAccountBytesMax = 64UL * 1024;

// Of a recipient whose key cannot be read.  Made for this; the private key was thrown away.
constexpr const char* kAssumedModulus =
    "t386MSE25y58iYGHZc0F4Jm0Kaqug_-"
    "0LHV0pSwLcMLwN_mhQ0XoRMadPX_9vMmmurxntuAcfm14nmhFHcLyy1kHnp2x0Rp0dtiBQzDZoPPaZEU547KBH5o8F5XCTe-DVJu"
    "wsAqTEedwGuGhWFeqJymdFZdVXKjDTlTCiTgo1nALQPpBrXvXH9wp2U6jFO_7iqBuKCTImV5Yk73RMwBAhf_yZQw0P2-"
    "P_vEVBR6gJPvTYKQRNIM_dr56ioBAcp792hFmgiINZinvA48-QIUGJ1D3XC9et3kc7Kfjt6xn01nj-"
    "dnJCl2YkgtSMEAkauGYymGEoqAwhPLCVIpgoSWuxw";

// Once, however often it is so.
void add_note(std::vector<std::string>& notes, std::string note) {
  if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
}

// Names that this machine does not know get numbers of their own, so that a file can be checked anywhere.
class AssumedIds {
 public:
  explicit AssumedIds(std::vector<std::string>& notes) : notes_(notes) {}

  std::uint32_t of(const std::string& kind, const std::string& name) {
    const auto [place, added] =
        ids_.try_emplace({kind, name}, kFirstAssumedId + static_cast<std::uint32_t>(ids_.size()));
    if (added) notes_.push_back("there is no " + kind + " '" + name + "' on this machine; one is assumed");
    return place->second;
  }

 private:
  std::vector<std::string>& notes_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> ids_;
};

policy::Accounts forgiving_accounts(std::vector<std::string>& notes) {
  const auto system = policy::system_accounts();
  const auto assumed = std::make_shared<AssumedIds>(notes);
  return {[system, assumed](const std::string& name) -> std::optional<uid_t> {
            const auto known = system.uid(name);
            return known ? known : assumed->of("user", name);
          },
          [system, assumed](const std::string& name) -> std::optional<gid_t> {
            const auto known = system.gid(name);
            return known ? known : assumed->of("group", name);
          }};
}

// A file with something wrong in it, and not one that is absent or not ours to read.
bool is_wrong(const Error& error) {
  return error.code == ErrorCode::kInvalidRequest;
}

std::string assumed_key_set(const std::string& kid) {
  jose::Json key = {{"kty", "RSA"}, {"n", kAssumedModulus}, {"e", "AQAB"}};
  if (!kid.empty()) key["kid"] = kid;
  return jose::dump_json({{"keys", jose::Json::array({std::move(key)})}});
}

// The verdict does not depend on whom claims are encrypted to, nor on what a pseudonym is made with.
policy::Files forgiving_files(std::vector<std::string>& notes) {
  const auto system = policy::system_files();
  policy::Files files;
  files.key_set = [system, &notes](const config::Recipient& recipient) -> Result<std::string> {
    auto text = system.key_set(recipient);
    if (text || is_wrong(text.error())) return text;
    add_note(notes, "the key set " + recipient.jwks_file + " cannot be read; another key is assumed");
    return assumed_key_set(recipient.kid);
  };
  files.certificates = [system, &notes](const std::string& path) -> Result<std::optional<std::string>> {
    auto text = system.certificates(path);
    if (text || is_wrong(text.error())) return text;
    add_note(notes, "the certificates " + path + " cannot be read; they are not checked");
    return std::optional<std::string>();
  };
  files.secret = [system, &notes](const std::string& source) -> Result<Secret> {
    auto secret = system.secret(source);
    if (secret) return secret;
    add_note(notes, "the secret " + source + " cannot be read; another is assumed");
    return Secret(std::string(64, '0'));
  };
  return files;
}

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// What this machine knows of the caller.
std::optional<Account> account_of(const config::CaseCaller& caller) {
  std::vector<char> buffer(kAccountBytesMax);
  passwd entry{};
  passwd* found = nullptr;
  const int error = caller.user ? ::getpwnam_r(caller.user->c_str(), &entry, buffer.data(), buffer.size(), &found)
                                : ::getpwuid_r(caller.uid.value_or(0), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0 || found == nullptr) return std::nullopt;
  return Account{found->pw_name, found->pw_uid, found->pw_gid};
}

// Its own group among them.
std::vector<gid_t> groups_of(const Account& account) {
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  while (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0)
    groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

Result<PeerIdentity> peer_of(OfflinePolicy& offline, const config::CaseCaller& caller) {
  PeerIdentity peer;
  peer.gid = kFirstAssumedId - 1;  // a group that no grant means, unless the machine or the case says otherwise
  if (const auto account = account_of(caller)) {
    peer.uid = account->uid;
    peer.gid = account->gid;
    peer.groups = groups_of(*account);
  } else if (caller.user) {
    peer.uid = offline.accounts.uid(*caller.user).value_or(kFirstAssumedId - 1);
  } else {
    peer.uid = caller.uid.value_or(kFirstAssumedId - 1);
    add_note(offline.notes,
             "there is no user " + std::to_string(peer.uid) + " on this machine; it is in no group but those named");
  }
  for (const std::string& group : caller.groups)
    peer.groups.push_back(offline.accounts.gid(group).value_or(kFirstAssumedId - 1));
  peer.groups.insert(peer.groups.end(), caller.gids.begin(), caller.gids.end());
  peer.unit = caller.unit;
  const auto& listeners = offline.config.listeners;
  peer.listener = caller.listener.empty() ? listeners.front().path : caller.listener;
  if (std::ranges::find(listeners, peer.listener, &config::Listener::path) == listeners.end())
    return fail(ErrorCode::kInvalidRequest, "listener: is not the path of a [[listener]]");
  return peer;
}

// As the socket would read it, so that what is refused there is refused here.
Judged<IssueRequest> request_of(const config::PolicyCase& one, Verb verb) {
  if (verb == Verb::kSignPayload)
    return protocol::parse_payload(protocol::payload_body(one.claims, one.profile), one.key);
  SIGNER_ASSIGN_OR_RETURN(const std::string body, protocol::issue_body(one.claims, one.profile));
  return protocol::parse_issue(body, one.key);
}

// In signerd's order: whoever may not ask at all does not have the request read.
Judged<IssueRequest> admitted_request(const OfflinePolicy& offline, const config::PolicyCase& one,
                                      const PeerIdentity& peer, const policy::Limiter& limiter) {
  const Verb verb = one.verb == to_string(Verb::kSignPayload) ? Verb::kSignPayload : Verb::kIssue;
  SIGNER_RETURN_IF_ERROR(offline.policy->preview(peer, verb, one.key, limiter, SteadyTime{}));
  return request_of(one, verb);
}

jose::Json payload_of(const policy::SigningInput& input) {
  const auto bytes = jose::base64url_decode(std::string_view(input.text()).substr(input.text().find('.') + 1));
  auto claims = bytes ? jose::parse_json(text_of(*bytes)) : Result<jose::Json>(jose::Json::object());
  return claims ? *std::move(claims) : jose::Json::object();
}

// The key that signs is not known here: where there are certificates, it is taken to be theirs.
std::string kid_of(const policy::Profile& profile) {
  const jose::CertificateChain* chain = profile.certificate_chain();
  return chain != nullptr ? chain->leaf_thumbprint : std::string(43, 'k');
}

// The token that makes a pseudonym is not here, and the verdict does not depend on its value.
policy::ShapedClaims completed(OfflinePolicy& offline,
                               std::variant<policy::ShapedClaims, policy::PairwiseClaims> shaped,
                               const policy::Profile& profile) {
  if (auto* complete = std::get_if<policy::ShapedClaims>(&shaped)) return std::move(*complete);
  add_note(offline.notes, "the HMAC key '" + *profile.pairwise_key() +
                              "' is in its token and is not asked here; another pseudonym is assumed");
  return std::get<policy::PairwiseClaims>(std::move(shaped)).with({});
}

std::map<std::string, std::string> members_of(const jose::Json& sent, const jose::Json& made) {
  std::map<std::string, std::string> members;
  for (const auto& [name, value] : made.items()) {
    const auto place = sent.find(name);
    members[name] = place == sent.end() ? "set by signerd" : *place == value ? "as sent" : "replaced by signerd";
  }
  for (const auto& [name, value] : sent.items()) members.try_emplace(name, "encrypted");
  return members;
}

}  // namespace

Result<std::unique_ptr<OfflinePolicy>> load_policy(const std::string& file) {
  auto offline = std::make_unique<OfflinePolicy>();
  SIGNER_ASSIGN_OR_RETURN(offline->config, config::load(file));
  offline->accounts = forgiving_accounts(offline->notes);
  SIGNER_ASSIGN_OR_RETURN(offline->policy,
                          policy::Policy::build(offline->config, offline->accounts, forgiving_files(offline->notes)));
  return offline;
}

Result<Verdict> try_case(OfflinePolicy& offline, const config::PolicyCase& one) {
  SIGNER_ASSIGN_OR_RETURN(const PeerIdentity peer, peer_of(offline, one.caller));
  Verdict verdict;
  policy::Limiter limiter;
  auto request = admitted_request(offline, one, peer, limiter);
  if (!request) {
    verdict.refusal = request.error();
    return verdict;
  }
  const jose::Json sent = request->claims;
  const auto authorized = offline.policy->authorize(peer, *std::move(request), limiter, SteadyTime{});
  if (!authorized) {
    verdict.refusal = authorized.error();
    return verdict;
  }
  verdict.grant = authorized->grant();
  verdict.profile = offline.policy->profiles().find(authorized->profile().settings().name)->second;
  const WallTime now = one.at ? WallTime(std::chrono::seconds(*one.at)) : std::chrono::system_clock::now();
  auto shaped = policy::shape_claims(*authorized, now);
  if (!shaped) {
    verdict.refusal = std::move(shaped).error();
    return verdict;
  }
  auto complete = completed(offline, *std::move(shaped), *verdict.profile);
  const auto input = policy::make_signing_input(*authorized, std::move(complete), kid_of(*verdict.profile), now);
  if (!input) {
    verdict.refusal = input.error();
    return verdict;
  }
  verdict.findings = input->findings();
  verdict.members = members_of(sent, payload_of(*input));
  return verdict;
}

}  // namespace signer::ctl
