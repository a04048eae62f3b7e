// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/key_table.h"

#include "base/hex.h"
#include "base/log.h"

namespace signer::pipeline {

namespace {

bool is_of_kind(const jose::PublicKey& key, jose::KeyKind kind) {
  return key.algorithm == jose::algorithm_of(kind) && key.modulus.size() * 8 == jose::rsa_bits(kind);
}

// A key that signs goes on with what was read at the start: what a reload could misread must not stop it.
void warn_of_changes(const KeyEntry& entry, const keyring::LoadedVersions& loaded) {
  std::vector<keyring::KeyVersion> now;
  for (const keyring::KeyVersion& version : loaded.versions) {
    if (version.name == entry.config.name) now.push_back(version);
  }
  const auto is_of_key = [&](const auto& problem) { return problem.first == entry.config.name; };
  const bool unreadable = std::ranges::any_of(loaded.problems, is_of_key);
  if (!unreadable && std::ranges::is_permutation(now, entry.versions)) return;
  log::warn("key_metadata_changed",
            {{"key", entry.config.name},
             {"effect", "none: the key is used as it was read before; what the files say now counts after a restart"}});
}

}  // namespace

Result<void> KeyTable::load(const std::vector<config::Key>& keys) {
  SIGNER_ASSIGN_OR_RETURN(const keyring::LoadedVersions loaded, keyring::load_versions(state_dir_));
  std::map<std::string, KeyEntry, std::less<>> before = std::exchange(entries_, {});
  for (const config::Key& key : keys) {
    KeyEntry& entry = entries_[key.name];
    const auto known = before.find(key.name);
    if (known != before.end() && known->second.config == key && !known->second.stopped) {
      entry = std::move(known->second);
      warn_of_changes(entry, loaded);
      continue;
    }
    if (known != before.end())
      entry.creating = known->second.creating;  // a key pair under way is stored under the name
    entry.config = key;
    load_entry(entry, loaded);
    if (entry.active == nullptr) continue;
    entry.awaits_inspection = loaded_;  // at the start the token's first answers come before its first signature
    if (known == before.end() || !known->second.stopped) continue;
    entry.stopped = true;
    if (known->second.active != nullptr) entry.reason = known->second.reason;
  }
  loaded_ = true;
  for (const keyring::KeyVersion& version : loaded.versions) {
    if (!entries_.contains(version.name)) {
      log::warn("key_not_configured", {{"key", version.name},
                                       {"kid", version.kid},
                                       {"effect", "its metadata is kept; it is neither used nor published"}});
    }
  }
  for (const auto& [name, token] : tokens_) {
    if (token->ready()) check_token(*token);
  }
  return {};
}

void KeyTable::load_entry(KeyEntry& entry, const keyring::LoadedVersions& loaded) {
  entry.reason = "the key was never created; run: signerctl key create " + entry.config.name;
  for (const keyring::KeyVersion& version : loaded.versions) {
    if (version.name != entry.config.name) continue;
    entry.versions.push_back(version);
    if (version.state != keyring::KeyState::kActive) continue;
    if (entry.active != nullptr) {
      stop(entry, "two versions are active, " + entry.active->version.kid + " and " + version.kid +
                      "; set the state of one to retired in its metadata file, or take the file away");
      return entry.active.reset();
    }
    activate(entry, version);
  }
  for (const auto& [name, problem] : loaded.problems) {
    if (name != entry.config.name) continue;
    entry.active.reset();
    stop(entry, problem + "; restore the file from a backup, signerd does not change it");
  }
}

void KeyTable::activate(KeyEntry& entry, const keyring::KeyVersion& version) {
  const auto token = tokens_.find(version.token);
  if (token == tokens_.end()) {
    return stop(entry, "its metadata names token " + version.token + ", which is not configured");
  }
  auto verifier = verify::VerificationKey::make(version.public_key);
  if (!verifier) return stop(entry, verifier.error().text);
  entry.active = std::make_shared<const ActiveKey>(ActiveKey{version, *std::move(verifier), token->second.get()});
  entry.ready = false;
  entry.reason = "token " + version.token + " has not been asked yet";
}

void KeyTable::stop(KeyEntry& entry, std::string reason) {
  const bool known = std::exchange(entry.stopped, true) && entry.reason == reason;
  entry.ready = false;
  entry.reason = std::move(reason);
  log::error("key_stopped", {{"key", entry.config.name}, {"reason", entry.reason}});
  if (known) return;
  if (entry.active != nullptr) entry.active->token->refuse_jobs(entry.active->version.key_id, entry.reason);
  if (on_stopped) on_stopped(entry);
}

KeyEntry* KeyTable::find(std::string_view name) {
  const auto place = entries_.find(name);
  return place == entries_.end() ? nullptr : &place->second;
}

void KeyTable::check_token(token::TokenService& token) {
  for (const auto& [name, entry] : entries_) {
    if (entry.active == nullptr || entry.active->token != &token) continue;
    token.inspect_key(entry.active->version.key_id, [this, key = name, kid = entry.active->version.kid](
                                                        const auto& described) { compare(key, kid, described); });
  }
}

void KeyTable::compare(const std::string& name, const std::string& kid,
                       const channel::HostResult<channel::KeyDescription>& described) {
  KeyEntry* entry = find(name);
  if (entry == nullptr || entry->active == nullptr || entry->active->version.kid != kid) return;
  if (!described) return take_failure(*entry, described.error());
  if (described->public_key != entry->active->version.public_key) {
    return stop(*entry, "token " + entry->active->version.token +
                            " holds another key under this id than the metadata says; nothing was changed: "
                            "connect the right token");
  }
  take_good(*entry, *described);
}

void KeyTable::take_failure(KeyEntry& entry, const channel::HostError& error) {
  using channel::HostStatus;
  const std::string why = "token " + entry.active->version.token + ": " + error.text;
  if (error.status == HostStatus::kWeakened) {
    return stop(entry, why +
                           "; nothing was changed: take the key for exposed until you know who did this; it signs "
                           "again once the token shows it as it was made, which a reload looks at");
  }
  if (disagrees(error.status)) {
    return stop(entry, why + "; nothing was changed: connect the right token or restore the key from its backup");
  }
  // What may pass starts no key that is stopped, and does not hide why it is.
  if (entry.stopped) return;
  if (error.status != HostStatus::kRefused) {
    entry.reason = why;
    return;
  }
  log::warn("key_not_inspected", {{"key", entry.config.name}, {"reason", error.text}});
  entry.ready = true;  // who asks for a signature finds out
  entry.awaits_inspection = false;
  entry.reason.clear();
}

void KeyTable::take_good(KeyEntry& entry, const channel::KeyDescription& described) {
  const bool was_ready = std::exchange(entry.ready, true);
  const bool was_stopped = std::exchange(entry.stopped, false);
  entry.awaits_inspection = false;
  entry.reason.clear();
  if (!was_ready) {
    log::info("key_ready", {{"key", entry.config.name},
                            {"kid", entry.active->version.kid},
                            {"token", entry.active->version.token},
                            {"attributes", described.attributes}});
  }
  if (was_stopped && on_ready_again) on_ready_again(entry);
}

void KeyTable::token_lost(const token::TokenService& token) {
  const token::TokenStatus status = token.status();
  for (auto& [name, entry] : entries_) {
    if (entry.active == nullptr || entry.stopped || entry.active->token != &token) continue;
    entry.ready = false;
    entry.reason = "token " + token.name() + " is " + std::string(to_string(status.state)) + ": " + status.reason;
  }
}

void KeyTable::key_missing(const token::TokenService& token, const Bytes& key_id, const std::string& reason) {
  for (auto& [name, entry] : entries_) {
    if (entry.active == nullptr || entry.active->token != &token || entry.active->version.key_id != key_id) continue;
    if (!entry.stopped) stop(entry, "token " + token.name() + ": " + reason + "; nothing was changed");
  }
}

void KeyTable::create(KeyEntry& entry, WallTime now, Created done) {
  if (entry.creating || !entry.versions.empty()) {
    return done(fail(ErrorCode::kInvalidRequest, "the key exists"));
  }
  const auto token = tokens_.find(entry.config.tokens.front());
  auto key_id = fresh_key_id();
  if (!key_id) return done(fail(std::move(key_id).error()));
  entry.creating = true;
  const channel::KeyRequest request{entry.config.kind, entry.config.name, *key_id, entry.config.mechanism_lock};
  token->second->generate_key(
      request, [this, name = entry.config.name, key_id = *key_id, now, done = std::move(done)](const auto& generated) {
        store_created(name, key_id, now, generated, done);
      });
}

void KeyTable::store_created(const std::string& name, const Bytes& key_id, WallTime now,
                             const channel::HostResult<channel::KeyDescription>& generated, const Created& done) {
  KeyEntry* entry = find(name);
  if (entry == nullptr) return done(fail(ErrorCode::kInternal, "keys: " + name + " left the configuration meanwhile"));
  entry->creating = false;
  if (generated && !entry->versions.empty()) {
    log::error("key_pair_unused",
               {{"key", name}, {"cka_id", to_hex(key_id)}, {"reason", "the key has a version already"}});
    return done(fail(ErrorCode::kInternal, "keys: " + name + " got a version meanwhile; the new key pair is not used"));
  }
  if (!generated) {
    const bool gone = generated.error().status == channel::HostStatus::kUnavailable ||
                      generated.error().status == channel::HostStatus::kPinRefused;
    return done(fail(gone ? ErrorCode::kTokenUnavailable : ErrorCode::kInternal, generated.error().text));
  }
  if (generated->public_key.algorithm != jose::algorithm_of(entry->config.kind)) {
    return done(fail(ErrorCode::kInternal, "keys: the token made a key of another kind than asked"));
  }
  if (auto stored = store(*entry, key_id, now, *generated); !stored) {
    log::error("key_pair_unused", {{"key", name}, {"cka_id", to_hex(key_id)}, {"reason", stored.error().text}});
    return done(fail(ErrorCode::kInternal, stored.error().text + "; the key pair is in the token and is not used"));
  }
  log::info("key_created", {{"key", name},
                            {"kid", entry->versions.back().kid},
                            {"token", entry->versions.back().token},
                            {"attributes", generated->attributes}});
  done({});
}

void KeyTable::adopt(KeyEntry& entry, const Bytes& key_id, WallTime now, Created done) {
  if (entry.creating || !entry.versions.empty()) {
    return done(fail(ErrorCode::kInvalidRequest, "the key exists"));
  }
  token::TokenService& token = *tokens_.find(entry.config.tokens.front())->second;
  if (token.driver() != "tpm2") {
    return done(fail(ErrorCode::kInvalidRequest, "keys of a PKCS#11 token cannot be adopted"));
  }
  if (!token.ready()) return done(fail(ErrorCode::kTokenUnavailable, "token " + token.name() + " is not ready"));
  entry.creating = true;
  token.describe_key(key_id, [this, name = entry.config.name, key_id, now, done = std::move(done)](
                                 const auto& described) { store_adopted(name, key_id, now, described, done); });
}

void KeyTable::store_adopted(const std::string& name, const Bytes& key_id, WallTime now,
                             const channel::HostResult<channel::KeyDescription>& described, const Created& done) {
  KeyEntry* entry = find(name);
  if (entry == nullptr) return done(fail(ErrorCode::kInternal, "keys: " + name + " left the configuration meanwhile"));
  entry->creating = false;
  if (!described) {
    const channel::HostStatus status = described.error().status;
    const ErrorCode code = status == channel::HostStatus::kNotFound      ? ErrorCode::kNotFound
                           : status == channel::HostStatus::kUnavailable ? ErrorCode::kTokenUnavailable
                                                                         : ErrorCode::kInternal;
    return done(fail(code, described.error().text));
  }
  if (!entry->versions.empty()) return done(fail(ErrorCode::kInvalidRequest, "the key exists"));
  if (!is_of_kind(described->public_key, entry->config.kind)) {
    return done(fail(ErrorCode::kInvalidRequest, "the token's key has another algorithm or size than is configured"));
  }
  const auto holder = holder_of(jose::thumbprint(described->public_key));
  if (!holder) return done(fail(holder.error().code, holder.error().text));
  if (!holder->empty()) return done(fail(ErrorCode::kInvalidRequest, "the token's key is key " + *holder + " already"));
  if (auto stored = store(*entry, key_id, now, *described); !stored) {
    return done(fail(ErrorCode::kInternal, stored.error().text));
  }
  log::info("key_adopted", {{"key", name},
                            {"kid", entry->versions.back().kid},
                            {"token", entry->versions.back().token},
                            {"attributes", described->attributes}});
  done({});
}

// Configured or not, active or not: a kid is one key for ever.
Result<std::string> KeyTable::holder_of(const std::string& kid) const {
  SIGNER_ASSIGN_OR_RETURN(const keyring::LoadedVersions known, keyring::load_versions(state_dir_));
  for (const keyring::KeyVersion& version : known.versions) {
    if (version.kid == kid) return version.name;
  }
  return std::string();
}

Result<void> KeyTable::store(KeyEntry& entry, const Bytes& key_id, WallTime now, const channel::KeyDescription& key) {
  keyring::KeyVersion version;
  version.name = entry.config.name;
  version.public_key = key.public_key;
  version.kid = jose::thumbprint(version.public_key);
  version.token = entry.config.tokens.front();
  version.key_id = key_id;
  version.created = std::chrono::floor<std::chrono::seconds>(now);
  SIGNER_RETURN_IF_ERROR(keyring::save_version(state_dir_, version));
  entry.versions.push_back(version);
  activate(entry, version);
  if (entry.active != nullptr) {
    entry.ready = true;
    entry.reason.clear();
  }
  return {};
}

jose::Json KeyTable::jwks(const KeyEntry& entry) const {
  jose::Json keys = jose::Json::array();
  for (const keyring::KeyVersion& version : entry.versions) {
    const bool published = version.state != keyring::KeyState::kRetired && version.state != keyring::KeyState::kRevoked;
    if (published && version.public_key.algorithm == Algorithm::kRs256)
      keys.push_back(jose::to_jwk(version.public_key));
  }
  return {{"keys", std::move(keys)}};
}

jose::Json KeyTable::jwks() const {
  jose::Json keys = jose::Json::array();
  for (const auto& [name, entry] : entries_) {
    jose::Json set = jwks(entry);
    for (jose::Json& key : set["keys"]) keys.push_back(std::move(key));
  }
  return {{"keys", std::move(keys)}};
}

}  // namespace signer::pipeline
