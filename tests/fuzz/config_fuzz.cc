// SPDX-License-Identifier: Apache-2.0
// Target functions: config::parse, policy::Policy::build.
//
// A refusal names the file in every line.  What is accepted keeps the promises that the daemon builds on: names refer
// to what is there, and numbers lie in their ranges.
#include <algorithm>

#include "config/config.h"
#include "fuzz/fuzz.h"
#include "policy/policy.h"

namespace signer::fuzz {
namespace {

constexpr std::string_view kFile = "/etc/signer/fuzz.toml";

// The lines of a problem report; a problem's own text has none, since it quotes no newline of the file's.
void check_problems(std::string_view text) {
  require(!text.empty(), "a refusal has words");
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    require(line.starts_with(kFile), "every problem names the file");
    require(std::none_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < 0x20; }),
            "no control character of the file reaches the terminal");
  }
}

template <class List>
bool names(const List& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&name](const auto& one) { return one.name == name; });
}

void check_config(const config::Config& config) {
  require(config.file == kFile, "the configuration knows its file");
  require(!config.state_dir.empty() && !config.listeners.empty(), "what is required is there");
  for (const config::Key& key : config.keys) {
    require(!key.tokens.empty(), "a key has a token");
    for (const std::string& token : key.tokens) require(names(config.tokens, token), "a key's token is configured");
  }
  for (const config::HmacKey& key : config.hmac_keys) {
    require(names(config.tokens, key.token) && !names(config.keys, key.name),
            "an HMAC key is in a token and signs not");
  }
  for (const config::Profile& profile : config.profiles) {
    require(!profile.issuer.empty() && !profile.audiences.empty(), "a profile has an issuer and an audience");
    require(profile.max_ttl.count() > 0, "a profile's tokens expire after they begin");
    if (!profile.pairwise) continue;
    const std::string& key = profile.pairwise->secret_key;
    require(key.empty() != profile.pairwise->secret_file.empty(), "pseudonyms are made in one way");
    require(key.empty() || names(config.hmac_keys, key), "a pairwise key is configured");
  }
  for (const config::Grant& grant : config.grants) {
    require(grant.match.user || grant.match.uid || grant.match.group || grant.match.gid || grant.match.unit,
            "a grant says for whom");
    const bool minting = std::any_of(grant.verbs.begin(), grant.verbs.end(), mints);
    for (const std::string& key : grant.keys) {
      require(names(config.keys, key) || (names(config.hmac_keys, key) && !minting), "a grant's key is configured");
    }
    for (const std::string& profile : grant.profiles) {
      require(names(config.profiles, profile), "a grant's profile is configured");
    }
    require(!grant.rate || *grant.rate > 0, "a rate is above nothing");
  }
  for (const config::Token& token : config.tokens) {
    require(token.sessions > 0 && token.operation_timeout.count() > 0, "a token has sessions and time");
    const bool tpm = token.driver == config::DriverKind::kTpm2;
    require(token.module.empty() == tpm, "a module belongs to PKCS#11 tokens");
    require(!tpm || (token.sessions == 1 && token.uri.find(':') != std::string::npos && !token.pin_file.empty()),
            "a TPM is named in full, has an auth file and does one thing at a time");
  }
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  const std::string_view text = text_of({data, size});
  const auto config = config::parse(text, std::string(kFile));
  if (!config) {
    check_problems(config.error().text);
  } else {
    check_config(*config);
    const policy::Accounts accounts{[](const std::string&) { return std::optional<uid_t>(1001); },
                                    [](const std::string&) { return std::optional<gid_t>(1001); }};
    const policy::Files files{
        [](const config::Recipient&) -> Result<std::string> { return fail(ErrorCode::kNotFound, "absent"); },
        [](const std::string&) -> Result<std::optional<std::string>> { return fail(ErrorCode::kNotFound, "absent"); },
        [](const std::string&) -> Result<Secret> { return Secret(std::string(32, 's')); }};
    const auto policy = policy::Policy::build(*config, accounts, files);
    require(policy || policy.error().text.starts_with(kFile), "the policy's refusal names the file");
  }
  const auto duration = config::parse_duration(text);
  require(!duration || (duration->count() >= 0 && *duration <= std::chrono::hours(24 * 366 * 100)),
          "a duration is sane");
  return 0;
}
