// SPDX-License-Identifier: Apache-2.0
//
// Prints the laxity rows as JSON, with keys made for this run: tokens that a verifier must take and tokens that it must
// refuse.  docs/verify.md says how another verifier is judged by them.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "jose/json.h"
#include "tests/vectors/laxity_rows.h"

int main(int argc, char** argv) {
  using signer::jose::Json;
  const auto today = std::chrono::system_clock::now().time_since_epoch();
  long long now = std::chrono::duration_cast<std::chrono::seconds>(today).count();
  CLI::App app{
      "make_laxity_tokens - print tokens that a strict JWT verifier takes and tokens that it refuses.\n"
      "One JSON object: issuer, audience, type, now (seconds since 1970), leeway and lifetime_max (seconds), jwks and\n"
      "rows; a row has rule, name, token, expected: \"ok\" or the code with which signer refuses, and policy: whether "
      "it\n"
      "refuses by a rule of its own, which the RFCs do not have."};
  app.add_option("--now", now, "the time the tokens are good at (default: now)")
      ->check(CLI::Range(1'000'000'000LL, 4'000'000'000LL));
  CLI11_PARSE(app, argc, argv);

  const auto made = signer::vectors::laxity_case(now);
  Json rows = Json::array();
  for (const auto& row : made.rows) {
    rows.push_back({{"rule", row.rule},
                    {"name", row.name},
                    {"token", row.token},
                    {"expected", row.expected},
                    {"policy", row.policy}});
  }
  const Json document = {{"issuer", made.profile.issuers.names.front()},
                         {"audience", made.profile.audiences.names},
                         {"type", "at+jwt"},
                         {"now", made.now},
                         {"leeway", made.profile.leeway.count()},
                         {"lifetime_max", made.profile.lifetime_max.count()},
                         {"jwks", Json::parse(made.jwks)},
                         {"rows", rows}};
  std::puts(document.dump(1).c_str());
  return 0;
}
