// SPDX-License-Identifier: Apache-2.0

#include "ctl/verify_token.h"

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "base/secret_file.h"
#include "ctl/input.h"
#include "ctl/text.h"
#include "jose/algorithms.h"
#include "signer/decryption_keys.h"
#include "signer/jwt.h"
#include "signer/key_set.h"

namespace signer::ctl {

namespace {

// The largest token that a verifier of ours takes, encrypted (four thirds of 16 KiB, and 4 KiB), and the white space
// that editors and shells put round it.
constexpr std::size_t kTokenInputMax = 26UL * 1024;
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

Result<DecryptionKeys> read_decryption_keys(const std::string& path) {
  SIGNER_ASSIGN_OR_RETURN(const SecretFile file, read_secret_text(path, DecryptionKeys::kTextBytesMax));
  const std::string_view text = file.secret.reveal();
  auto keys = text.starts_with("-----BEGIN") ? DecryptionKeys::from_pem(text) : DecryptionKeys::from_jwk(text);
  if (!keys) return fail(keys.error().code, path + ": " + keys.error().text);
  return keys;
}

// What the token says, whichever way it is encrypted.
Result<jwt::Claims, VerifyError> open_and_verify(std::string_view token, const jwt::Verifier& verifier,
                                                 const DecryptionKeys& private_keys, const KeySet& keys,
                                                 std::chrono::system_clock::time_point now) {
  const bool nested = std::ranges::count(token, '.') == 4;
  SIGNER_ASSIGN_OR_RETURN(jwt::Claims claims, nested ? verifier.verify_nested(token, private_keys, keys, now)
                                                     : verifier.verify(token, keys, now));
  auto opened = jwt::open_encrypted_claims(claims, private_keys);
  if (!opened && opened.error() == VerifyError::kClaimMissing) return claims;
  return opened;
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
  const auto jwks = read_file_or_pipe(options.jwks, KeySet::kJwksBytesMax);
  if (!jwks) return failed(context, Exit::kUsage, jwks.error());
  const auto keys = KeySet::from_jwks(*jwks);
  if (!keys) return failed(context, Exit::kUsage, {keys.error().code, options.jwks + ": " + keys.error().text});
  std::optional<DecryptionKeys> private_keys;
  if (!options.decryption_key.empty()) {
    auto read = read_decryption_keys(options.decryption_key);
    if (!read) return failed(context, Exit::kUsage, read.error());
    private_keys = *std::move(read);
  }
  const auto input = read_all(context.input_fd, kTokenInputMax, "the token from standard input");
  if (!input && input.error().code == ErrorCode::kInvalidRequest) return refused(context, VerifyError::kTooLarge);
  if (!input) return failed(context, Exit::kUsage, input.error());

  const std::string token = trimmed(*input);
  const auto claims =
      private_keys ? open_and_verify(token, *verifier, *private_keys, *keys, now) : verifier->verify(token, *keys, now);
  if (!claims) return refused(context, claims.error());
  // Already judged: the caps of the verifier hold, and what it let through is shown whatever its numbers are.
  const auto payload = jose::parse_json_object(claims->payload_json(), {.interoperable_numbers = false});
  if (!payload) return refused(context, VerifyError::kInternal);
  if (!context.json) return {Exit::kYes, indented(*payload), ""};
  return {Exit::kYes, machine({{"valid", true}, {"kid", claims->kid()}, {"claims", *payload}}), ""};
}

}  // namespace signer::ctl
