// SPDX-License-Identifier: Apache-2.0

#include "config/policy_cases.h"

#include "base/file.h"
#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"

namespace signer::config {

namespace {

constexpr std::size_t kCasesBytesMax = 4UL * 1024 * 1024;

void read_caller(TableReader& reader, CaseCaller& caller) {
  reader.text("user", caller.user);
  reader.texts("groups", caller.groups);
  reader.text("listener", caller.listener);
  reader.text("unit", caller.unit);
  std::optional<std::int64_t> id;
  reader.number("uid", 0, UINT32_MAX - 1LL, id);
  if (id) caller.uid = static_cast<std::uint32_t>(*id);
  id.reset();
  reader.number("gid", 0, UINT32_MAX - 1LL, id);
  if (id) caller.gids.push_back(static_cast<std::uint32_t>(*id));
  if (caller.user.has_value() == caller.uid.has_value())
    reader.problem("user", "say who is asking: user or uid, one of the two");
}

PolicyCase read_case(const toml::table& table, Problems& problems) {
  TableReader reader(table, "case", problems);
  PolicyCase one;
  one.line = table.source().begin.line;
  reader.text("name", one.name, true);
  read_caller(reader, one.caller);
  reader.text("key", one.key, true);
  reader.text("profile", one.profile);
  reader.text("verb", one.verb);
  if (one.verb != "issue" && one.verb != "sign-payload") reader.problem("verb", R"(must be "issue" or "sign-payload")");
  reader.text("claims", one.claims);
  std::optional<std::int64_t> at;
  reader.number("at", 0, claims::kWholeNumberMax, at);
  one.at = at;
  reader.text("expect", one.expect, true);
  bool known = one.expect.empty() || one.expect == "allowed";
  for (const ErrorCode code : {ErrorCode::kInvalidRequest, ErrorCode::kDenied, ErrorCode::kClaimPolicy})
    known = known || one.expect == to_string(code);
  if (!known) reader.problem("expect", R"(must be "allowed", "denied", "claim_policy" or "invalid_request")");
  reader.text("rule", one.rule);
  reader.text("pointer", one.pointer);
  if ((!one.rule.empty() || !one.pointer.empty()) && one.expect != "claim_policy")
    reader.problem("rule", "goes with expect = \"claim_policy\" alone, as pointer does");
  reader.text("grant", one.grant);
  if (!one.grant.empty() && one.expect == "denied") reader.problem("grant", "does not go with expect = \"denied\"");
  reader.finish();
  return one;
}

}  // namespace

Result<std::vector<PolicyCase>> parse_policy_cases(std::string_view text, const std::string& file) {
  std::vector<PolicyCase> cases;
  SIGNER_RETURN_IF_ERROR(read_document(text, file, [&cases](TableReader& root, Problems& problems) {
    for (const toml::table* table : root.tables("case")) cases.push_back(read_case(*table, problems));
    if (cases.empty()) root.problem("case", "is missing; add a [[case]]");
  }));
  return cases;
}

Result<std::vector<PolicyCase>> load_policy_cases(const std::filesystem::path& file) {
  SIGNER_ASSIGN_OR_RETURN(const std::string text, read_file_or_pipe(file, kCasesBytesMax));
  return parse_policy_cases(text, file.string());
}

}  // namespace signer::config
