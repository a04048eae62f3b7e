// SPDX-License-Identifier: Apache-2.0

#include "tlog/tlog_proof.h"

#include <optional>
#include <utility>

#include "jose/base64url.h"
#include "tlog/note.h"
#include "tlog/proof.h"
#include "tlog/text.h"

namespace signer::tlog {

namespace {

constexpr std::string_view kExtraWord = "extra ";
constexpr std::string_view kIndexWord = "index ";
constexpr std::size_t kExtraBytesMax = 64UL * 1024;
constexpr std::size_t kHashesMax = 63;  // bits of kSizeMax
constexpr std::size_t kProofBytesMax = kNoteBytesMax + kExtraBytesMax / 3 * 4 + 4096;

Failure<Error> bad_proof(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "tlog proof: " + std::string(why));
}

// The checkpoint that a proof ends with.
Result<Checkpoint> unverified_checkpoint(std::string_view note) {
  SIGNER_ASSIGN_OR_RETURN(const Note read, parse_note(note));
  return parse_checkpoint(read.text);
}

}  // namespace

Result<std::string> to_text(const TlogProof& proof) {
  std::string text = std::string(kTlogProofHeader) + "\n";
  if (!proof.extra.empty()) text += std::string(kExtraWord) + jose::base64_encode(proof.extra) + "\n";
  text += std::string(kIndexWord) + std::to_string(proof.index) + "\n";
  for (const Hash& hash : proof.hashes) text += to_base64(hash) + "\n";
  text += "\n" + proof.checkpoint;
  SIGNER_RETURN_IF_ERROR(parse_tlog_proof(text));
  return text;
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kProofBytesMax) return bad_proof("larger than " + std::to_string(kProofBytesMax) + " bytes");
  if (take_line(text) != kTlogProofHeader) return bad_proof("line 1 is not " + std::string(kTlogProofHeader));
  TlogProof proof;
  auto line = take_line(text);
  if (line && line->starts_with(kExtraWord)) {
    auto extra = jose::base64_decode(line->substr(kExtraWord.size()));
    if (!extra || extra->empty() || extra->size() > kExtraBytesMax) return bad_proof("the extra data is not base64");
    proof.extra = *std::move(extra);
    line = take_line(text);
  }
  if (!line || !line->starts_with(kIndexWord)) return bad_proof("no index");
  const auto index = parse_decimal(line->substr(kIndexWord.size()));
  if (!index) return bad_proof("the index is no decimal number");
  proof.index = *index;
  for (line = take_line(text); line && !line->empty(); line = take_line(text)) {
    const auto hash = hash_from_base64(*line);
    if (!hash || proof.hashes.size() == kHashesMax) return bad_proof("not a hash, or one too many");
    proof.hashes.push_back(*hash);
  }
  if (!line) return bad_proof("no empty line before the checkpoint");
  SIGNER_ASSIGN_OR_RETURN(const Checkpoint checkpoint, unverified_checkpoint(text));
  if (proof.index >= checkpoint.size) return bad_proof("the index is not below the checkpoint's size");
  proof.checkpoint = text;
  return proof;
}

Result<Checkpoint> check(const TlogProof& proof, std::string_view entry, const NoteKey& log_key) {
  SIGNER_ASSIGN_OR_RETURN(Checkpoint checkpoint, open_checkpoint(proof.checkpoint, log_key));
  if (!verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)) {
    return bad_proof("the hashes do not lead from this entry to the checkpoint's root");
  }
  return checkpoint;
}

}  // namespace signer::tlog
