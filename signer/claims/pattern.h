// SPDX-License-Identifier: Apache-2.0
//
// A regular expression that takes time linear in the text, whatever the expression: RE2's syntax and engine.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "signer/result.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace signer::claims {

// Immutable, cheap to copy, usable from several threads.
class Pattern {
 public:
  // kInvalidRequest with RE2's own words if it is no pattern, or one whose automaton would take more than 1 MiB.
  [[nodiscard]] static Result<Pattern> compile(std::string_view expression);

  // Whether the whole of `text` is matched: no anchors are needed.
  [[nodiscard]] bool matches(std::string_view text) const;

  // As it was written.
  [[nodiscard]] const std::string& expression() const noexcept;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace signer::claims
