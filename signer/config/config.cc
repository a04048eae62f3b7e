// SPDX-License-Identifier: Apache-2.0

#include "config/config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/file.h"
#include "config/audit_table.h"
#include "config/document.h"
#include "config/grant_table.h"
#include "config/profile_table.h"
#include "config/reader.h"
#include "config/references.h"
#include "config/token_table.h"
#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::config {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kFileBytesMax = 1024UL * 1024;
constexpr std::size_t kNameMax = 64;
constexpr std::size_t kSocketPathMax = 100;  // sun_path holds 107 and a temporary name needs the rest

bool plain_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameMax && std::all_of(name.begin(), name.end(), allowed) && name[0] != '.';
}

// Reads `name` and refuses one that is no plain word or that an earlier table of the kind has.
void read_name(TableReader& reader, std::string& name, std::set<std::string>& taken) {
  reader.text("name", name, true);
  if (name.empty()) return;
  if (!plain_name(name)) reader.problem("name", "must be 1 to 64 characters of a-z 0-9 . _ - and not begin with a dot");
  if (!taken.insert(name).second) reader.problem("name", "'" + name + "' is already in use; give it another name");
}

bool same_path(const std::string& one, const std::string& other) {
  return std::filesystem::path(one).lexically_normal() == std::filesystem::path(other).lexically_normal();
}

// Parses the parts in order; what a later part names must be in an earlier one.
class Parser {
 public:
  Parser(TableReader& root, Problems& problems, Config& config) : problems_(problems), root_(root), config_(config) {}

  void run() {
    root_.text("state_dir", config_.state_dir, true);
    if (!config_.state_dir.empty() && config_.state_dir[0] != '/')
      root_.problem("state_dir", "must be an absolute path");
    for (const toml::table* table : root_.tables("listener")) listener(*table);
    if (config_.listeners.empty()) root_.problem("listener", "is missing; add a [[listener]] with a path");
    for (const toml::table* table : root_.tables("token")) token(*table);
    for (const toml::table* table : root_.tables("key")) key(*table);
    config_.audit.dir = config_.state_dir + "/audit";
    if (const toml::table* table = root_.table("audit")) audit(*table);
    for (const toml::table* table : root_.tables("hmac_key")) hmac_key(*table);
    for (const toml::table* table : root_.tables("recipient")) recipient(*table);
    for (const toml::table* table : root_.tables("profile")) profile(*table);
    for (const toml::table* table : root_.tables("grant")) grant(*table);
  }

 private:
  void listener(const toml::table& table) {
    TableReader reader(table, "listener", problems_);
    Listener listener;
    reader.text("path", listener.path, true);
    if (!listener.path.empty() && (listener.path[0] != '/' || listener.path.size() > kSocketPathMax)) {
      reader.problem("path", "must be an absolute path of at most 100 bytes (the kernel limits socket paths)");
    }
    for (const Listener& other : config_.listeners) {
      if (same_path(other.path, listener.path)) reader.problem("path", "is used by two listeners");
    }
    std::string mode = "0600";
    reader.text("mode", mode);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), value, 8);
    if (error != std::errc{} || end != mode.data() + mode.size() || value > 0777 || (value & 0600) != 0600) {
      reader.problem("mode", "must be octal digits in quotes that let the owner read and write, such as \"0660\"");
    }
    listener.mode = static_cast<mode_t>(value);
    reader.text("group", listener.group);
    reader.finish();
    config_.listeners.push_back(std::move(listener));
  }

  void token(const toml::table& table) {
    TableReader reader(table, "token", problems_);
    Token token;
    read_name(reader, token.name, token_names_);
    read_token(reader, config_.state_dir, token);
    reader.finish();
    const auto same = [&](const Token& other) {
      return token.driver == DriverKind::kPkcs11 && other.driver == token.driver && !token.uri.empty() &&
             other.uri == token.uri && same_path(other.module, token.module) && other.environment == token.environment;
    };
    // Each table would try the PIN by itself.
    if (const auto other = std::ranges::find_if(config_.tokens, same); other != config_.tokens.end())
      reader.problem("uri",
                     "is the token of '" + other->name + "', by the same module; name that in keys and remove this");
    config_.tokens.push_back(std::move(token));
  }

  void key(const toml::table& table) {
    TableReader reader(table, "key", problems_);
    Key key;
    read_name(reader, key.name, key_names_);
    if (key.name == kCheckpointKey) reader.problem("name", "is the audit log's own; give the key another name");
    reader.texts("tokens", key.tokens, true);
    check_references(reader, "tokens", key.tokens, names_of(config_.tokens));
    std::string algorithm = "RS256";
    reader.text("alg", algorithm);
    if (algorithm != "RS256") reader.problem("alg", "must be \"RS256\"");
    std::optional<std::int64_t> bits;
    reader.number("bits", 2048, 4096, bits);
    switch (bits.value_or(2048)) {
      case 2048:
        break;
      case 3072:
        key.kind = jose::KeyKind::kRsa3072;
        break;
      case 4096:
        key.kind = jose::KeyKind::kRsa4096;
        break;
      default:
        reader.problem("bits", "must be 2048, 3072 or 4096");
    }
    std::string lock = "standard";
    reader.text("mechanism_lock", lock);
    key.mechanism_lock = lock == "strict";
    if (lock != "strict" && lock != "standard") reader.problem("mechanism_lock", "must be \"standard\" or \"strict\"");
    std::optional<seconds> rotate_every;
    reader.seconds("rotate_every", std::chrono::hours(1), std::chrono::hours(24 * 3660), rotate_every);
    std::optional<seconds> lead_in;
    reader.seconds("lead_in", milliseconds(0), std::chrono::hours(24 * 366), lead_in);
    key.rotate_every = rotate_every.value_or(key.rotate_every);
    key.lead_in = lead_in.value_or(key.lead_in);
    if (rotate_every || lead_in)
      note("key " + key.name + ": rotate_every and lead_in are kept; this version does not rotate");
    if (key.tokens.size() > 1) note("key " + key.name + ": this version uses the first of its tokens alone");
    reader.text("vendor_evidence", key.vendor_evidence);
    if (!key.vendor_evidence.empty() && key.vendor_evidence[0] != '/')
      reader.problem("vendor_evidence", "must be an absolute path");
    reader.finish();
    config_.keys.push_back(std::move(key));
  }

  // Its name is one of the keys', for both are made and asked for by name in the same calls.
  void hmac_key(const toml::table& table) {
    TableReader reader(table, "hmac_key", problems_);
    HmacKey key;
    read_name(reader, key.name, key_names_);
    reader.text("token", key.token, true);
    if (!key.token.empty()) check_references(reader, "token", {key.token}, names_of(config_.tokens));
    const auto token = std::ranges::find(config_.tokens, key.token, &Token::name);
    if (token != config_.tokens.end() && token->driver == DriverKind::kTpm2) {
      reader.problem("token", "'" + key.token +
                                  "' is a TPM, in which this version keeps no HMAC keys; name a PKCS#11 token, or give "
                                  "the profile's pairwise a secret_file");
    }
    reader.finish();
    config_.hmac_keys.push_back(std::move(key));
  }

  void recipient(const toml::table& table) {
    TableReader reader(table, "recipient", problems_);
    Recipient recipient;
    recipient.line = table.source().begin.line;
    read_name(reader, recipient.name, recipient_names_);
    reader.text("jwks_file", recipient.jwks_file, true);
    if (!recipient.jwks_file.empty() && recipient.jwks_file[0] != '/')
      reader.problem("jwks_file", "must be an absolute path");
    reader.text("kid", recipient.kid);
    reader.finish();
    config_.recipients.push_back(std::move(recipient));
  }

  void profile(const toml::table& table) {
    TableReader reader(table, "profile", problems_);
    Profile profile;
    profile.line = table.source().begin.line;
    read_name(reader, profile.name, profile_names_);
    read_profile(reader, problems_, config_, profile);
    reader.finish();
    config_.profiles.push_back(std::move(profile));
  }

  void grant(const toml::table& table) {
    TableReader reader(table, "grant", problems_);
    Grant grant;
    grant.line = table.source().begin.line;
    read_name(reader, grant.name, grant_names_);
    read_grant(reader, config_, problems_, grant);
    if (std::string text = note_on(grant); !text.empty()) note(std::move(text));
    reader.finish();
    config_.grants.push_back(std::move(grant));
  }

  void audit(const toml::table& table) {
    TableReader reader(table, "audit", problems_);
    read_audit(reader, problems_, config_);
    reader.finish();
    if (config_.audit.token.empty()) return;
    Key key;
    key.name = kCheckpointKey;
    key.tokens = {config_.audit.token};
    key.kind = jose::KeyKind::kP256;
    config_.keys.push_back(std::move(key));
  }

  void note(std::string text) { config_.notes.push_back(std::move(text)); }

  Problems& problems_;
  TableReader& root_;
  Config& config_;
  std::set<std::string> token_names_;
  std::set<std::string> key_names_;
  std::set<std::string> recipient_names_;
  std::set<std::string> profile_names_;
  std::set<std::string> grant_names_;
};

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  constexpr std::int64_t kHundredYears = 36'525LL * 86'400'000;
  if (error != std::errc{} || factor == 0 || count < 0 || count > kHundredYears / factor) return std::nullopt;
  return milliseconds(count * factor);
}

Result<Config> parse(std::string_view text, const std::string& file) {
  Config config;
  config.file = file;
  config.sha256 = jose::base64url_encode(jose::sha256(bytes_of(text)));
  SIGNER_RETURN_IF_ERROR(read_document(
      text, file, [&config](TableReader& root, Problems& problems) { Parser(root, problems, config).run(); }));
  return config;
}

Result<Config> load(const std::filesystem::path& file) {
  SIGNER_ASSIGN_OR_RETURN(const std::string text, read_file(file, kFileBytesMax));
  return parse(text, file.string());
}

}  // namespace signer::config
