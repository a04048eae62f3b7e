// SPDX-License-Identifier: Apache-2.0
//
// What a judge of evidence says: checks, each with what was found and what it means, and the grade that they leave.
// Words and rules: docs/auditor-guide.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace signer::evidence {

// How much is shown.  The order counts: a later one is worth more.
enum class Grade : std::uint8_t {
  kFailed,    // something that must hold does not, or the evidence is not what it says
  kSoftware,  // nothing is wrong, and the token is a program: no hardware keeps this key
  kClaimed,   // the token says so
  kProbed,    // the token says so, and everything that was tried to get the key out was refused
  kAttested,  // a manufacturer's certificate chain ties the key to a chip
};

[[nodiscard]] std::string_view to_string(Grade grade) noexcept;
[[nodiscard]] std::optional<Grade> grade_from(std::string_view word) noexcept;

enum class Finding : std::uint8_t {
  kGood,
  kInformation,  // to know; no judgement
  kNotReported,  // the evidence does not say: never a pass
  kWarning,      // weaker than it could be; does not change the grade
  kBad,          // fails the evidence
};

[[nodiscard]] std::string_view to_string(Finding finding) noexcept;

struct Check {
  std::string name;  // stable, for machines: "attribute.CKA_SENSITIVE", "probe.wrap", "tpm.certify.nonce"
  Finding finding = Finding::kInformation;
  std::string found;    // what the evidence says, in its own words, at most 256 bytes of printable ASCII
  std::string meaning;  // one sentence for people
};

// What one part of the evidence supports.
struct Judgement {
  std::vector<Check> checks;
  Grade grade = Grade::kFailed;  // the best that this part supports; kFailed if a check is kBad
  std::string reason;            // why not better, one sentence

  void add(std::string name, Finding finding, std::string found, std::string meaning) {
    checks.push_back({std::move(name), finding, std::move(found), std::move(meaning)});
  }

  [[nodiscard]] bool has_bad() const {
    return std::ranges::any_of(checks, [](const Check& check) { return check.finding == Finding::kBad; });
  }
};

// Printable ASCII of at most 256 bytes: evidence is written by strangers and shown on terminals.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace signer::evidence
