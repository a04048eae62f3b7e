// SPDX-License-Identifier: Apache-2.0
//
// The configuration file as values (docs/configuration.md).  Unknown keys are refused; every problem names file, line,
// key and what to do.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "claims/judge.h"
#include "claims/shipped.h"
#include "jose/public_key.h"
#include "request/request.h"
#include "signer/result.h"

namespace signer::config {

struct Listener {
  std::string path;
  mode_t mode = 0600;
  std::string group;  // empty: the daemon's own

  friend bool operator==(const Listener&, const Listener&) = default;
};

enum class DriverKind { kPkcs11, kTpm2 };

struct Token {
  std::string name;
  DriverKind driver = DriverKind::kPkcs11;
  std::string module;    // pkcs11
  std::string uri;       // pkcs11: RFC 7512; tpm2: TCTI
  std::string pin_file;  // path, or "credential:NAME"; tpm2: of the keys' auth value
  std::uint16_t sessions = 2;
  std::chrono::milliseconds operation_timeout{2000};  // a signature that takes longer is a hang; tpm2: 10 s
  std::map<std::string, std::string> environment;     // for the host process alone
  std::string authorization = "hmac";                 // tpm2: or "password"
  std::chrono::milliseconds key_check_every = std::chrono::minutes(10);  // how often its keys are inspected

  friend bool operator==(const Token&, const Token&) = default;
};

struct Key {
  std::string name;
  std::vector<std::string> tokens;
  jose::KeyKind kind = jose::KeyKind::kRsa2048;
  bool mechanism_lock = false;
  std::chrono::seconds rotate_every{0};
  std::chrono::seconds lead_in{3600};
  std::string vendor_evidence = {};  // path of what the token's manufacturer says of the key; empty: nothing

  friend bool operator==(const Key&, const Key&) = default;
};

// A secret key in a token for HMAC-SHA-256, which makes pairwise pseudonyms and signs nothing (ADR 0017).
struct HmacKey {
  std::string name;
  std::string token;  // of a driver that holds such keys: pkcs11

  friend bool operator==(const HmacKey&, const HmacKey&) = default;
};

// Whose public key claims or tokens are encrypted to.
struct Recipient {
  std::string name;
  std::string jwks_file;  // RFC 7517 set of public keys
  std::string kid;        // which of them; empty: the one that can be used
  std::size_t line = 0;   // of its table in the file
};

// A detector that must not refuse one claim.
struct Exemption {
  std::string claim;  // RFC 6901 pointer without indexes and without the first slash: "contact/email"
  phi::Detector detector = phi::Detector::kName;
  std::string reason;
};

// `sub` is replaced by a pseudonym that differs from sector to sector (OpenID Connect Core §8.1).
struct Pairwise {
  std::string sector;           // at most kSectorBytesMax bytes
  std::string secret_file;      // path, or "credential:NAME"; empty: secret_key
  std::string secret_key = {};  // an HMAC key; empty: secret_file
};

inline constexpr std::size_t kSectorBytesMax = 1024;

inline constexpr std::size_t kPayloadBytesDefault = 4096;

// docs/claim-policy.md.
struct Profile {
  std::string name;
  std::int64_t version = 1;
  std::string kind;  // one of claims::shipped_kinds(), or empty
  std::string typ = "JWT";
  std::string issuer;
  std::vector<std::string> audiences;
  std::chrono::seconds max_ttl{900};
  claims::Subject subject = claims::Subject::kAny;
  std::vector<claims::Rule> rules = claims::base_rules();  // what claims::judge takes
  std::vector<std::string> required;                       // of aud, exp, iat and nbf: what callers must send
  bool set_nbf = false;
  std::size_t bytes_max = kPayloadBytesDefault;  // of the payload, as JSON
  claims::PhiMode phi = claims::PhiMode::kEnforce;
  std::vector<Exemption> exemptions;
  std::optional<Pairwise> pairwise;
  std::string encrypt_to;                   // a recipient, or empty
  std::vector<std::string> encrypt_claims;  // empty: the whole token
  std::string certificate_chain;            // file of the header's x5c, or empty
  std::size_t line = 0;                     // of its table in the file
};

// One line of JSON that says all that decides about a profile's tokens, member names in the order of the alphabet
// (docs/claim-policy.md).  Two profiles with the same text judge alike.
[[nodiscard]] std::string profile_text(const Profile& profile);

// base64url of the SHA-256 of profile_text().
[[nodiscard]] std::string profile_sha256(const Profile& profile);

// Every member that is present must fit; at least one is.
struct Match {
  std::optional<std::string> user;
  std::optional<uid_t> uid;
  std::optional<std::string> group;
  std::optional<gid_t> gid;
  std::optional<std::string> listener;
  std::optional<std::string> unit;  // of systemd's system manager
};

struct Grant {
  std::string name;
  Match match;
  std::vector<std::string> keys;
  std::vector<std::string> profiles;
  std::vector<Verb> verbs;
  std::optional<double> rate;                   // requests per second for each uid; none: no limit
  std::optional<std::size_t> concurrency = {};  // requests under way for each uid; none: no limit
  std::size_t line = 0;                         // of its table in the file
};

// The name of the key that signs the audit log's checkpoints; it is there if [audit] names a token.
inline constexpr std::string_view kCheckpointKey = "audit-checkpoint";

// Where checkpoints are sent: exactly one of the three.
struct Anchor {
  std::vector<std::string> command;  // program and arguments; gets the note on its standard input
  std::string file;                  // to append to
  bool syslog = false;
  std::chrono::seconds timeout{30};  // of the command

  friend bool operator==(const Anchor&, const Anchor&) = default;
};

struct Audit {
  std::string dir;    // default: state_dir/audit
  std::string token;  // of the checkpoint key; empty: no checkpoints
  std::chrono::seconds checkpoint_every{10};
  std::uint64_t segment_bytes = 64ULL * 1024 * 1024;
  std::chrono::seconds segment_age = std::chrono::hours(24);
  std::vector<Anchor> anchors;

  friend bool operator==(const Audit&, const Audit&) = default;
};

struct Config {
  std::string file;
  std::string sha256;  // base64url, of the file's bytes
  std::string state_dir;
  std::vector<Listener> listeners;
  std::vector<Token> tokens;
  std::vector<Key> keys;
  std::vector<HmacKey> hmac_keys;
  std::vector<Recipient> recipients;
  std::vector<Profile> profiles;
  std::vector<Grant> grants;
  Audit audit;
  std::vector<std::string> notes;  // settings that are accepted and not yet acted on, for people
};

// Parses and cross-checks.  A failure's text holds every problem found, one a line: `file:line: key: problem; hint`.
[[nodiscard]] Result<Config> parse(std::string_view text, const std::string& file);

// Reads the file (at most 1 MiB) and parses it.
[[nodiscard]] Result<Config> load(const std::filesystem::path& file);

// "15m", "90d", "250ms": a whole number and one of ms s m h d.  Nothing if it is not, or overflows a year count of 100.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace signer::config
