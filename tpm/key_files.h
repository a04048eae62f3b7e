// SPDX-License-Identifier: Apache-2.0
//
// The key directory of one token: for each key `<key id>.pem`, the blob that the TPM made and alone can read, and
// `<key id>.json`, where in the TPM it is; `storage-root.json`, the pinned Name of the parent.  Nothing in it is secret
// from its reader, and nothing is ever removed (invariant 8).
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "tpm/private_key_file.h"
#include "tpm/tpm_error.h"

namespace signer::tpm {

// Where the TPM holds a key.
struct KeyPlace {
  std::uint32_t handle = 0;  // persistent
  Bytes name;
  Bytes storage_root;  // its Name

  friend bool operator==(const KeyPlace&, const KeyPlace&) = default;
};

// A key as the directory has it, its public area read and judged.
struct KeyRecord {
  PrivateKeyFile file;
  TPM2B_PUBLIC area{};
  Bytes name;
  jose::PublicKey public_key;
  std::optional<KeyPlace> place;
};

// Not thread-safe.  Files are written whole and are durable when a call returns; a crash leaves the old or the new one.
class KeyFiles {
 public:
  explicit KeyFiles(std::string directory) : directory_(std::move(directory)) {}

  // Makes the directory, mode 0700, and checks that it can be written.
  [[nodiscard]] TpmResult<void> prepare() const;

  [[nodiscard]] bool contains(const Bytes& key_id) const;

  // kRefused if the files cannot be opened now; kNotFound if there is no blob; kMismatch if the blob cannot be read, is
  // not of the key that its place names, or is another parent's than `storage_root`; kUnsupported if the key is weaker
  // than public_area.h asks.
  [[nodiscard]] TpmResult<KeyRecord> read(const Bytes& key_id, const Bytes& storage_root) const;

  [[nodiscard]] TpmResult<void> write_blob(const Bytes& key_id, const PrivateKeyFile& file) const;
  [[nodiscard]] TpmResult<void> write_place(const Bytes& key_id, const KeyPlace& place) const;

  // Compares the Name with the pinned one: kMismatch if it is another.  The first Name seen is pinned.
  [[nodiscard]] TpmResult<void> check_storage_root(const Bytes& name) const;

 private:
  [[nodiscard]] std::string path(const Bytes& key_id, const char* suffix) const;
  [[nodiscard]] TpmResult<std::optional<KeyPlace>> read_place(const Bytes& key_id) const;

  std::string directory_;
};

}  // namespace signer::tpm
