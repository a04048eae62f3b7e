// SPDX-License-Identifier: Apache-2.0
//
// Makes a subject findable in the log for whoever holds a key that the log does not hold (docs/audit-format.md).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "signer/result.h"

namespace signer::audit {

// Move-only.  Thread-safe once made.
class SearchKey {
 public:
  // Reads the file, or makes it (mode 0600, 32 random bytes as one line of base64url) if it is absent.  Fails as
  // read_secret_file does; kInvalidRequest if the line is not 32 bytes of base64url.
  [[nodiscard]] static Result<SearchKey> open(const std::filesystem::path& file);

  // As open(), but never makes one.
  [[nodiscard]] static Result<SearchKey> read(const std::string& file);

  // base64url of HMAC-SHA-256 (FIPS 198-1) of `subject` under the 32 bytes; empty for an empty subject.
  [[nodiscard]] std::string mac(std::string_view subject) const;

  // Which key it is: the first 16 hex digits of the SHA-256 of the file's line.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

  // Whether open() made it.
  [[nodiscard]] bool made() const noexcept { return made_; }

 private:
  SearchKey(Secret key, std::string id, bool made);

  [[nodiscard]] static Result<SearchKey> from(const std::string& file, const Secret& line, bool made);

  Secret key_;
  std::string id_;
  bool made_;
};

}  // namespace signer::audit
