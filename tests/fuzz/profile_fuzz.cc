// SPDX-License-Identifier: Apache-2.0
// Target functions: config::parse and policy::Policy::build of a profile, and claims::judge and policy::shape_claims by
// it.
//
// Input: the lines of a [[profile]] behind its name, issuer, audience and time, then a line "---", then claims as JSON.
// Whatever a profile says, its verdict on the same claims is the same; a refusal says nothing that was sent; and what
// it has allowed once it allows again, word for word.
#include <functional>

#include "fuzz/judgement.h"
#include "policy/policy.h"
#include "protocol/messages.h"

namespace signer::fuzz {
namespace {

using jose::Json;

constexpr std::string_view kFile = "/etc/signer/fuzz.toml";

constexpr std::string_view kHead = R"(state_dir = "/s"
[[listener]]
path = "/s/s"
[[token]]
name = "t"
driver = "pkcs11"
module = "/m"
uri = "pkcs11:token=t"
[[key]]
name = "k"
tokens = ["t"]
[[recipient]]
name = "r"
jwks_file = "/r"
[[profile]]
name = "p"
issuer = "https://idp.example"
audiences = ["https://api.example", "https://b.example"]
max_ttl = "5m"
)";

// The policy of a profile that the configuration takes, with a grant for each verb that can have one.
std::shared_ptr<const policy::Policy> policy_of(std::string_view lines) {
  auto config = config::parse(std::string(kHead) + std::string(lines), std::string(kFile));
  if (!config) {
    require(config.error().text.starts_with(kFile), "every problem names the file");
    return nullptr;
  }
  const auto again = config::parse(std::string(kHead) + std::string(lines), std::string(kFile));
  require(again && config::profile_text(again->profiles[0]) == config::profile_text(config->profiles[0]),
          "a text is always the same profile");
  config->grants.clear();
  config::Match caller;
  caller.uid = kCaller;
  config->grants.push_back({"issue", caller, {"k"}, {"p"}, {Verb::kIssue}, std::nullopt});
  config->grants.push_back({"sign", caller, {"k"}, {"p"}, {Verb::kSignPayload}, std::nullopt});
  auto policy = policy::Policy::build(*config, policy::Accounts{}, fixed_files());
  if (policy) return *std::move(policy);
  require(policy.error().text.starts_with(kFile), "the policy's refusal names the file");
  config->grants.pop_back();
  policy = policy::Policy::build(*config, policy::Accounts{}, fixed_files());
  return policy ? *std::move(policy) : nullptr;
}

// What becomes of a request: the payload to sign, or why there is none.  Nothing if no grant takes it.
std::optional<Judged<std::string>> verdict_on(const policy::Policy& policy, const IssueRequest& request) {
  PeerIdentity peer;
  peer.uid = kCaller;
  policy::Limiter limiter;
  const auto authorized = policy.authorize(peer, request, limiter, SteadyTime{});
  if (!authorized) {
    require(authorized.error().code == ErrorCode::kDenied && request.payload, "only exact payloads can have no grant");
    return std::nullopt;
  }
  const policy::Profile& profile = authorized->profile();
  const WallTime now{std::chrono::seconds(kNow)};
  const auto input = input_of(*authorized, now);
  const auto again = input_of(*authorized, now);
  require(input.has_value() == again.has_value(), "the verdict is always the same");
  if (!input) {
    require(input.error().detail == again.error().detail && input.error().rule == again.error().rule &&
                input.error().pointer == again.error().pointer,
            "a refusal is always the same");
    check_told(input.error(), profile.settings());
    return Judged<std::string>(Failure<Refusal>{input.error()});
  }
  require(input->findings().exempted == again->findings().exempted &&
              input->findings().reported == again->findings().reported,
          "the findings are always the same");
  check_findings(input->findings(), profile.settings());
  std::string payload = payload_of(*input);
  check_allowed(request.claims, payload, profile);
  return Judged<std::string>(std::move(payload));
}

// What was signed once is allowed as claims, and as a payload if a grant takes any, and stays as it is.
void check_again(const policy::Policy& policy, const std::string& payload) {
  const auto body = protocol::issue_body(payload, std::nullopt);
  require(body.has_value(), "what was signed are claims within the limits of claims");
  const auto request = protocol::parse_issue(*body, "k");
  require(request.has_value(), "and is read as such");
  const auto verdict = verdict_on(policy, *request);
  require(verdict.has_value(), "a grant takes it");
  // One random jti in millions looks like a number of somebody's.
  if (!*verdict && verdict->error().pointer == "/jti" && phi::detector_of(verdict->error().rule)) return;
  require(*verdict && **verdict == payload, "what was signed once is signed again, word for word");
  const auto exact = protocol::parse_payload(protocol::payload_body(payload, std::nullopt), "k");
  if (!exact) return;  // a number such as 1.0, which claims may have and payloads not
  const auto signed_again = verdict_on(policy, *exact);
  require(!signed_again || (*signed_again && **signed_again == payload), "and as a payload");
}

void judge(const policy::Policy& policy, const std::string& claims) {
  const policy::Profile& profile = *policy.profiles().begin()->second;
  const auto body = protocol::issue_body(claims, std::nullopt);
  if (!body) return;
  const auto request = protocol::parse_issue(*body, "k");
  require(request.has_value(), "claims within the limits make a body");
  const auto issued = verdict_on(policy, *request);
  const auto& rules = profile.settings().rules;
  const bool takes_jti = std::ranges::find(rules, "jti", &claims::Rule::name) != rules.end();
  if (*issued && takes_jti && !profile.rewrites_claims()) check_again(policy, **issued);

  const auto payload = protocol::parse_payload(protocol::payload_body(claims, std::nullopt), "k");
  const auto kept = payload ? verdict_on(policy, *payload) : std::nullopt;
  if (!kept) return;
  require(!profile.rewrites_claims(), "payloads are not signed under a profile that rewrites claims");
  if (!*kept) return;
  require(**kept == claims, "a payload is signed byte for byte");
  // Our own spelling may be longer, and what is longer may be too long.
  require(*issued ? jose::parse_json(**issued).value() == request->claims : (*issued).error().rule == "claims.size",
          "what may be signed as a payload may be signed as claims, and nothing is added");
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer::fuzz;
  constexpr std::string_view kLine = "\n---\n";
  const std::string_view text = signer::text_of({data, size});
  const std::size_t line = text.find(kLine);
  if (line == std::string_view::npos) return 0;
  const auto policy = policy_of(text.substr(0, line));
  if (policy != nullptr) judge(*policy, std::string(text.substr(line + kLine.size())));
  return 0;
}
