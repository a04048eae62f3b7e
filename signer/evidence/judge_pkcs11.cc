// SPDX-License-Identifier: Apache-2.0

#include "evidence/judge_pkcs11.h"

#include <algorithm>

#include "evidence/judge_pkcs11_parts.h"

namespace signer::evidence {

namespace {

void grade_pkcs11(const std::string& program, bool all_seen, const std::string& untried, Judgement& judgement) {
  const auto bad =
      std::ranges::find_if(judgement.checks, [](const Check& check) { return check.finding == Finding::kBad; });
  if (bad != judgement.checks.end()) {
    judgement.grade = Grade::kFailed;
    judgement.reason = bad->name + ": " + bad->meaning + ".";
  } else if (!program.empty()) {
    judgement.grade = Grade::kSoftware;
    judgement.reason = "The token is a program (" + program + "): no hardware keeps this key.";
  } else if (!untried.empty()) {
    judgement.grade = Grade::kClaimed;
    judgement.reason = untried;
  } else if (!all_seen) {
    judgement.grade = Grade::kClaimed;
    judgement.reason = "The token holds more keys than the evidence lists: one of them could be a copy.";
  } else {
    judgement.grade = Grade::kProbed;
    judgement.reason = "Everything that was tried was refused; no manufacturer's certificate ties the key to a chip.";
  }
}

}  // namespace

Judgement judge_pkcs11(const jose::Json& value, const jose::PublicKey& key) {
  Judgement judgement;
  const auto part = read_pkcs11_part(value);
  if (!part) {
    judgement.add("pkcs11.form", Finding::kBad, part.error().text,
                  "this is not what the format says, so nothing of it counts");
    judgement.reason = "pkcs11.form: " + part.error().text + ".";
    return judgement;
  }
  judge_token(*part, judgement);
  judge_key_attributes(*part, key, judgement);
  const bool all_seen = judge_other_objects(*part, judgement);
  const std::string untried = judge_tries(*part, key, judgement);
  grade_pkcs11(named_program(*part), all_seen, untried, judgement);
  return judgement;
}

}  // namespace signer::evidence
