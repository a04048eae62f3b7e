// SPDX-License-Identifier: Apache-2.0

#include "tlog/checkpoint.h"

#include <gtest/gtest.h>

#include "tests/support/algorithm_key.h"
#include "tests/unit/tlog/naive.h"
#include "tests/unit/tlog/published_notes.h"
#include "tlog/note.h"
#include "tlog/proof.h"

namespace signer::tlog {
namespace {

const std::string kRoot = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
const std::string kSpecText = "example.com/behind-the-sofa\n20852163\n" + kRoot + "\n";

class CheckpointTest : public testing::Test {
 protected:
  [[nodiscard]] std::string note_of(const std::string& text) const {
    return to_text(Note{text, {signature_of(key_, secret_.signature(text)).value()}}).value();
  }

  const test::AlgorithmKey secret_{Algorithm::kEs256};
  const NoteKey key_ = NoteKey::make("signer.host/5f0c", secret_.public_key()).value();
};

TEST_F(CheckpointTest, TheExampleOfTheSpecificationComesBack) {
  const Checkpoint checkpoint = parse_checkpoint(kSpecText).value();
  EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint.size, 20852163U);
  EXPECT_EQ(to_base64(checkpoint.root), kRoot);
  EXPECT_TRUE(checkpoint.extensions.empty());
  EXPECT_EQ(to_text(checkpoint).value(), kSpecText);
}

TEST_F(CheckpointTest, ExtensionLinesAreKept) {
  const std::string text = kSpecText + "Timestamp: 1689107716054191855\n\xe2\x80\x94 not a signature\n";
  const Checkpoint checkpoint = parse_checkpoint(text).value();
  EXPECT_EQ(checkpoint.extensions,
            (std::vector<std::string>{"Timestamp: 1689107716054191855", "\xe2\x80\x94 not a signature"}));
  EXPECT_EQ(to_text(checkpoint).value(), text);
  EXPECT_NE(checkpoint, parse_checkpoint(kSpecText).value());
}

TEST_F(CheckpointTest, SizesAreDecimalWithOneSpelling) {
  const auto with_size = [](const std::string& size) { return "o\n" + size + "\n" + kRoot + "\n"; };
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{10}, kSizeMax}) {
    EXPECT_EQ(parse_checkpoint(with_size(std::to_string(size))).value().size, size);
  }
  for (const char* size : {"", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "a", "9223372036854775808",
                           "18446744073709551616", "99999999999999999999999", "\xd9\xa1"}) {
    EXPECT_FALSE(parse_checkpoint(with_size(size))) << size;
  }
  Checkpoint checkpoint = parse_checkpoint(kSpecText).value();
  checkpoint.size = kSizeMax + 1;
  EXPECT_FALSE(to_text(checkpoint));
}

TEST_F(CheckpointTest, EachRuleOfTheGrammarIsKept) {
  const std::string cases[] = {
      "",
      "\n",
      "o",
      "o\n",
      "o\n1\n",
      "o\n1\n" + kRoot,
      "\n1\n" + kRoot + "\n",
      "o\n\n" + kRoot + "\n",
      "o\n1\n\n",
      "o\n1\n" + kRoot + "\n\n",
      "o\n1\n" + kRoot + "\n\nextension\n",
      "o\n1\n" + kRoot + "\nextension",
      "o\n1\n" + kRoot + "\nextension\n\n",
      "o\n1\n" + kRoot + " \n",
      "o\n1\n" + kRoot.substr(0, 43) + "\n",
      "o\n1\nAAAA\n",
      "o\n1\n0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62\n",
      "o\r\n1\n" + kRoot + "\n",
      "o\t\n1\n" + kRoot + "\n",
      "\xff\n1\n" + kRoot + "\n",
      std::string(kNoteBytesMax, 'o') + "\n1\n" + kRoot + "\n",
  };
  for (const std::string& text : cases) {
    const auto checkpoint = parse_checkpoint(text);
    EXPECT_FALSE(checkpoint) << text;
    if (checkpoint) continue;
    EXPECT_EQ(checkpoint.error().code, ErrorCode::kInvalidRequest);
  }
}

TEST_F(CheckpointTest, WhatCouldNotBeReadIsNotWritten) {
  const Checkpoint good = parse_checkpoint(kSpecText).value();
  for (const char* line : {"", "two\nlines", "\n", "a\r", "\x80", "a\n7"}) {
    Checkpoint bad = good;
    bad.origin = line;
    EXPECT_FALSE(to_text(bad)) << line;
    bad = good;
    bad.extensions = {line};
    EXPECT_FALSE(to_text(bad)) << line;
    bad.extensions = {"fine", line, "fine"};
    EXPECT_FALSE(to_text(bad)) << line;
  }
}

TEST_F(CheckpointTest, OpensWhatTheLogSignedAndNothingElse) {
  const Checkpoint checkpoint{key_.name(), 7, leaf_hash("root"), {}};
  const std::string text = to_text(checkpoint).value();
  const std::string note = note_of(text);
  EXPECT_EQ(open_checkpoint(note, key_).value(), checkpoint);

  Checkpoint of_another = checkpoint;
  of_another.origin = "signer.host/ffff";
  EXPECT_EQ(open_checkpoint(note_of(to_text(of_another).value()), key_).error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(open_checkpoint(note_of("a text\n"), key_).error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(open_checkpoint(text, key_).error().code, ErrorCode::kInvalidRequest);

  const test::AlgorithmKey stranger(Algorithm::kEs256);
  const NoteKey namesake = NoteKey::make(key_.name(), stranger.public_key()).value();
  EXPECT_EQ(open_checkpoint(note, namesake).error().code, ErrorCode::kNotFound);
  std::string larger = note;
  larger.replace(larger.find("\n7\n"), 3, "\n8\n");
  EXPECT_EQ(open_checkpoint(larger, key_).error().code, ErrorCode::kInvalidRequest);
}

// Two checkpoints that one key signed and that no proof can join: whoever holds both holds the evidence.
TEST_F(CheckpointTest, TwoSignedCheckpointsOfAForkAreEvidence) {
  auto entries = numbered_entries(12);
  const Tree shown_to_one = tree_of(entries);
  entries[3] += " ";
  const Tree shown_to_other = tree_of(entries);
  const auto signed_at = [this](const Tree& tree, std::uint64_t size) {
    const Checkpoint checkpoint{key_.name(), size, tree.root(size).value(), {}};
    return open_checkpoint(note_of(to_text(checkpoint).value()), key_).value();
  };
  const Checkpoint earlier = signed_at(shown_to_one, 8);
  const Checkpoint later = signed_at(shown_to_other, 12);
  EXPECT_NE(earlier.root, signed_at(shown_to_other, 8).root) << "one size, two roots";
  for (const Tree* tree : {&shown_to_one, &shown_to_other}) {
    EXPECT_FALSE(verify_consistency(earlier.size, earlier.root, later.size, later.root,
                                    tree->consistency_proof(earlier.size, later.size).value()));
  }
  const Checkpoint honest = signed_at(shown_to_one, 12);
  EXPECT_TRUE(verify_consistency(earlier.size, earlier.root, honest.size, honest.root,
                                 shown_to_one.consistency_proof(earlier.size, honest.size).value()));
}

}  // namespace
}  // namespace signer::tlog
