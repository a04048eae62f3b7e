// SPDX-License-Identifier: Apache-2.0
//
// A PIN or auth value: wiped when it goes, never printed.
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <string_view>
#include <utility>

namespace signer {

// Move-only; the bytes are cleansed on destruction and on move.  There is no way to print one.
class Secret {
 public:
  Secret() = default;

  // Takes the bytes over and cleanses the string they came in.
  explicit Secret(std::string&& bytes) : bytes_(bytes) { wipe(bytes); }

  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }

  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }

  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  ~Secret() { wipe(bytes_); }

  // The bytes themselves: for the one call that needs them.
  [[nodiscard]] std::string_view reveal() const noexcept { return bytes_; }

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

 private:
  static void wipe(std::string& bytes) noexcept {
    ::OPENSSL_cleanse(bytes.data(), bytes.size());
    bytes.clear();
  }

  std::string bytes_;
};

}  // namespace signer
