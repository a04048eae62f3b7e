// SPDX-License-Identifier: Apache-2.0
//
// The configured HMAC keys as they stand now: configuration, metadata and token brought together (ADR 0017).  A key of
// which these disagree is stopped with a reason in plain words, and the profiles that use it with it; nothing is
// rewritten, and no key is ever made in its place (invariant 8).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "keyring/hmac_key.h"
#include "pipeline/tokens.h"

namespace signer::pipeline {

// What makes pseudonyms.  Immutable; a request holds it while it is under way.
struct ActiveHmacKey {
  keyring::HmacKey metadata;
  token::TokenService* token = nullptr;  // outlives every request
};

struct HmacKeyEntry {
  config::HmacKey config;
  std::shared_ptr<const ActiveHmacKey> active;  // none: absent or stopped for good
  bool ready = false;                           // the token confirmed that it holds this key
  bool stopped = false;                         // metadata and token disagree: no pseudonym until they agree again
  std::string reason;                           // why not ready, for people
  bool creating = false;
};

// Belongs to the event loop's thread.
class HmacKeyTable {
 public:
  HmacKeyTable(std::filesystem::path state_dir, Tokens& tokens) : state_dir_(std::move(state_dir)), tokens_(tokens) {}

  // Reads the metadata of every configured key.  A file that cannot be read stops its key.
  void load(const std::vector<config::HmacKey>& keys);

  [[nodiscard]] HmacKeyEntry* find(std::string_view name);

  [[nodiscard]] const std::map<std::string, HmacKeyEntry, std::less<>>& entries() const noexcept { return entries_; }

  // As those of KeyTable.
  void check_token(token::TokenService& token);
  void token_lost(const token::TokenService& token);
  void key_missing(const token::TokenService& token, const Bytes& key_id, const std::string& reason);

  // Makes the key inside its token and writes its metadata; `done` gets nothing or the refusal.  kInvalidRequest, with
  // a text for the caller, if the key exists, or if the token holds one of this name that there is no metadata for.
  using Created = std::function<void(Result<void>)>;
  void create(HmacKeyEntry& entry, WallTime now, Created done);

  // As those of KeyTable.
  std::function<void(const HmacKeyEntry&)> on_stopped;
  std::function<void(const HmacKeyEntry&)> on_ready_again;

 private:
  void load_entry(HmacKeyEntry& entry);
  void activate(HmacKeyEntry& entry, keyring::HmacKey metadata);
  void stop(HmacKeyEntry& entry, std::string reason);
  void compare(const std::string& name, const Bytes& key_id,
               const channel::HostResult<channel::HmacKeyDescription>& described);
  void store(const std::string& name, const std::string& token, const Bytes& key_id, WallTime now,
             const channel::HostResult<channel::HmacKeyDescription>& generated, const Created& done);

  std::filesystem::path state_dir_;
  Tokens& tokens_;
  std::map<std::string, HmacKeyEntry, std::less<>> entries_;
};

}  // namespace signer::pipeline
