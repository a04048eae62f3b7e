// SPDX-License-Identifier: Apache-2.0

#include "policy/overlap.h"

#include <algorithm>
#include <string_view>

namespace signer::policy {

namespace {

template <class Value>
bool differ(const std::optional<Value>& one, const std::optional<Value>& other) {
  return one && other && *one != *other;
}

// A caller has one uid, runs in one unit and came through one listener; it may have any number of groups.
bool somebody_can_fit_both(const ResolvedGrant& one, const ResolvedGrant& other) {
  return one.names_somebody() && other.names_somebody() && !differ(one.uid, other.uid) &&
         !differ(one.written.match.listener, other.written.match.listener) &&
         !differ(one.written.match.unit, other.written.match.unit);
}

std::string in_quotes(std::string_view word) {
  return "'" + std::string(word) + "'";
}

// What both lists hold, for people; empty if nothing.
std::string common(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  std::string names;
  for (const std::string& name : one) {
    if (std::find(other.begin(), other.end(), name) != other.end())
      names += (names.empty() ? "" : ", ") + in_quotes(name);
  }
  return names;
}

std::string common_minting(const std::vector<Verb>& one, const std::vector<Verb>& other) {
  std::string words;
  for (const Verb verb : one) {
    if (mints(verb) && std::find(other.begin(), other.end(), verb) != other.end())
      words += (words.empty() ? "" : ", ") + in_quotes(to_string(verb));
  }
  return words;
}

// Empty if the two do not overlap.
std::string problem_of(const ResolvedGrant& first, const ResolvedGrant& second) {
  if (!somebody_can_fit_both(first, second)) return {};
  const std::string verbs = common_minting(first.written.verbs, second.written.verbs);
  const std::string keys = common(first.written.keys, second.written.keys);
  const std::string profiles = common(first.written.profiles, second.written.profiles);
  if (verbs.empty() || keys.empty() || profiles.empty()) return {};
  return "grant '" + second.written.name + "' overlaps grant '" + first.written.name + "' of line " +
         std::to_string(first.written.line) + ": a caller can fit both, and both allow " + verbs + " with key " + keys +
         " and profile " + profiles +
         ", so that the limits of one would widen those of the other; make one grant of them, or matches that differ "
         "in user, unit or listener";
}

}  // namespace

std::vector<std::string> overlaps(const std::vector<ResolvedGrant>& grants, const std::string& file) {
  std::vector<std::string> problems;
  for (auto second = grants.begin(); second != grants.end(); ++second) {
    for (auto first = grants.begin(); first != second; ++first) {
      const std::string problem = problem_of(*first, *second);
      if (problem.empty()) continue;
      problems.push_back(file + ":" + std::to_string(second->written.line) + ": " + problem);
      break;  // one for each grant, however many it overlaps
    }
  }
  return problems;
}

}  // namespace signer::policy
