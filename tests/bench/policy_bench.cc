// SPDX-License-Identifier: Apache-2.0
//
// What judging a claim set of about 400 bytes costs: the allow-list with the detectors, and with it everything from the
// right to mint to the signing input; beside it, in the same run, what reading the same bytes as JSON costs.
//   policy-bench [rounds, default 200]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "policy/claims.h"

namespace {

using namespace signer;

constexpr int kCallsPerRound = 500;

constexpr std::string_view kClaims =
    R"({"sub":"3b0f5c7e-9a51-4c58-8f0e-2f6f6f0c1a77","client_id":"ehr-portal","scope":"patient/Observation.rs )"
    R"(patient/Patient.r launch/patient openid fhirUser","auth_time":1789999000,"acr":"urn:example:loa:2",)"
    R"("amr":["pwd","otp"],"azp":"ehr-portal","sid":"0c9Jv2mA4kQ7vT1xY8bZ3w","patient":"a1b2c3d4-e5f6-47a8",)"
    R"("fhirUser":"Practitioner/7f1c2d3e","roles":["nurse","ward-7"],"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}})";

double cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

struct Cost {
  double median = 0;
  double best = 0;
};

// The contenders in turns, so that other work on the machine meets all.
std::vector<Cost> measure(const std::vector<std::function<void()>>& contenders, int rounds) {
  std::vector<std::vector<double>> samples(contenders.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const double start = cpu_us();
      for (int call = 0; call < kCallsPerRound; ++call) contenders[i]();
      samples[i].push_back((cpu_us() - start) / kCallsPerRound);
    }
  }
  std::vector<Cost> costs;
  for (std::vector<double>& one : samples) {
    std::sort(one.begin(), one.end());
    costs.push_back({one[one.size() / 2], one.front()});
  }
  return costs;
}

config::Config configuration() {
  config::Config config;
  config.file = "bench.toml";
  const claims::Kind* kind = claims::find_kind("rfc9068-access-token");
  config::Profile profile;
  profile.name = "access";
  profile.kind = kind->name;
  profile.typ = kind->typ;
  profile.subject = kind->subject;
  profile.rules = kind->rules;
  profile.issuer = "https://idp.example";
  profile.audiences = {"https://api.example"};
  config.profiles.push_back(std::move(profile));
  config::Grant grant;
  grant.name = "idp";
  grant.match.uid = 1001;
  grant.keys = {"issuer"};
  grant.profiles = {"access"};
  grant.verbs = {Verb::kIssue};
  config.grants.push_back(std::move(grant));
  return config;
}

void require(bool good) {
  if (!good) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 200;
  const config::Config config = configuration();
  const auto policy = policy::Policy::build(config, {}, {}).value();
  const jose::Json claims = jose::parse_json(kClaims).value();
  PeerIdentity peer;
  peer.uid = 1001;
  policy::Limiter limiter;
  const WallTime now{std::chrono::seconds(1790000000)};
  const std::string kid(43, 'k');
  const auto judge = [&] {
    claims::Findings findings;
    require(!claims::judge(claims, config.profiles[0].rules, claims::PhiMode::kEnforce, findings));
  };
  const auto mint = [&] {
    const auto right =
        policy->authorize(peer, {.key = "issuer", .profile = {}, .claims = claims}, limiter, SteadyTime{});
    require(right.has_value());
    auto shaped = policy::shape_claims(*right, now);
    require(shaped.has_value());
    require(
        policy::make_signing_input(*right, std::get<policy::ShapedClaims>(*std::move(shaped)), kid, now).has_value());
  };
  const auto costs = measure({[] { require(jose::parse_json(kClaims).has_value()); }, judge, mint}, rounds);
  std::printf(
      "claims of %zu bytes, %d rounds of %d calls; CPU time in us\n\n| step | median | best | / JSON "
      "|\n|---|---|---|---|\n",
      kClaims.size(), rounds, kCallsPerRound);
  const char* names[] = {"reading them as JSON (baseline)", "judging them: allow-list and detectors",
                         "all of it: right to mint, judging, setting, header and payload as base64url"};
  for (std::size_t i = 0; i < costs.size(); ++i) {
    std::printf("| %s | %.2f | %.2f | %.2f |\n", names[i], costs[i].median, costs[i].best,
                costs[i].median / costs[0].median);
  }
  return 0;
}
