// SPDX-License-Identifier: Apache-2.0
//
// Reads a secret from the only places one may come from: a file of ours, or a systemd credential.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/secret.h"
#include "signer/result.h"

namespace signer {

// Tells one file from the next without saying anything of what is in it.  A credential's is all zero: systemd writes
// the file anew at each start of the unit, so its inode and times would call an unchanged secret a new one.
struct FileFingerprint {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  friend bool operator==(const FileFingerprint&, const FileFingerprint&) = default;
};

struct SecretFile {
  Secret secret;
  FileFingerprint fingerprint;
};

// Of a login latch (docs/adr/0008-login-latch.md): 16 sources at most, with paths of 4096 bytes that are quoted.
inline constexpr std::size_t kLatchBytesMax = 256UL * 1024;

// `source` is a path, or "credential:NAME" for $CREDENTIALS_DIRECTORY/NAME.  A path must name a regular file (no
// symbolic link) of this user or root that nobody else may touch.  One line of text without control characters, at
// most `size_max` bytes with the newline at its end, which is not part of the secret.  Every refusal is kDenied; its
// text names the path and says what to do.
[[nodiscard]] Result<SecretFile> read_secret_file(const std::string& source, std::size_t size_max);

// As read_secret_file, but of any bytes, all of them: for private keys, which have several lines.
[[nodiscard]] Result<SecretFile> read_secret_text(const std::string& source, std::size_t size_max);

// As read_secret_file, but makes an absent file first: mode 0600, `line` and a newline.  Never makes a credential.
[[nodiscard]] Result<SecretFile> read_or_make_secret_file(const std::string& path, std::size_t size_max,
                                                          Result<Secret> (*make_line)());

}  // namespace signer
