// SPDX-License-Identifier: Apache-2.0

#include "ctl/verify_token.h"

#include <chrono>

#include "base/file.h"
#include "ctl/input.h"
#include "ctl/text.h"
#include "jose/algorithms.h"
#include "signer/jwt.h"
#include "signer/key_set.h"

namespace signer::ctl {

namespace {

// A token of the largest size that signerd makes, and the white space that editors and shells put round it.
constexpr std::size_t kTokenInputMax = 16UL * 1024 + 256;
// What the clock type can hold: libstdc++ counts nanoseconds, which end in 2262.
constexpr std::int64_t kUnixMax =
    std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::duration::max()).count();

std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string::npos ? std::string() : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Outcome refused(const Context& context, VerifyError error) {
  const std::string code(to_string(error));
  if (context.json) return {Exit::kNo, machine({{"valid", false}, {"error", code}}), ""};
  return {Exit::kNo, "", code + "\n"};
}

Result<jwt::Verifier> make_verifier(const VerifyOptions& options) {
  std::vector<Algorithm> algorithms;
  for (const std::string& name : options.algorithms) {
    const auto* row = jose::find_algorithm(std::string_view(name));
    if (row == nullptr) return fail(ErrorCode::kInvalidRequest, "verify: no such algorithm; RS256 is the usual one");
    algorithms.push_back(row->algorithm);
  }
  jwt::TokenProfile profile(std::move(algorithms), jwt::Issuers(options.issuers), jwt::Audiences(options.audiences),
                            jws::TypeRule::is(options.typ));
  profile.required_claims.insert(profile.required_claims.end(), options.required.begin(), options.required.end());
  profile.leeway = std::chrono::seconds(options.leeway_seconds);
  profile.lifetime_max = std::chrono::seconds(options.lifetime_max_seconds);
  return jwt::Verifier::make(std::move(profile));
}

}  // namespace

Outcome verify_token(const Context& context, const VerifyOptions& options) {
  auto now = std::chrono::system_clock::now();
  if (options.now) {
    if (*options.now < 0 || *options.now > kUnixMax) {
      return failed(context, Exit::kUsage, {ErrorCode::kInvalidRequest, "verify: --now is out of range"});
    }
    now = std::chrono::system_clock::time_point(std::chrono::seconds(*options.now));
  }
  const auto verifier = make_verifier(options);
  if (!verifier) return failed(context, Exit::kUsage, verifier.error());
  const auto jwks = read_file(options.jwks, KeySet::kJwksBytesMax);
  if (!jwks) return failed(context, Exit::kUsage, jwks.error());
  const auto keys = KeySet::from_jwks(*jwks);
  if (!keys) return failed(context, Exit::kUsage, {keys.error().code, options.jwks + ": " + keys.error().text});
  const auto input = read_all(context.input_fd, kTokenInputMax, "the token from standard input");
  if (!input && input.error().code == ErrorCode::kInvalidRequest) return refused(context, VerifyError::kTooLarge);
  if (!input) return failed(context, Exit::kUsage, input.error());

  const auto claims = verifier->verify(trimmed(*input), *keys, now);
  if (!claims) return refused(context, claims.error());
  // Already judged: the caps of the verifier hold, and what it let through is shown whatever its numbers are.
  const auto payload = jose::parse_json_object(claims->payload_json(), {.interoperable_numbers = false});
  if (!payload) return refused(context, VerifyError::kInternal);
  if (!context.json) return {Exit::kYes, indented(*payload), ""};
  return {Exit::kYes, machine({{"valid", true}, {"kid", claims->kid()}, {"claims", *payload}}), ""};
}

}  // namespace signer::ctl
