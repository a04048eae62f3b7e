// SPDX-License-Identifier: Apache-2.0
//
// The PKCS#11 types, as p11-kit ships them, and the casts that a C interface without const asks for.
#pragma once

#include <p11-kit/pkcs11.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "signer/bytes.h"

namespace signer::hsm {

// PKCS#11 takes pointers to non-const for what it only reads (C_Login's PIN, C_Sign's data, template values).
[[nodiscard]] inline CK_BYTE_PTR read_only(ByteView bytes) noexcept {
  return const_cast<CK_BYTE_PTR>(bytes.data());
}

[[nodiscard]] inline CK_BYTE_PTR read_only(std::string_view text) noexcept {
  return read_only(bytes_of(text));
}

// A fixed-size PKCS#11 field without the blanks (or, from modules that misread the standard, zeros) that fill it.
template <std::size_t N>
[[nodiscard]] std::string field_text(const unsigned char (&field)[N]) {
  std::string text(text_of(ByteView(field, N)));
  text.resize(std::string_view(text).substr(0, text.find('\0')).size());
  const std::size_t last = text.find_last_not_of(' ');
  text.resize(last == std::string::npos ? 0 : last + 1);
  return text;
}

[[nodiscard]] inline std::string version_text(const CK_VERSION& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

}  // namespace signer::hsm
