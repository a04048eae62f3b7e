// SPDX-License-Identifier: Apache-2.0

#include "tlog/note.h"

#include <algorithm>
#include <optional>

#include "jose/base64url.h"
#include "jose/ecdsa_der.h"
#include "tlog/text.h"

namespace signer::tlog {

namespace {

constexpr std::string_view kSignatureMark = "\xe2\x80\x94 ";  // em dash, space
constexpr std::size_t kRawSignatureBytes = 64;

Failure<Error> bad_note(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "note: " + std::string(why));
}

std::optional<NoteSignature> parse_signature_line(std::string_view line) {
  if (!line.starts_with(kSignatureMark)) return std::nullopt;
  line.remove_prefix(kSignatureMark.size());
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos || !is_key_name(line.substr(0, blank))) return std::nullopt;
  const auto bytes = jose::base64_decode(line.substr(blank + 1));
  NoteSignature signature{std::string(line.substr(0, blank)), {}, {}};
  if (!bytes || bytes->size() <= signature.key_id.size()) return std::nullopt;
  const auto id_end = bytes->begin() + static_cast<std::ptrdiff_t>(signature.key_id.size());
  std::copy(bytes->begin(), id_end, signature.key_id.begin());
  signature.signature.assign(id_end, bytes->end());
  return signature;
}

std::string signature_line(const NoteSignature& signature) {
  Bytes bytes(signature.key_id.begin(), signature.key_id.end());
  bytes.insert(bytes.end(), signature.signature.begin(), signature.signature.end());
  return std::string(kSignatureMark) + signature.name + " " + jose::base64_encode(bytes) + "\n";
}

}  // namespace

Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > kNoteBytesMax) return bad_note("larger than " + std::to_string(kNoteBytesMax) + " bytes");
  if (!is_note_text(bytes)) return bad_note("not UTF-8, or with a control character");
  const std::size_t text_end = bytes.rfind("\n\n");
  if (text_end == std::string_view::npos) return bad_note("no empty line between text and signatures");
  Note note{std::string(bytes.substr(0, text_end + 1)), {}};
  std::string_view rest = bytes.substr(text_end + 2);
  if (rest.empty()) return bad_note("no signature");
  while (!rest.empty()) {
    if (note.signatures.size() == kNoteSignaturesMax) return bad_note("too many signatures");
    const auto line = take_line(rest);
    if (!line) return bad_note("the last line does not end");
    auto signature = parse_signature_line(*line);
    if (!signature) return bad_note("a line behind the text is no signature line");
    note.signatures.push_back(*std::move(signature));
  }
  return note;
}

Result<std::string> to_text(const Note& note) {
  std::string bytes = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) bytes += signature_line(signature);
  SIGNER_ASSIGN_OR_RETURN(const Note read, parse_note(bytes));
  if (read != note) return bad_note("the text does not end with a newline, or a name is none");
  return bytes;
}

Result<std::vector<std::size_t>> verify(const Note& note, std::span<const NoteKey> keys) {
  std::vector<std::size_t> signers;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    bool signed_by_it = false;
    for (const NoteSignature& signature : note.signatures) {
      if (signature.name != keys[i].name() || signature.key_id != keys[i].id()) continue;
      if (!keys[i].verify(note.text, signature.signature)) return bad_note("a signature of a known key is wrong");
      signed_by_it = true;
    }
    if (signed_by_it) signers.push_back(i);
  }
  if (signers.empty()) return fail(ErrorCode::kNotFound, "note: not signed by a known key");
  return signers;
}

Result<NoteSignature> signature_of(const NoteKey& key, ByteView raw) {
  if (raw.size() != kRawSignatureBytes) return bad_note("a signature is not of 64 bytes");
  NoteSignature signature{key.name(), key.id(), Bytes(raw.begin(), raw.end())};
  if (key.type() == NoteKeyType::kEcdsa) {
    const jose::EcdsaDer der(raw);
    signature.signature.assign(der.view().begin(), der.view().end());
  }
  return signature;
}

}  // namespace signer::tlog
