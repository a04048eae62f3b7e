// SPDX-License-Identifier: Apache-2.0

#include "evidence/verify.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

#include "evidence/bundle.h"
#include "evidence/judge_pkcs11.h"
#include "evidence/judge_signature.h"
#include "evidence/judge_tpm.h"
#include "evidence/judge_vendor.h"
#include "evidence/statement.h"

namespace signer::evidence {

namespace {

constexpr jose::JsonLimits kJwksLimits{.bytes_max = 1024UL * 1024, .depth_max = 8, .members_max = 16384};

void judge_nonce(const Statement& statement, const Expectation& expectation, Judgement& judgement) {
  if (expectation.nonce.empty()) {
    judgement.add("nonce", Finding::kNotReported, "-", "no nonce was asked for: this may be an old bundle");
    return;
  }
  const bool fresh = statement.nonce == expectation.nonce;
  judgement.add("nonce", fresh ? Finding::kGood : Finding::kBad, shown(statement.nonce),
                fresh ? "it was made after the nonce was given out"
                      : "not the nonce that was asked for: it was made for another question");
}

void judge_published(const std::string& jwks, const Statement& statement, const jose::PublicKey& key,
                     Judgement& judgement) {
  const auto set = jose::parse_json_object(jwks, kJwksLimits);
  const auto keys = set ? set->find("keys") : jose::Json::const_iterator();
  if (!set || keys == set->end() || !keys->is_array()) {
    judgement.add("key.published", Finding::kBad, "no JWK Set", "the key set that was given cannot be read");
    return;
  }
  std::size_t named = 0;
  bool same = true;
  for (const jose::Json& jwk : *keys) {
    if (!jwk.is_object() || !jwk.contains("kid") || jwk.at("kid") != statement.kid) continue;
    ++named;
    const auto published = jose::numbers_from_jwk(jwk);
    same = same && published && *published == key;
  }
  const bool right = named == 1 && same;
  judgement.add("key.published", right ? Finding::kGood : Finding::kBad, std::to_string(named) + " under this kid",
                right        ? "verifiers take this key for the issuer's"
                : named == 0 ? "the key is not in the key set that verifiers use"
                             : "the key set has another key under this kid");
}

// The second line of a checkpoint is the number of records (C2SP tlog-checkpoint).
std::string records_of(std::string_view note) {
  const std::size_t first = note.find('\n');
  if (first == std::string_view::npos) return {};
  const std::string_view rest = note.substr(first + 1);
  const std::string_view size = rest.substr(0, rest.find('\n'));
  const bool digits = std::ranges::all_of(size, [](char c) { return c >= '0' && c <= '9'; });
  return digits && size.size() <= 19 ? std::string(size) : std::string();
}

void tell_origin(const Statement& statement, Judgement& judgement) {
  judgement.add("made", Finding::kInformation, utc_time(statement.made), "by the clock of the machine that made it");
  judgement.add("daemon", Finding::kInformation,
                shown(statement.daemon_version + ", build " +
                      (statement.build_id.empty() ? "without an id" : statement.build_id)),
                "the signerd that made it, by its own words");
  judgement.add("daemon.config_sha256", Finding::kInformation, shown(statement.config_sha256),
                "of the configuration in use; compare it with the file that the operator shows");
  if (!statement.checkpoint) {
    judgement.add("audit.checkpoint", Finding::kNotReported, "-", "the audit log had no signed checkpoint yet");
    return;
  }
  const std::string records = records_of(*statement.checkpoint);
  judgement.add("audit.checkpoint", Finding::kInformation,
                records.empty() ? "a note of another form" : shown(records + " records, " + statement.vkey),
                "not judged here: keep it, and give it to signerctl audit verify");
}

void judge_parts(const Statement& statement, const jose::PublicKey& key, const Trust& trust, Judgement& judgement) {
  const bool is_tpm = statement.fmt == "tpm";
  const Bytes no_data;
  const auto context = context_of(statement.kid, statement.config_sha256, statement.checkpoint.value_or(""),
                                  statement.vendor_data.value_or(no_data));
  Judgement part = is_tpm ? judge_tpm(statement.part, key, {statement.nonce_bytes, context}, trust)
                          : judge_pkcs11(statement.part, key);
  if (statement.vendor_data) {
    part = with_vendor(std::move(part), judge_vendor(*statement.vendor_data, key, trust), !is_tpm);
  } else if (!is_tpm) {
    part.add("vendor", Finding::kNotReported, "-", "the operator attached nothing of the manufacturer");
  }
  std::ranges::move(part.checks, std::back_inserter(judgement.checks));
  judgement.grade = part.grade;
  judgement.reason = std::move(part.reason);
}

// A bad check fails all; a bundle that may be old is a claim.
void settle(const Expectation& expectation, Verdict& verdict) {
  const auto bad =
      std::ranges::find_if(verdict.checks, [](const Check& check) { return check.finding == Finding::kBad; });
  if (bad != verdict.checks.end()) {
    verdict.grade = Grade::kFailed;
    verdict.reason = bad->name + ": " + bad->meaning + " (found: " + bad->found + ").";
  } else if (expectation.nonce.empty() && verdict.grade > Grade::kClaimed) {
    verdict.grade = Grade::kClaimed;
    verdict.reason = "No nonce was asked for: the bundle may be an old one.";
  }
}

void judge_statement(const Bundle& bundle, const Expectation& expectation, const Trust& trust, Verdict& verdict) {
  const auto statement = read_statement(bundle.statement);
  if (!statement) {
    verdict.add("statement.form", Finding::kBad, statement.error().text, "this is not what the format says");
    return;
  }
  verdict.key = shown(statement->key);
  verdict.kid = shown(statement->kid);
  verdict.fmt = statement->fmt;
  verdict.made = statement->made;
  const auto key = judge_jwk(*statement, verdict);
  if (!key || !judge_signature(bundle, *statement, *key, verdict)) return;
  judge_nonce(*statement, expectation, verdict);
  if (expectation.key) {
    const bool right = *expectation.key == statement->key;
    verdict.add("key.name", right ? Finding::kGood : Finding::kBad, verdict.key,
                right ? "the key that was asked for" : "not the key that was asked for");
  }
  if (expectation.jwks) {
    judge_published(*expectation.jwks, *statement, *key, verdict);
  } else {
    verdict.add("key.published", Finding::kNotReported, "-",
                "no key set was given: whether verifiers use this key is not known");
  }
  tell_origin(*statement, verdict);
  judge_parts(*statement, *key, trust, verdict);
}

}  // namespace

Judgement with_vendor(Judgement part, Judgement vendor, bool may_attest) {
  std::ranges::move(vendor.checks, std::back_inserter(part.checks));
  if (part.has_bad()) {
    part.grade = Grade::kFailed;
  } else if (may_attest && part.grade == Grade::kClaimed && vendor.grade == Grade::kAttested) {
    part.reason += " The vendor's certificates lift a key that is probed alone.";
  } else if (may_attest && part.grade == Grade::kProbed && vendor.grade == Grade::kAttested) {
    part.grade = Grade::kAttested;
    part.reason = std::move(vendor.reason);
  }
  return part;
}

Verdict verify_bundle(std::string_view file, const Expectation& expectation, const Trust& trust) {
  Verdict verdict;
  const auto bundle = read_bundle(file);
  if (bundle) {
    verdict.add("form", Finding::kGood, std::to_string(file.size()) + " bytes", "an evidence bundle, byte for byte");
    judge_statement(*bundle, expectation, trust, verdict);
  } else {
    verdict.add("form", Finding::kBad, shown(bundle.error().text), "this is no evidence bundle");
  }
  settle(expectation, verdict);
  return verdict;
}

std::string utc_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return "no time";
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

}  // namespace signer::evidence
