// SPDX-License-Identifier: Apache-2.0

#include "evidence/verdict.h"

#include <array>
#include <utility>

namespace signer::evidence {

namespace {

constexpr std::size_t kShownMax = 256;

constexpr std::array<std::pair<Grade, std::string_view>, 5> kGrades{{{Grade::kFailed, "failed"},
                                                                     {Grade::kSoftware, "software"},
                                                                     {Grade::kClaimed, "claimed"},
                                                                     {Grade::kProbed, "probed"},
                                                                     {Grade::kAttested, "attested"}}};

constexpr std::array<std::pair<Finding, std::string_view>, 5> kFindings{{{Finding::kGood, "good"},
                                                                         {Finding::kInformation, "information"},
                                                                         {Finding::kNotReported, "not reported"},
                                                                         {Finding::kWarning, "warning"},
                                                                         {Finding::kBad, "bad"}}};

}  // namespace

std::string_view to_string(Grade grade) noexcept {
  for (const auto& [one, word] : kGrades) {
    if (one == grade) return word;
  }
  return "failed";
}

std::optional<Grade> grade_from(std::string_view word) noexcept {
  for (const auto& [grade, name] : kGrades) {
    if (name == word) return grade;
  }
  return std::nullopt;
}

std::string_view to_string(Finding finding) noexcept {
  for (const auto& [one, word] : kFindings) {
    if (one == finding) return word;
  }
  return "bad";
}

std::string shown(std::string_view text) {
  std::string plain(text.substr(0, kShownMax));
  for (char& c : plain) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  if (text.size() > kShownMax) plain.replace(kShownMax - 3, 3, "...");
  return plain;
}

}  // namespace signer::evidence
