// SPDX-License-Identifier: Apache-2.0

#include "evidence/bundle.h"

#include <algorithm>

#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::evidence {

namespace {

constexpr std::string_view kBegin = "{\"signature\":\"";
constexpr std::string_view kMiddle = "\",\"statement\":";
constexpr std::string_view kEnd = "}\n";
constexpr std::size_t kJwsBytesMax = 4096;
constexpr std::size_t kMembersMax = 32768;

bool is_jws_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

Failure<Error> malformed(const std::string& what) {
  return fail(ErrorCode::kInvalidRequest, "evidence: " + what);
}

std::string hash_text(ByteView bytes) {
  return jose::base64url_encode(jose::sha256(bytes));
}

}  // namespace

Result<Bundle> read_bundle(std::string_view file) {
  if (file.size() > kBundleBytesMax) return malformed("the file is larger than a bundle can be");
  if (!file.starts_with(kBegin)) {
    return malformed("this is no evidence bundle, or it was formatted anew: ask for the file as signerd made it");
  }
  const std::string_view rest = file.substr(kBegin.size());
  const auto end = std::ranges::find_if_not(rest, is_jws_character);
  const auto jws_bytes = static_cast<std::size_t>(end - rest.begin());
  if (jws_bytes == 0 || jws_bytes > kJwsBytesMax) return malformed("the signature is empty or too long");
  const std::string_view behind = rest.substr(jws_bytes);
  if (!behind.starts_with(kMiddle) || !behind.ends_with(kEnd) || behind.size() < kMiddle.size() + kEnd.size()) {
    return malformed("the file was cut or formatted anew: ask for it as signerd made it");
  }
  const std::string_view text = behind.substr(kMiddle.size(), behind.size() - kMiddle.size() - kEnd.size());
  if (text.size() > kStatementBytesMax) return malformed("the statement is larger than it can be");
  if (text.find('\n') != std::string_view::npos) return malformed("the statement is not one line");
  jose::JsonLimits limits;
  limits.bytes_max = kStatementBytesMax;
  limits.depth_max = 16;
  limits.members_max = kMembersMax;
  auto statement = jose::parse_json(text, limits);
  if (!statement) return malformed("the statement: " + statement.error().text);
  if (!statement->is_object()) return malformed("the statement is no JSON object");
  return Bundle{std::string(rest.substr(0, jws_bytes)), std::string(text), *std::move(statement)};
}

std::string write_bundle(std::string_view jws, std::string_view statement) {
  std::string file(kBegin);
  file.reserve(kBegin.size() + jws.size() + kMiddle.size() + statement.size() + kEnd.size());
  file.append(jws).append(kMiddle).append(statement).append(kEnd);
  return file;
}

std::string signing_input(std::string_view alg, std::string_view kid, std::string_view nonce,
                          std::string_view statement) {
  const jose::Json header = {{"alg", alg}, {"kid", kid}, {"typ", kSignatureType}};
  const jose::Json payload = {{"nonce", nonce}, {"statement_sha256", hash_text(bytes_of(statement))}};
  return jose::base64url_encode(bytes_of(jose::dump_json(header))) + "." +
         jose::base64url_encode(bytes_of(jose::dump_json(payload)));
}

std::array<std::uint8_t, 32> context_of(std::string_view kid, std::string_view config_sha256,
                                        std::string_view checkpoint, ByteView vendor_data) {
  std::string lines(kFormat);
  lines.append("\n").append(kid).append("\n").append(config_sha256).append("\n");
  lines.append(hash_text(bytes_of(checkpoint))).append("\n").append(hash_text(vendor_data)).append("\n");
  return jose::sha256(bytes_of(lines));
}

}  // namespace signer::evidence
