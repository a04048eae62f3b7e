// SPDX-License-Identifier: Apache-2.0
//
// Who signs a note, and how people hand that on: verifier keys ("vkeys") of C2SP signed-note.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::tlog {

// Whether a text can name a key: not empty, UTF-8 without control characters, Unicode spaces and '+'.
[[nodiscard]] bool is_key_name(std::string_view name) noexcept;

// The signature types of the specification that are known here, by their bytes.
enum class NoteKeyType : std::uint8_t {
  kEd25519 = 0x01,  // what witnesses and most public logs use: 32 bytes; RFC 8032 over the text
  kEcdsa = 0x02,    // P-256 alone: SubjectPublicKeyInfo in DER; an ASN.1 DER Ecdsa-Sig-Value over SHA-256 of the text
};

// The first four bytes of a hash, which tell two keys of one name apart.  It is no fingerprint: whoever wants to can
// make a key with the id of another.
using NoteKeyId = std::array<std::uint8_t, 4>;

// A public key.  A value.  One for ECDSA is a point on the curve; of one for Ed25519 only the length is looked at.
class NoteKey {
 public:
  // "<name>+<8 hex digits>+<base64 of type || key>", one spelling for every key.  kInvalidRequest, with a text that
  // quotes nothing: malformed, a type or curve that is not known here, an id that is not the key's.
  [[nodiscard]] static Result<NoteKey> parse(std::string_view vkey);

  // Of a key in a token: kEs256 or kEd25519, else kInvalidRequest; also if `name` is none or the point not on the
  // curve.
  [[nodiscard]] static Result<NoteKey> make(std::string_view name, const jose::PublicKey& key);

  [[nodiscard]] std::string to_vkey() const;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  [[nodiscard]] const NoteKeyId& id() const noexcept { return id_; }

  [[nodiscard]] NoteKeyType type() const noexcept { return type_; }

  // SubjectPublicKeyInfo (DER) of an ECDSA key, the 32 bytes of an Ed25519 key.
  [[nodiscard]] ByteView key_bytes() const noexcept { return key_; }

  // Whether `signature`, in the type's form, is this key's over the text.
  [[nodiscard]] bool verify(std::string_view text, ByteView signature) const noexcept;

  friend bool operator==(const NoteKey&, const NoteKey&) = default;

 private:
  NoteKey(std::string name, NoteKeyType type, Bytes key);

  [[nodiscard]] static Result<NoteKey> of_bytes(std::string_view name, NoteKeyType type, Bytes key);

  std::string name_;
  NoteKeyType type_;
  NoteKeyId id_;
  Bytes key_;
};

}  // namespace signer::tlog
