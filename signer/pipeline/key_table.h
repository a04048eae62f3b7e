// SPDX-License-Identifier: Apache-2.0
//
// The configured keys as they stand now: configuration, metadata and token brought together.  A key whose metadata and
// token disagree, or that its token shows weaker than keys are made, is stopped with a reason in plain words; nothing
// is rewritten (invariant 8).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "keyring/key_version.h"
#include "pipeline/tokens.h"
#include "verify/verification_key.h"

namespace signer::pipeline {

// What signs and checks: one key version on one token.  Immutable; a request holds it while it is under way.
struct ActiveKey {
  keyring::KeyVersion version;
  verify::VerificationKey verifier;
  token::TokenService* token = nullptr;  // outlives every request
};

struct KeyEntry {
  config::Key config;
  std::vector<keyring::KeyVersion> versions;
  std::shared_ptr<const ActiveKey> active;  // none: absent or stopped for good
  bool ready = false;                       // the token confirmed that it holds the active key
  bool stopped = false;                     // nothing is signed until an inspection finds the key good
  bool awaits_inspection = false;           // read by a reload: nothing is signed before its token was asked
  std::string reason;                       // why not ready, for people
  bool creating = false;

  // Whether a signature may be begun: also one that waits for the token to be there.
  [[nodiscard]] bool may_sign() const { return active != nullptr && !stopped && !awaits_inspection; }

  // Ready, and its token refused no request for it lately.
  [[nodiscard]] bool can_sign() const {
    return ready && !awaits_inspection &&
           (active == nullptr || active->token->refusal_of(active->version.key_id).empty());
  }
};

// Belongs to the event loop's thread.
class KeyTable {
 public:
  KeyTable(std::filesystem::path state_dir, Tokens& tokens) : state_dir_(std::move(state_dir)), tokens_(tokens) {}

  // Reads the metadata of every configured key and has the tokens that are ready inspect theirs.  A file that cannot be
  // read stops its key; only a directory that cannot be listed is a failure, and then the table is as it was.
  [[nodiscard]] Result<void> load(const std::vector<config::Key>& keys);

  [[nodiscard]] KeyEntry* find(std::string_view name);

  [[nodiscard]] const std::map<std::string, KeyEntry, std::less<>>& entries() const noexcept { return entries_; }

  // Has `token` inspect each of its keys, and compares; called when a host has opened the token, and by the key watch.
  void check_token(token::TokenService& token);

  // Marks the token's keys as not ready.
  void token_lost(const token::TokenService& token);

  // The token says that it no longer has this key.
  void key_missing(const token::TokenService& token, const Bytes& key_id, const std::string& reason);

  // Makes a key pair inside the key's first token and writes its metadata; `done` gets nothing or the refusal.
  using Created = std::function<void(Result<void>)>;
  void create(KeyEntry& entry, WallTime now, Created done);

  // Takes the key that the first token holds under `key_id` and writes its metadata; nothing is changed in the token.
  // kNotFound if there is none; kInvalidRequest, with a text for the caller, if it is of another kind than configured,
  // is another entry's, or is in a PKCS#11 token, whose host does not judge the attributes of keys made elsewhere.
  void adopt(KeyEntry& entry, const Bytes& key_id, WallTime now, Created done);

  // RFC 7517 set of one key's versions, or of all.
  [[nodiscard]] jose::Json jwks(const KeyEntry& entry) const;
  [[nodiscard]] jose::Json jwks() const;

  // Called when a key is stopped, or stopped for another reason than before; requests that wait for it are refused by
  // then.
  std::function<void(const KeyEntry&)> on_stopped;

  // Called when an inspection found a key good that was stopped.
  std::function<void(const KeyEntry&)> on_ready_again;

 private:
  void load_entry(KeyEntry& entry, const keyring::LoadedVersions& loaded);
  void activate(KeyEntry& entry, const keyring::KeyVersion& version);
  void stop(KeyEntry& entry, std::string reason);
  void take_failure(KeyEntry& entry, const channel::HostError& error);
  void take_good(KeyEntry& entry, const channel::KeyDescription& described);
  void compare(const std::string& name, const std::string& kid,
               const channel::HostResult<channel::KeyDescription>& described);
  void store_created(const std::string& name, const Bytes& key_id, WallTime now,
                     const channel::HostResult<channel::KeyDescription>& generated, const Created& done);
  void store_adopted(const std::string& name, const Bytes& key_id, WallTime now,
                     const channel::HostResult<channel::KeyDescription>& described, const Created& done);
  Result<void> store(KeyEntry& entry, const Bytes& key_id, WallTime now, const channel::KeyDescription& key);
  // The name of the key that has this kid, among all metadata; empty if none has.
  [[nodiscard]] Result<std::string> holder_of(const std::string& kid) const;

  std::filesystem::path state_dir_;
  Tokens& tokens_;
  std::map<std::string, KeyEntry, std::less<>> entries_;
  bool loaded_ = false;
};

}  // namespace signer::pipeline
