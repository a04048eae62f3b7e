// SPDX-License-Identifier: Apache-2.0
//
// What signerd and a token host say to each other, as values.  Their bytes: channel/frames.h, docs/channel.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::channel {

// What a host answers.  The comment tells signerd what to do.  The numbers are the wire's: never reuse one.
enum class HostStatus : std::uint8_t {
  kOk = 0,
  kInvalid = 1,      // The request makes no sense to this token: do not repeat it.
  kNotFound = 2,     // The token is there and holds no such key: stop the key, change nothing.
  kAmbiguous = 3,    // Several tokens or keys match: stop, ask the operator for a narrower URI.
  kUnavailable = 4,  // The token cannot serve and the host is at its wits' end: restart it with back-off.
  kPinRefused = 5,   // The PIN was refused or is latched: start no host until an operator acts.
  kUnsupported = 6,  // The token lacks the mechanism or refuses the template: do not repeat.
  kExpired = 7,      // The job's deadline had passed before the token was asked.
  kMismatch = 8,     // The token holds another key under this id: stop the key, change nothing.
  kRefused = 9,      // The token would not this time, for a reason that may pass: refuse the request, stop nothing.
  kWeakened = 10,    // The key is there and is weaker than keys are made: stop it, ask the operator, change nothing.
};

struct HostError {
  HostStatus status = HostStatus::kUnavailable;
  std::string text;  // names the call and the native code, for the log; at most 1,024 bytes travel
};

template <class T>
using HostResult = Result<T, HostError>;

[[nodiscard]] inline Failure<HostError> host_failure(HostStatus status, std::string text) {
  return {HostError{status, std::move(text)}};
}

// How a host is to find and open its token.
struct TokenSpec {
  std::string name;        // the configuration's word for it, for log lines
  std::string module;      // PKCS#11: path of the driver; TPM: empty
  std::string uri;         // PKCS#11: RFC 7512 URI that selects exactly one token; TPM: the TCTI string
  std::string pin_file;    // path of the PIN (TPM: of the keys' auth value), owner and mode checked by the host
  std::string latch_file;  // path where the host remembers login attempts across its own death
  std::uint16_t sessions = 1;
  std::string key_directory = {};  // TPM: directory of the keys' blobs; PKCS#11: empty
  std::string authorization = {};  // TPM: "hmac" (also if empty) or "password"; PKCS#11: empty
};

// What the token says of itself.  Trailing blanks of the fixed-size PKCS#11 fields are cut.
struct TokenDescription {
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::string firmware;   // "2.6"
  std::string library;    // "SoftHSM 2.6"
  std::string mechanism;  // the one RS256 signatures use: "CKM_SHA256_RSA_PKCS"
  bool hardware = false;  // the token claims to be hardware; a claim, not a proof
};

struct KeyRequest {
  jose::KeyKind kind = jose::KeyKind::kRsa2048;
  std::string label;            // CKA_LABEL: the key's configured name
  Bytes key_id;                 // CKA_ID, made by signerd; 1 to 64 bytes
  bool mechanism_lock = false;  // allow the hashing mechanism alone (DESIGN §7)
};

struct KeyDescription {
  jose::PublicKey public_key;
  std::string attributes;  // "CKA_SENSITIVE=1 CKA_EXTRACTABLE=0 ...": as read back, for people
};

// The HMAC-SHA-256 of a text that is no pseudonym's (those have a zero byte in them, docs/claim-policy.md): tells keys
// apart without saying anything of them (ADR 0017).
using KnownAnswer = std::array<std::uint8_t, 32>;

inline constexpr std::string_view kKnownAnswerMessage = "signer: known answer of an HMAC key, version 1";

// A secret key for HMAC-SHA-256 (FIPS 198-1), 32 bytes, made in the token.
struct HmacKeyRequest {
  std::string label;  // CKA_LABEL: the key's configured name
  Bytes key_id;       // CKA_ID, made by signerd; 1 to 64 bytes
};

struct HmacKeyDescription {
  KnownAnswer known_answer{};
  std::string attributes;  // as those of KeyDescription
};

using Mac = std::array<std::uint8_t, 32>;

struct MacRequest {
  Bytes key_id;
  KnownAnswer known_answer{};    // of the key that is meant: with another one under this id nothing is computed
  std::int64_t deadline_ns = 0;  // CLOCK_MONOTONIC
  std::string message;           // 1 to kMacMessageMax bytes
};

struct SignRequest {
  Bytes key_id;
  Algorithm algorithm = Algorithm::kRs256;
  std::int64_t deadline_ns = 0;  // CLOCK_MONOTONIC; the same clock in both processes
  std::string signing_input;     // RFC 7515 §5.1: ASCII(header "." payload); at most kSigningInputMax bytes
};

// What may be done to a key to see whether it can be got out.
enum class Probes : std::uint8_t {
  kNone = 0,      // nothing: what the token says of it
  kReadOnly = 1,  // what changes nothing in the token
  kFull = 2,      // that, and on a throw-away key of the same template what could change it
};

inline constexpr std::size_t kNonceMin = 16;
inline constexpr std::size_t kNonceMax = 32;

struct AttestRequest {
  Bytes key_id;
  Bytes nonce;                             // the auditor's, kNonceMin to kNonceMax bytes
  std::array<std::uint8_t, 32> context{};  // docs/evidence-format.md §2
  Probes probes = Probes::kFull;
};

// The member `pkcs11` or `tpm` of an evidence bundle, as its host wrote it.
struct Attestation {
  std::string json;  // an object in one line (docs/evidence-format.md); at most kAttestationMax bytes
};

inline constexpr std::size_t kAttestationMax = 128UL * 1024;
inline constexpr std::size_t kSigningInputMax = 32UL * 1024;
inline constexpr std::size_t kMacMessageMax = 32UL * 1024;
inline constexpr std::size_t kKeyIdMax = 64;

}  // namespace signer::channel
