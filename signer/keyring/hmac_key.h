// SPDX-License-Identifier: Apache-2.0
//
// What the daemon knows of an HMAC key in a token: one JSON file each, written once, never deleted (invariant 8,
// docs/key-metadata.md).  Another key under its name would be another pseudonym for everybody.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "keyring/metadata_file.h"

namespace signer::keyring {

struct HmacKey {
  std::string name;                             // of the configuration
  std::string token;                            // of the configuration
  Bytes key_id;                                 // CKA_ID, 1 to 64 bytes
  std::array<std::uint8_t, 32> known_answer{};  // of this key and no other; says nothing of it (docs/channel.md)
  WallTime created{};                           // whole seconds

  friend bool operator==(const HmacKey&, const HmacKey&) = default;
};

// The file's text, and back.  Reading is strict: every member, no other.
[[nodiscard]] std::string to_file_text(const HmacKey& key);
[[nodiscard]] Result<HmacKey> hmac_key_from_file_text(std::string_view text);

// Reads state_dir/hmac-keys/<name>.json.  Nothing if there is none; kInvalidRequest, with the path, if it is not such a
// file or is that of another name; kInternal if it cannot be read.
[[nodiscard]] Result<std::optional<HmacKey>> load_hmac_key(const std::filesystem::path& state_dir,
                                                           const std::string& name);

// Writes a new file, atomically and durably.  kInvalidRequest if it exists: no key is ever written over another.
[[nodiscard]] Result<void> save_hmac_key(const std::filesystem::path& state_dir, const HmacKey& key);

}  // namespace signer::keyring
