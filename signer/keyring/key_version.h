// SPDX-License-Identifier: Apache-2.0
//
// What the daemon knows of a key pair: one JSON file each, written once, never deleted (invariant 8,
// docs/key-metadata.md).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "jose/public_key.h"
#include "keyring/metadata_file.h"
#include "signer/result.h"

namespace signer::keyring {

// pending and retiring belong to rotation; a version made by this release is active from its birth.
enum class KeyState { kPending, kActive, kRetiring, kRetired, kRevoked };

[[nodiscard]] std::string_view to_string(KeyState state) noexcept;

struct KeyVersion {
  std::string name;  // of the configuration
  std::string kid;   // RFC 7638 thumbprint of public_key
  jose::PublicKey public_key;
  std::string token;   // of the configuration
  Bytes key_id;        // CKA_ID, 1 to 64 bytes
  WallTime created{};  // whole seconds
  KeyState state = KeyState::kActive;

  friend bool operator==(const KeyVersion&, const KeyVersion&) = default;
};

// The file's text, and back.  Reading is strict: every member, no other, kid equal to the thumbprint.
[[nodiscard]] std::string to_file_text(const KeyVersion& version);
[[nodiscard]] Result<KeyVersion> from_file_text(std::string_view text);

struct LoadedVersions {
  std::vector<KeyVersion> versions;
  // What could not be read, one sentence each, with the key's name: that key is stopped and the file left as it is.
  std::vector<std::pair<std::string, std::string>> problems;
};

// Reads state_dir/keys/<name>/<kid>.json for every name.  Fails only if the directory cannot be listed.
[[nodiscard]] Result<LoadedVersions> load_versions(const std::filesystem::path& state_dir);

// Writes a new version, atomically and durably.  kInvalidRequest if the file exists: a kid is never written twice.
[[nodiscard]] Result<void> save_version(const std::filesystem::path& state_dir, const KeyVersion& version);

}  // namespace signer::keyring
