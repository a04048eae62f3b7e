// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/hmac_key_table.h"

#include "base/hex.h"
#include "base/log.h"

namespace signer::pipeline {

void HmacKeyTable::load(const std::vector<config::HmacKey>& keys) {
  std::map<std::string, HmacKeyEntry, std::less<>> before = std::exchange(entries_, {});
  for (const config::HmacKey& key : keys) {
    HmacKeyEntry& entry = entries_[key.name];
    const auto known = before.find(key.name);
    if (known != before.end() && known->second.config == key && known->second.active != nullptr &&
        !known->second.stopped) {
      entry = std::move(known->second);
      continue;
    }
    if (known != before.end()) entry.creating = known->second.creating;  // a key under way is stored under the name
    entry.config = key;
    load_entry(entry);
    if (entry.active == nullptr || known == before.end() || !known->second.stopped) continue;
    entry.stopped = true;  // until its token was asked
    if (known->second.active != nullptr) entry.reason = known->second.reason;
  }
  for (const auto& [name, token] : tokens_) {
    if (token->ready()) check_token(*token);
  }
}

void HmacKeyTable::load_entry(HmacKeyEntry& entry) {
  entry.reason = "the key was never created; run: signerctl key create " + entry.config.name;
  auto metadata = keyring::load_hmac_key(state_dir_, entry.config.name);
  if (!metadata)
    return stop(entry, metadata.error().text + "; restore the file from a backup, signerd does not change it");
  if (*metadata) activate(entry, **std::move(metadata));
}

void HmacKeyTable::activate(HmacKeyEntry& entry, keyring::HmacKey metadata) {
  const auto token = tokens_.find(metadata.token);
  if (metadata.token != entry.config.token || token == tokens_.end()) {
    return stop(entry, "its metadata names token " + metadata.token + " and the configuration token " +
                           entry.config.token + "; a key does not move, name the token that holds it");
  }
  entry.active = std::make_shared<const ActiveHmacKey>(ActiveHmacKey{std::move(metadata), token->second.get()});
  entry.ready = false;
  entry.reason = "token " + entry.config.token + " has not been asked yet";
}

void HmacKeyTable::stop(HmacKeyEntry& entry, std::string reason) {
  const bool known = std::exchange(entry.stopped, true) && entry.reason == reason;
  entry.ready = false;
  entry.reason = std::move(reason);
  log::error("key_stopped", {{"key", entry.config.name},
                             {"reason", entry.reason},
                             {"effect", "profiles that make pseudonyms with it are refused"}});
  if (!known && on_stopped) on_stopped(entry);
}

HmacKeyEntry* HmacKeyTable::find(std::string_view name) {
  const auto place = entries_.find(name);
  return place == entries_.end() ? nullptr : &place->second;
}

void HmacKeyTable::check_token(token::TokenService& token) {
  for (const auto& [name, entry] : entries_) {
    if (entry.active == nullptr || entry.active->token != &token) continue;
    const Bytes& key_id = entry.active->metadata.key_id;
    token.describe_hmac_key(key_id,
                            [this, key = name, key_id](const auto& described) { compare(key, key_id, described); });
  }
}

void HmacKeyTable::compare(const std::string& name, const Bytes& key_id,
                           const channel::HostResult<channel::HmacKeyDescription>& described) {
  HmacKeyEntry* entry = find(name);
  if (entry == nullptr || entry->active == nullptr || entry->active->metadata.key_id != key_id) return;
  const std::string& token = entry->active->metadata.token;
  if (!described) {
    const std::string why = "token " + token + ": " + described.error().text;
    if (disagrees(described.error().status))
      return stop(*entry, why + "; nothing was changed: connect the right token or restore the key from its backup");
    if (!entry->stopped) entry->reason = why;
    return;
  }
  if (described->known_answer != entry->active->metadata.known_answer) {
    return stop(*entry, "token " + token +
                            " holds another HMAC key under this id than the metadata says, which would change every "
                            "pseudonym; nothing was changed: connect the right token");
  }
  const bool was_ready = std::exchange(entry->ready, true);
  const bool was_stopped = std::exchange(entry->stopped, false);
  entry->reason.clear();
  if (!was_ready) log::info("hmac_key_ready", {{"key", name}, {"token", token}, {"attributes", described->attributes}});
  if (was_stopped && on_ready_again) on_ready_again(*entry);
}

void HmacKeyTable::token_lost(const token::TokenService& token) {
  const token::TokenStatus status = token.status();
  for (auto& [name, entry] : entries_) {
    if (entry.active == nullptr || entry.stopped || entry.active->token != &token) continue;
    entry.ready = false;
    entry.reason = "token " + token.name() + " is " + std::string(to_string(status.state)) + ": " + status.reason;
  }
}

void HmacKeyTable::key_missing(const token::TokenService& token, const Bytes& key_id, const std::string& reason) {
  for (auto& [name, entry] : entries_) {
    if (entry.active == nullptr || entry.active->token != &token || entry.active->metadata.key_id != key_id) continue;
    if (!entry.stopped) stop(entry, "token " + token.name() + ": " + reason + "; nothing was changed");
  }
}

void HmacKeyTable::create(HmacKeyEntry& entry, WallTime now, Created done) {
  if (entry.creating || entry.active != nullptr || entry.stopped)
    return done(fail(ErrorCode::kInvalidRequest, "the key exists"));
  auto key_id = fresh_key_id();
  if (!key_id) return done(fail(std::move(key_id).error()));
  entry.creating = true;
  tokens_.find(entry.config.token)
      ->second->generate_hmac_key(
          {entry.config.name, *key_id},
          [this, name = entry.config.name, token = entry.config.token, key_id = *key_id, now,
           done = std::move(done)](const auto& generated) { store(name, token, key_id, now, generated, done); });
}

void HmacKeyTable::store(const std::string& name, const std::string& token, const Bytes& key_id, WallTime now,
                         const channel::HostResult<channel::HmacKeyDescription>& generated, const Created& done) {
  HmacKeyEntry* entry = find(name);
  if (entry != nullptr) entry->creating = false;
  if (!generated) {
    const channel::HostStatus status = generated.error().status;
    const bool gone = status == channel::HostStatus::kUnavailable || status == channel::HostStatus::kPinRefused;
    const ErrorCode code = gone                                      ? ErrorCode::kTokenUnavailable
                           : status == channel::HostStatus::kInvalid ? ErrorCode::kInvalidRequest
                                                                     : ErrorCode::kInternal;
    return done(fail(code, generated.error().text));
  }
  keyring::HmacKey metadata{name, token, key_id, generated->known_answer,
                            std::chrono::floor<std::chrono::seconds>(now)};
  // A reload may have come in between: the key is in the token that was asked.
  auto stored = entry != nullptr && entry->active == nullptr && entry->config.token == token
                    ? keyring::save_hmac_key(state_dir_, metadata)
                    : Result<void>(fail(ErrorCode::kInternal, "keys: the configuration of " + name + " has changed"));
  if (!stored) {
    log::error("hmac_key_unused", {{"key", name}, {"cka_id", to_hex(key_id)}, {"reason", stored.error().text}});
    return done(
        fail(ErrorCode::kInternal,
             stored.error().text + "; the key is in the token and is not used, remove it with the token's tool"));
  }
  activate(*entry, std::move(metadata));
  if (entry->active != nullptr) {
    entry->ready = true;
    entry->reason.clear();
  }
  log::info("hmac_key_created", {{"key", name}, {"token", entry->config.token}, {"attributes", generated->attributes}});
  done({});
}

}  // namespace signer::pipeline
