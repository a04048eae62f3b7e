// SPDX-License-Identifier: Apache-2.0
//
// The verdict over a whole evidence bundle (docs/evidence-format.md, docs/auditor-guide.md).  Offline: files and
// OpenSSL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evidence/trust.h"
#include "evidence/verdict.h"

namespace signer::evidence {

// What whoever judges knows from elsewhere.
struct Expectation {
  std::string nonce;                // base64url, as it was given to the operator; empty: none was, which caps the grade
  std::optional<std::string> jwks;  // the text of a JWK Set: the key must be in it under its kid
  std::optional<std::string> key;   // the configured name that the bundle must bear
};

// The checks of all parts, and what they leave.  Texts are printable ASCII.  The members below are empty if the bundle
// cannot be read that far, and nobody's word unless the grade is better than kFailed.
struct Verdict : Judgement {
  std::string key;
  std::string kid;
  std::string fmt;
  std::optional<std::int64_t> made;  // seconds since 1970
};

// Never throws; `file` may be anything.  Where form, key or signature are bad, nothing behind them is looked at.
// Without a nonce the grade is kClaimed at best: the bundle may be an old one.
[[nodiscard]] Verdict verify_bundle(std::string_view file, const Expectation& expectation, const Trust& trust);

// A part and what the manufacturer says of the key: kAttested if both hold and `may_attest`, but a program stays one.
[[nodiscard]] Judgement with_vendor(Judgement part, Judgement vendor, bool may_attest);

// "2026-01-31T12:00:00Z", of a time before the year 10000.
[[nodiscard]] std::string utc_time(std::int64_t seconds);

}  // namespace signer::evidence
