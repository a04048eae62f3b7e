// SPDX-License-Identifier: Apache-2.0
//
// Signed notes (https://c2sp.org/signed-note): a text that people can read, an empty line, and signature lines.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "signer/bytes.h"
#include "signer/result.h"
#include "tlog/note_key.h"

namespace signer::tlog {

inline constexpr std::size_t kNoteBytesMax = 64UL * 1024;
inline constexpr std::size_t kNoteSignaturesMax = 16;  // as many as the specification asks every reader to accept

// A signature line: "— <name> <base64 of key id || signature>".
struct NoteSignature {
  std::string name;
  NoteKeyId key_id{};
  Bytes signature;  // at least one byte

  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

// What is written, not yet who wrote it: use nothing of the text before verify() has named its keys.
struct Note {
  std::string text;  // with its last newline; what signatures cover
  std::vector<NoteSignature> signatures;

  friend bool operator==(const Note&, const Note&) = default;
};

// Strict: exactly one spelling for every note, so that to_text(*parse_note(bytes)) == bytes.  kInvalidRequest, with a
// text that quotes nothing of the input, for: more than kNoteBytesMax, bad UTF-8, a control character other than the
// newline (a carriage return is one), no empty line, no signature or more than kNoteSignaturesMax, a bad name, base64
// that is not canonical.
[[nodiscard]] Result<Note> parse_note(std::string_view bytes);

// The note as it is stored and sent.  kInvalidRequest for a note that parse_note would not give back.
[[nodiscard]] Result<std::string> to_text(const Note& note);

// Which of `keys` signed the note: their places, ascending, at least one.  Signatures of other keys are ignored, also
// if they share the name or the id of a known one.  kInvalidRequest if a line bears the name and the id of a known key
// and is not its signature; kNotFound if no line does.
[[nodiscard]] Result<std::vector<std::size_t>> verify(const Note& note, std::span<const NoteKey> keys);

// The signature line's value of what a token signed: for an ECDSA key r || s (64 bytes, big-endian), for an Ed25519 key
// the 64 bytes of RFC 8032.  kInvalidRequest for any other length.  Whether it is a good signature is not looked at.
[[nodiscard]] Result<NoteSignature> signature_of(const NoteKey& key, ByteView raw);

}  // namespace signer::tlog
