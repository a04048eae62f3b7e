// SPDX-License-Identifier: Apache-2.0

#include "claims/pattern.h"

#include <re2/re2.h>

namespace signer::claims {

namespace {

constexpr std::int64_t kPatternMemoryMax = 1024L * 1024;
constexpr std::size_t kPatternBytesMax = 1024;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view expression) {
  if (expression.size() > kPatternBytesMax) return fail(ErrorCode::kInvalidRequest, "is longer than 1024 bytes");
  re2::RE2::Options options;
  options.set_log_errors(false);  // they are ours to report
  options.set_max_mem(kPatternMemoryMax);
  auto compiled = std::make_shared<const re2::RE2>(piece(expression), options);
  if (!compiled->ok()) return fail(ErrorCode::kInvalidRequest, compiled->error());
  return Pattern(std::move(compiled));
}

bool Pattern::matches(std::string_view text) const {
  return re2::RE2::FullMatch(piece(text), *compiled_);
}

const std::string& Pattern::expression() const noexcept {
  return compiled_->pattern();
}

}  // namespace signer::claims
