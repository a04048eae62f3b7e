// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "evidence/cryptoki.h"
#include "evidence/judge_pkcs11_parts.h"
#include "evidence/probe_rules.h"

namespace signer::evidence {

namespace {

std::string told(const Pkcs11Try& one) {
  std::string text = one.mechanism.empty() ? one.attribute : one.mechanism;
  text += (text.empty() ? "" : ": ") + one.rv;
  if (one.length.value_or(0) > 0) text += ", " + std::to_string(*one.length) + " bytes";
  if (one.before && one.after && *one.before != *one.after) text += ", changed";
  return text;
}

// All tries of one probe.
struct Tally {
  std::size_t refused = 0;
  std::string broken;  // the first one
  std::string weak;
  std::string missing;  // subjects, or what was answered to them that is no answer, with a comma between
};

// A module that calls a key unchangeable and changes it does one thing and says another: what it says of the rest is
// worth as much.
bool breaks_its_word(const ProbeRule& rule, const Pkcs11Part& part) {
  if (!part.throwaway) return false;
  const AttributeList& says = part.throwaway->attributes;
  if (rule.probe == "set-attribute") return says.flag(cryptoki::kModifiable) == false;
  return rule.probe == "copy" && says.flag(cryptoki::kCopyable) == false;
}

Tally tally(const ProbeRule& rule, const Pkcs11Part& part, bool is_rsa) {
  Tally all;
  std::vector<std::string> tried;
  for (const Pkcs11Try& one : part.tried) {
    if (one.probe != rule.probe) continue;
    ProbeOutcome outcome = outcome_of(rule, one);
    if (outcome == ProbeOutcome::kWeak && breaks_its_word(rule, part)) outcome = ProbeOutcome::kBroken;
    if (outcome == ProbeOutcome::kNoTry) continue;
    tried.push_back(subject_of(rule, one));
    if (outcome == ProbeOutcome::kRefused) ++all.refused;
    if (outcome == ProbeOutcome::kBroken && all.broken.empty()) all.broken = told(one);
    if (outcome == ProbeOutcome::kWeak && all.weak.empty()) all.weak = told(one);
  }
  for (const std::string& subject : subjects_of(rule, part, is_rsa)) {
    if (std::ranges::find(tried, subject) != tried.end()) continue;
    const auto answer = std::ranges::find_if(
        part.tried, [&](const Pkcs11Try& one) { return one.probe == rule.probe && subject_of(rule, one) == subject; });
    all.missing += all.missing.empty() ? "" : ", ";
    all.missing += answer != part.tried.end() ? told(*answer) : subject.empty() ? "it" : subject;
  }
  return all;
}

// What an answer means that is a warning.
std::string meaning_of_weak(const ProbeRule& rule) {
  if (rule.probe == "copy") return "a copy may get other uses, and is as well kept";
  if (rule.answers == ProbeAnswers::kWrap) return "the token says that the key does not fit, not that it may not leave";
  return std::string(rule.wrong);
}

// Whether every try of the rule that applies is there.
bool judge_rule(const ProbeRule& rule, const Pkcs11Part& part, bool is_rsa, Judgement& judgement) {
  const Tally all = tally(rule, part, is_rsa);
  const std::string name = "probe." + std::string(rule.probe);
  if (!all.broken.empty()) {
    const bool changed = rule.answers == ProbeAnswers::kSetting;
    judgement.add(name, Finding::kBad, shown(all.broken),
                  changed ? "a key made alike was weakened: so can this one be" : std::string(rule.wrong));
  } else if (!all.missing.empty()) {
    judgement.add(name, Finding::kNotReported, shown("no answer: " + all.missing),
                  "not every try is there and came to the point, so none of them counts");
  } else if (!all.weak.empty()) {
    judgement.add(name, Finding::kWarning, shown(all.weak), meaning_of_weak(rule));
  } else if (all.refused == 0) {
    judgement.add(name, Finding::kInformation, "does not apply", "the token lists no mechanism to try it with");
  } else {
    judgement.add(name, Finding::kGood, std::to_string(all.refused) + " refused", std::string(rule.good));
  }
  return all.missing.empty();
}

bool is_known_probe(const Pkcs11Try& one) {
  return std::ranges::any_of(
      probe_rules(), [&one](const ProbeRule& rule) { return rule.probe == one.probe && rule.target == one.target; });
}

// What was tried on the throwaway says something of the key only if the two are alike.
bool judge_throwaway(const Pkcs11Part& part, Judgement& judgement) {
  if (!part.throwaway || part.throwaway->rv != "CKR_OK") {
    judgement.add("throwaway", Finding::kNotReported, part.throwaway ? shown(part.throwaway->rv) : "-",
                  "no key was made to try on what would change a key");
    return false;
  }
  for (const std::uint64_t type :
       {cryptoki::kSensitive, cryptoki::kExtractable, cryptoki::kPrivate, cryptoki::kSign, cryptoki::kDecrypt,
        cryptoki::kUnwrap, cryptoki::kDerive, cryptoki::kModifiable, cryptoki::kCopyable}) {
    if (part.throwaway->attributes.flag(type) == part.private_key.flag(type)) continue;
    judgement.add("throwaway", Finding::kNotReported, std::string(cryptoki::attribute_name(type)) + " differs",
                  "the key that was tried on is not like this one, so its tries do not count");
    return false;
  }
  judgement.add("throwaway", Finding::kGood, "alike", "what would change a key was tried on one made alike");
  return true;
}

// A token may offer ways of wrapping that the host knows no key for.
void judge_untried_wrapping(const Pkcs11Part& part, Judgement& judgement) {
  std::string names;
  for (const Pkcs11Mechanism& mechanism : part.mechanisms) {
    if ((mechanism.flags & cryptoki::kMechanismWraps) == 0) continue;
    const auto is_listed = [&mechanism](const auto& types) {
      return std::ranges::find(types, mechanism.type) != types.end();
    };
    const bool tried = std::ranges::any_of(part.tried, [&mechanism](const Pkcs11Try& one) {
      return one.probe == "wrap" && one.mechanism == mechanism.name;
    });
    if (is_listed(cryptoki::kSymmetricWrapping) || is_listed(cryptoki::kPublicKeyWrapping) || tried) continue;
    names += (names.empty() ? "" : ", ") + mechanism.name;
  }
  if (names.empty()) return;
  judgement.add("mechanisms.wrapping", Finding::kWarning, shown(names),
                "the token offers these ways of wrapping too, and nobody tried them");
}

}  // namespace

std::string judge_tries(const Pkcs11Part& part, const jose::PublicKey& key, Judgement& judgement) {
  const bool is_rsa = key.algorithm == Algorithm::kRs256;
  for (const Pkcs11Try& one : part.tried) {
    if (is_known_probe(one)) continue;
    judgement.add("probe.unknown", Finding::kBad, shown(one.probe + " on " + one.target),
                  "this judge does not know such a probe and cannot judge it");
  }
  std::string missing;
  bool alike = true;
  if (part.probes == ProbesAsked::kFull) alike = judge_throwaway(part, judgement);
  for (const ProbeRule& rule : probe_rules()) {
    const bool is_there =
        std::ranges::any_of(part.tried, [&rule](const Pkcs11Try& one) { return one.probe == rule.probe; });
    const bool asked =
        part.probes == ProbesAsked::kFull || (part.probes == ProbesAsked::kReadOnly && rule.target == "key");
    if (!asked && !is_there) continue;
    if (!judge_rule(rule, part, is_rsa, judgement) && missing.empty()) missing = rule.probe;
  }
  if (part.probes != ProbesAsked::kNone) judge_untried_wrapping(part, judgement);
  const bool nothing = part.probes == ProbesAsked::kNone;
  judgement.add("probes", part.probes == ProbesAsked::kFull ? Finding::kInformation : Finding::kNotReported,
                nothing                                 ? "none"
                : part.probes == ProbesAsked::kReadOnly ? "read-only"
                                                        : "full",
                nothing                                 ? "nothing was tried to get the key out"
                : part.probes == ProbesAsked::kReadOnly ? "what would change a key was not tried"
                                                        : "what the operator asked the host to try");
  if (nothing) return "Nothing was tried to get the key out (probes: none): there is the token's word alone.";
  if (part.probes == ProbesAsked::kReadOnly) return "What would change a key was not tried (probes: read-only).";
  if (part.mechanisms.empty()) return "The token lists no mechanism, so what had to be tried is not known.";
  if (!missing.empty()) return "Not every try is there: probe." + missing + ".";
  if (!alike) return "There is no key like this one on which the rest was tried.";
  return {};
}

}  // namespace signer::evidence
