// SPDX-License-Identifier: Apache-2.0
// Target functions: tlog::parse_note, tlog::verify, tlog::parse_checkpoint, tlog::parse_tlog_proof, tlog::check,
// tlog::NoteKey::parse, and the to_text of each.
//
// The input is tried as each of the formats.  What is read has one spelling; no note but the published one is signed by
// the published key.
#include <array>

#include "fuzz/fuzz.h"
#include "tlog/note.h"
#include "tlog/proof.h"
#include "tlog/tlog_proof.h"

namespace signer::fuzz {
namespace {

using namespace signer::tlog;

// Of Sigstore's log, and the text that it signed in the seed note_ecdsa.
constexpr std::string_view kKnownKey =
    "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l"
    "+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=";
constexpr std::string_view kKnownText = "Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n";

void check_refusal(const Error& error, std::string_view begin, std::string_view alternative) {
  require(error.code == ErrorCode::kInvalidRequest, "a bad text is its writer's fault");
  require(error.text.starts_with(begin) || error.text.starts_with(alternative), "a refusal says what was refused");
}

void check_note(std::string_view input) {
  static const NoteKey known = NoteKey::parse(kKnownKey).value();
  const auto note = parse_note(input);
  if (!note) return check_refusal(note.error(), "note: ", "note: ");
  const auto text = to_text(*note);
  require(text && *text == input, "a note has one spelling");
  require(!note->signatures.empty() && note->signatures.size() <= kNoteSignaturesMax, "a note is signed");
  for (const NoteSignature& signature : note->signatures) require(is_key_name(signature.name), "signers have names");
  require(!verify(*note, std::array{known}) || note->text == kKnownText, "nobody forges a signature");
  const auto opened = open_checkpoint(input, known);
  require(!opened, "the origin of the published checkpoint is not its key's name");
}

void check_checkpoint(std::string_view input) {
  const auto checkpoint = parse_checkpoint(input);
  if (!checkpoint) return check_refusal(checkpoint.error(), "checkpoint: ", "checkpoint: ");
  const auto text = to_text(*checkpoint);
  require(text && *text == input, "a checkpoint has one spelling");
  require(!checkpoint->origin.empty() && checkpoint->size <= kSizeMax, "a checkpoint is of a log and of a size");
}

void check_proof(std::string_view input) {
  static const NoteKey known = NoteKey::parse(kKnownKey).value();
  const auto proof = parse_tlog_proof(input);
  if (!proof) {
    const std::string_view of_checkpoint = proof.error().text.starts_with("note: ") ? "note: " : "checkpoint: ";
    return check_refusal(proof.error(), "tlog proof: ", of_checkpoint);
  }
  const auto text = to_text(*proof);
  require(text && *text == input, "a proof has one spelling");
  require(!check(*proof, input, known), "a proof is no entry of what it proves");
  const auto checkpoint = parse_checkpoint(parse_note(proof->checkpoint).value().text);
  require(checkpoint && proof->index < checkpoint->size, "a proof has a checkpoint behind its index");
  static_cast<void>(verify_inclusion(leaf_hash(""), proof->index, checkpoint->size, proof->hashes, checkpoint->root));
  static_cast<void>(verify_consistency(proof->index, leaf_hash(""), checkpoint->size, checkpoint->root, proof->hashes));
}

void check_vkey(std::string_view input) {
  const auto key = NoteKey::parse(input);
  if (!key) return check_refusal(key.error(), "note key: ", "note key: ");
  require(key->to_vkey() == input, "a key has one spelling");
  require(is_key_name(key->name()), "a key has a name");
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = signer::text_of({data, size});
  signer::fuzz::check_note(input);
  signer::fuzz::check_checkpoint(input);
  signer::fuzz::check_proof(input);
  signer::fuzz::check_vkey(input);
  return 0;
}
