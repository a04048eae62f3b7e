// SPDX-License-Identifier: Apache-2.0

#include "tlog/checkpoint.h"

#include <algorithm>
#include <span>

#include "tlog/note.h"
#include "tlog/text.h"

namespace signer::tlog {

namespace {

Failure<Error> bad_checkpoint(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "checkpoint: " + std::string(why));
}

}  // namespace

Result<std::string> to_text(const Checkpoint& checkpoint) {
  std::string text =
      checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" + to_base64(checkpoint.root) + "\n";
  for (const std::string& extension : checkpoint.extensions) text += extension + "\n";
  SIGNER_ASSIGN_OR_RETURN(const Checkpoint read, parse_checkpoint(text));
  if (read != checkpoint) return bad_checkpoint("origin or an extension is not one line");
  return text;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  if (text.size() > kNoteBytesMax) return bad_checkpoint("larger than a note can be");
  if (!is_note_text(text)) return bad_checkpoint("not UTF-8, or with a control character");
  const auto origin = take_line(text);
  if (!origin || origin->empty()) return bad_checkpoint("no origin in line 1");
  const auto size_line = take_line(text);
  const auto size = size_line ? parse_decimal(*size_line) : std::nullopt;
  if (!size) return bad_checkpoint("no size in line 2");
  const auto root_line = take_line(text);
  const auto root = root_line ? hash_from_base64(*root_line) : std::nullopt;
  if (!root) return bad_checkpoint("no root in line 3");
  Checkpoint checkpoint{std::string(*origin), *size, *root, {}};
  while (!text.empty()) {
    const auto extension = take_line(text);
    if (!extension || extension->empty()) return bad_checkpoint("an empty line, or one that does not end");
    checkpoint.extensions.emplace_back(*extension);
  }
  return checkpoint;
}

Result<Checkpoint> open_checkpoint(std::string_view note, const NoteKey& log_key) {
  SIGNER_ASSIGN_OR_RETURN(const Note read, parse_note(note));
  SIGNER_RETURN_IF_ERROR(verify(read, std::span(&log_key, 1)));
  SIGNER_ASSIGN_OR_RETURN(Checkpoint checkpoint, parse_checkpoint(read.text));
  if (checkpoint.origin != log_key.name()) return bad_checkpoint("the origin is not the name of the log's key");
  return checkpoint;
}

}  // namespace signer::tlog
