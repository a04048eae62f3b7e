// SPDX-License-Identifier: Apache-2.0
//
// A TPM key as a file: the PEM text "TSS2 PRIVATE KEY", which tpm2-tools, tpm2-openssl and others read and write too.
// Grammar and an example in bytes: docs/tpm-keys.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::tpm {

// The file as a value.  The private area is encrypted by the parent, so nothing in it is secret from who can read the
// file; it is of use to the TPM that made it alone.
struct PrivateKeyFile {
  // What the file says of the key's auth value; not reliable: tpm2_encodeobject 5.4 writes the opposite, and a file
  // that says nothing reads as false here and as true in tpm2-openssl 1.1.
  bool empty_auth = false;
  std::uint32_t parent = 0;      // 0x81...... a persistent parent, or 0x40...... a hierarchy
  Bytes public_area;             // TPM2B_PUBLIC as on the wire, its size included (TPM 2.0 Part 2 §12.2.5)
  Bytes private_area;            // TPM2B_PRIVATE as on the wire, its size included (TPM 2.0 Part 2 §12.3.7)
  std::string description = {};  // UTF-8 without control characters; empty: not written (tpm2-openssl 1.1 reads none)

  [[nodiscard]] bool operator==(const PrivateKeyFile&) const = default;
};

inline constexpr std::size_t kKeyFileBytesMax = 8192;  // of the text; RSA-4096 needs some 1,500
inline constexpr std::size_t kKeyAreaBytesMax = 2048;  // of each area, its size included
inline constexpr std::size_t kKeyDescriptionBytesMax = 255;

// PEM in lines of 64 characters.  kInvalidRequest, naming the member, for a value that decode_private_key() would
// refuse; kInternal if OpenSSL is out of memory.
[[nodiscard]] Result<std::string> encode_private_key(const PrivateKeyFile& key);

// The value that `text` stands for, or kInvalidRequest with the first thing wrong.  Strict: one PEM block and nothing
// but white space after it, DER with every length and number in its shortest form (but TRUE may
// be 0x01, as tpm2-tools writes it), no member left over.  Keys that
// need a policy, importable keys, sealed data and members that are not known here are refused by name.  What is in the
// two areas is the TPM's to judge; only their sizes are checked.  Texts beyond kKeyFileBytesMax are refused unread.
[[nodiscard]] Result<PrivateKeyFile> decode_private_key(std::string_view text);

}  // namespace signer::tpm
