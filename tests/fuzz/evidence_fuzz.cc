// SPDX-License-Identifier: Apache-2.0
// Target functions: evidence::read_bundle, evidence::verify_bundle, evidence::judge_pkcs11, evidence::to_text and
// to_json of verdicts.
//
// The input is a bundle, and as JSON also a member `pkcs11`, because nobody can sign what a fuzzer has changed. Nothing
// is better than failed with a bad check or without the one key that ever signed a seed, and whatever it is, it is
// shown in printable ASCII of 100 columns.
#include <algorithm>

#include "evidence/bundle.h"
#include "evidence/judge_pkcs11.h"
#include "evidence/report.h"
#include "evidence/verify.h"
#include "fuzz/fixed_key.h"
#include "fuzz/fuzz.h"

namespace signer::fuzz {
namespace {

using namespace signer::evidence;

// Of the key that signed the seeds; its private half was thrown away.
constexpr std::string_view kSeedKid = "hdGcInvWoPQls4If--k7uob3Z3uMz3DpU_rPSukPTbE";
constexpr std::string_view kSeedNonce = "AAECAwQFBgcICQoLDA0ODw";

void check_judgement(const Judgement& judgement) {
  require(!judgement.checks.empty() && !judgement.reason.empty(), "a judgement says what it is about and why");
  require(judgement.has_bad() == (judgement.grade == Grade::kFailed), "what is bad fails, and nothing else does");
  for (const Check& check : judgement.checks) {
    require(check.found == shown(check.found), "what strangers write is shown as short, printable ASCII");
    require(!check.name.empty() && !check.meaning.empty(), "a check has a name and a meaning");
  }
}

void check_report(const Verdict& verdict) {
  const std::string text = to_text(verdict);
  require(text.starts_with("grade: " + std::string(to_string(verdict.grade)) + "\n"), "the grade comes first");
  std::size_t column = 0;
  for (const char c : text) {
    column = c == '\n' ? 0 : column + 1;
    require(column <= 100 && (c == '\n' || (c >= 0x20 && c <= 0x7e)), "lines are printable and fit");
  }
  const jose::Json json = to_json(verdict);
  const auto read = jose::parse_json_object(jose::dump_json(json), {.bytes_max = 1U << 20U, .members_max = 8192});
  require(read && *read == json, "the report is strict JSON");
}

void check_bundle(std::string_view input) {
  const auto bundle = read_bundle(input);
  if (bundle) require(write_bundle(bundle->jws, bundle->statement_text) == input, "a bundle has one spelling");
  const Verdict verdict = verify_bundle(input, {std::string(kSeedNonce), std::nullopt, std::nullopt}, {});
  check_judgement(verdict);
  check_report(verdict);
  require(verdict.grade == Grade::kFailed || (bundle && verdict.kid == kSeedKid), "nobody forges a signature");
  const Verdict old = verify_bundle(input, {}, {});
  require(old.grade <= Grade::kClaimed, "without a nonce nothing is better than a claim");
}

void check_part(std::string_view input) {
  static const jose::PublicKey key = jose::from_jwk(jose::parse_json(kJwk).value()).value();
  const auto part = jose::parse_json(input, {.bytes_max = kStatementBytesMax, .members_max = 32768});
  if (!part) return;
  const Judgement judgement = judge_pkcs11(*part, key);
  check_judgement(judgement);
  require(judgement.grade <= Grade::kProbed, "a token's own words prove no hardware");
  if (judgement.grade == Grade::kProbed) require(part->at("probes") == "full", "probed is what was tried in full");
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = signer::text_of({data, size});
  signer::fuzz::check_bundle(input);
  signer::fuzz::check_part(input);
  return 0;
}
