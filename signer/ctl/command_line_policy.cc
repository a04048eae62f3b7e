// SPDX-License-Identifier: Apache-2.0
//
// `signerctl policy`, as it is typed.
#include "ctl/command_line_parser.h"

namespace signer::ctl {

void CommandLine::add_policy() {
  CLI::App* policy = command(app_, "policy", "ask a configuration what it would decide, offline",
                             "  signerctl policy explain --user idp --key issuer --claims claims.json\n"
                             "  signerctl policy test cases.toml\n"
                             "  signerctl policy show access");
  policy->require_subcommand(1);
  policy->add_option("--config", policy_.config, "signerd's configuration")->type_name("FILE")->capture_default_str();
  policy->fallthrough();
  add_policy_explain(*policy);

  CLI::App* test =
      command(*policy, "test", "compare a file of expected verdicts with what the configuration decides",
              "  signerctl policy test --config signer.toml cases.toml\n"
              "A case is a [[case]] with name, user or uid, key, claims and expect (docs/claim-policy.md).\n"
              "Each case that comes out otherwise is one line with its file and line.  Exits with 1 then.");
  test->add_option("FILE", policy_.cases, "the file of cases")->required()->type_name("FILE");
  test->callback([this] { action_ = [this] { return policy_test(context_, policy_); }; });

  CLI::App* show =
      command(*policy, "show", "print profiles as the audit log's profile_sha256 knows them",
              "  signerctl policy show access | tr -d '\\n' | openssl dgst -sha256 -binary | basenc --base64url\n"
              "One line for each profile, with all that its kind brings.");
  show->add_option("PROFILE", policy_.profile, "one profile; all otherwise")->type_name("NAME");
  show->callback([this] { action_ = [this] { return policy_show(context_, policy_); }; });
}

void CommandLine::add_policy_explain(CLI::App& policy) {
  CLI::App* explain =
      command(policy, "explain", "say which grant and which rule decide about a request",
              "  echo '{\"sub\":\"client-1\"}' | signerctl policy explain --user idp --key issuer\n"
              "  signerctl policy explain --user 1001 --key issuer --profile access --claims claims.json --json\n"
              "Signs nothing and asks nobody.  Limits of rate and concurrency are not looked at.  Exits with 1 if the\n"
              "request would be refused.  What is printed holds no value of a claim.");
  explain->add_option("--user", policy_.user, "who asks: a user's name or number")->required()->type_name("USER");
  explain->add_option("--group", policy_.groups, "a group of the caller beside those it has on this machine")
      ->type_name("NAME");
  explain->add_option("--listener", policy_.listener, "socket that the caller came through; default: the first")
      ->type_name("FILE");
  explain->add_option("--unit", policy_.unit, "systemd unit that the caller runs in")->type_name("NAME");
  explain->add_option("--key", policy_.key, "name of the key")->required()->type_name("NAME");
  explain->add_option("--profile", policy_.profile, "profile; may be left out if one alone is possible")
      ->type_name("NAME");
  explain->add_option("--verb", policy_.verb, "what is asked for")
      ->check(CLI::IsMember({"issue", "sign-payload"}))
      ->type_name("VERB")
      ->capture_default_str();
  explain->add_option("--claims", policy_.claims, "file of the claims, or of the payload; - is standard input")
      ->type_name("FILE")
      ->capture_default_str();
  explain->add_option("--now", policy_.now, "judge as of this time, in seconds since 1970")->type_name("UNIX");
  explain->callback([this] { action_ = [this] { return policy_explain(context_, policy_); }; });
}

}  // namespace signer::ctl
