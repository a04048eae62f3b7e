// SPDX-License-Identifier: Apache-2.0

#include "tlog/note.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/algorithm_key.h"
#include "tests/unit/tlog/published_notes.h"

namespace signer::tlog {
namespace {

const std::string kText = "log.example\n7\nroot\n";
const std::string kDash = "\xe2\x80\x94 ";
const std::string kLine = kDash + "a.example AAECAwQ=\n";  // key id 00010203, one byte of signature

struct Signer {
  explicit Signer(const std::string& name, Algorithm algorithm = Algorithm::kEs256)
      : secret(algorithm), key(NoteKey::make(name, secret.public_key()).value()) {}

  [[nodiscard]] NoteSignature sign(const std::string& text) const {
    return signature_of(key, secret.signature(text)).value();
  }

  test::AlgorithmKey secret;
  NoteKey key;
};

using Places = std::vector<std::size_t>;

TEST(NoteTest, PublishedNotesAreReadWrittenAndVerified) {
  const std::vector<NoteKey> keys = {NoteKey::parse(kRekorKey).value(), NoteKey::parse(kNeumannKey).value(),
                                     NoteKey::parse(kPixelKey).value()};
  std::size_t verified = 0;
  for (const auto& [bytes, place] :
       {std::pair(kRekorNote, 0U), std::pair(kNeumannNote, 1U), std::pair(kPixelNote, 2U)}) {
    const auto note = parse_note(bytes);
    ASSERT_TRUE(note) << note.error().text;
    EXPECT_EQ(to_text(*note).value(), bytes);
    EXPECT_EQ(verify(*note, keys).value(), Places{place});
    EXPECT_EQ(note->signatures.front().key_id, keys[place].id());
    ++verified;
    Note other = *note;
    other.text[0] ^= 1;
    EXPECT_EQ(verify(other, keys).error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(verify(*note, std::array{keys[(place + 1) % 3]}).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(verify(*note, {}).error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(verified, 3U);
}

// The text of the specification's example has an empty line itself; the last one ends it.
TEST(NoteTest, TheLastEmptyLineEndsTheText) {
  const std::string text = "one\n\ntwo\n\n\nthree\n";
  const auto note = parse_note(text + "\n" + kLine);
  ASSERT_TRUE(note) << note.error().text;
  EXPECT_EQ(note->text, text);
  EXPECT_EQ(to_text(*note).value(), text + "\n" + kLine);
  EXPECT_EQ(parse_note(kLine + "\n" + kLine).value().text, kLine) << "a text may look like a signature";
}

TEST(NoteTest, ANoteOfTwoKeysComesBackAndBothHaveSigned) {
  const Signer log("log.example");
  const Signer witness("witness.example", Algorithm::kEd25519);
  const Note note{kText, {log.sign(kText), witness.sign(kText)}};
  const std::string bytes = to_text(note).value();
  EXPECT_TRUE(bytes.starts_with(kText + "\n" + kDash + "log.example "));
  const Note read = parse_note(bytes).value();
  EXPECT_EQ(read, note);
  EXPECT_EQ(verify(read, std::array{log.key, witness.key}).value(), (Places{0, 1}));
  EXPECT_EQ(verify(read, std::array{witness.key, log.key}).value(), (Places{0, 1}));
  EXPECT_EQ(verify(read, std::array{Signer("third.example").key, witness.key}).value(), Places{1});
}

// A stranger may append lines; he must not be able to make a good note bad, unless he claims to be the known key.
TEST(NoteTest, SignaturesOfStrangersAreIgnoredAndBadOnesOfKnownKeysAreNot) {
  const Signer log("log.example");
  const Signer namesake("log.example");
  const NoteSignature good = log.sign(kText);
  NoteSignature other_name = good;
  other_name.name = "log.example.org";
  NoteSignature other_id = good;
  other_id.key_id[3] ^= 1U;
  const Note lucky{kText, {namesake.sign(kText), other_name, other_id, good}};
  EXPECT_EQ(verify(lucky, std::array{log.key}).value(), Places{0});
  const Note without{kText, {namesake.sign(kText), other_name, other_id}};
  EXPECT_EQ(verify(without, std::array{log.key}).error().code, ErrorCode::kNotFound);

  NoteSignature bad = log.sign(kText + "8\n");
  for (const Note& note : {Note{kText, {bad}}, Note{kText, {good, bad}}, Note{kText, {bad, good}}}) {
    EXPECT_EQ(verify(note, std::array{log.key}).error().code, ErrorCode::kInvalidRequest);
  }
  EXPECT_EQ(verify(Note{kText, {good, log.sign(kText)}}, std::array{log.key}).value(), Places{0}) << "signed twice";
}

TEST(NoteTest, AChangedByteIsNoticedOrTheSignatureIsNotThisKeysAnyMore) {
  const std::vector<NoteKey> keys = {NoteKey::parse(kRekorKey).value()};
  std::size_t tried = 0;
  for (std::size_t i = 0; i < kRekorNote.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit, ++tried) {
      std::string bytes = kRekorNote;
      bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ (1U << bit));
      const auto note = parse_note(bytes);
      ASSERT_FALSE(note && verify(*note, keys)) << i << " " << bit;
    }
  }
  EXPECT_EQ(tried, 8 * kRekorNote.size());
}

struct Broken {
  const char* rule;
  std::string bytes;
};

TEST(NoteTest, EachRuleOfTheGrammarIsKept) {
  ASSERT_TRUE(parse_note(kText + "\n" + kLine));
  const std::string id_alone = "AAECAw==";
  const Broken cases[] = {
      {"nothing", ""},
      {"newlines alone", "\n\n"},
      {"no signatures", kText},
      {"no signature behind the empty line", kText + "\n"},
      {"no empty line", kText + kLine},
      {"a text that does not end", "text" + kLine},
      {"an empty line behind the signatures", kText + "\n" + kLine + "\n"},
      {"a last line that does not end", kText + "\n" + kLine.substr(0, kLine.size() - 1)},
      {"a line of text behind the signatures", kText + "\n" + kLine + "text\n"},
      {"a hyphen for the dash", kText + "\n- a.example AAECAwQ=\n"},
      {"no blank behind the dash", kText + "\n\xe2\x80\x94" + "a.example AAECAwQ=\n"},
      {"two blanks behind the dash", kText + "\n" + kDash + " a.example AAECAwQ=\n"},
      {"two blanks behind the name", kText + "\n" + kDash + "a.example  AAECAwQ=\n"},
      {"a blank behind the signature", kText + "\n" + kDash + "a.example AAECAwQ= \n"},
      {"a blank before the dash", kText + "\n " + kLine},
      {"a name and nothing else", kText + "\n" + kDash + "a.example\n"},
      {"an empty signature", kText + "\n" + kDash + "a.example \n"},
      {"no name", kText + "\n" + kDash + " AAECAwQ=\n"},
      {"a plus in the name", kText + "\n" + kDash + "a+b AAECAwQ=\n"},
      {"a no-break space in the name", kText + "\n" + kDash + "a\xc2\xa0z AAECAwQ=\n"},
      {"a key id alone", kText + "\n" + kDash + "a.example " + id_alone + "\n"},
      {"three bytes", kText + "\n" + kDash + "a.example AAEC\n"},
      {"no padding", kText + "\n" + kDash + "a.example AAECAwQ\n"},
      {"spare bits", kText + "\n" + kDash + "a.example AAECAwR=\n"},
      {"base64url", kText + "\n" + kDash + "a.example AAECA-_=\n"},
      {"a carriage return in the text", "log.example\r\n7\nroot\n\n" + kLine},
      {"a carriage return behind a signature", kText + "\n" + kDash + "a.example AAECAwQ=\r\n"},
      {"a tabulator in the text", "log\texample\n\n" + kLine},
      {"a zero byte in the text", std::string("log\0example\n\n", 13) + kLine},
      {"an escape in the text", "log\x1b[2Jexample\n\n" + kLine},
      {"Latin-1 in the text", "h\xf6st\n\n" + kLine},
      {"a surrogate in the text", "\xed\xa0\x80\n\n" + kLine},
      {"a byte order mark of UTF-16", "\xff\xfe\n\n" + kLine},
      {"a character that ends too soon", "\xe2\x80\n\n" + kLine},
  };
  for (const Broken& broken : cases) {
    const auto note = parse_note(broken.bytes);
    EXPECT_FALSE(note) << broken.rule;
    if (note) continue;
    EXPECT_EQ(note.error().code, ErrorCode::kInvalidRequest) << broken.rule;
    EXPECT_EQ(note.error().text.find("example"), std::string::npos) << "quotes the input: " << note.error().text;
  }
}

TEST(NoteTest, SixteenSignaturesAnd64KibibytesAreTheMost) {
  std::string lines;
  for (std::size_t i = 0; i < kNoteSignaturesMax; ++i) lines += kLine;
  const auto note = parse_note(kText + "\n" + lines);
  ASSERT_TRUE(note);
  EXPECT_EQ(note->signatures.size(), 16U);
  EXPECT_FALSE(parse_note(kText + "\n" + lines + kLine));

  const std::string end = "\n\n" + kLine;
  const std::string largest = std::string(kNoteBytesMax - end.size(), 'x') + end;
  EXPECT_TRUE(parse_note(largest));
  EXPECT_FALSE(parse_note("x" + largest));
}

TEST(NoteTest, WhatCouldNotBeReadIsNotWritten) {
  const Note good = parse_note(kText + "\n" + kLine).value();
  ASSERT_TRUE(to_text(good));
  for (const char* text : {"", "no newline", "\r\n", "\x80\n", "tab\t\n"}) {
    Note bad = good;
    bad.text = text;
    EXPECT_FALSE(to_text(bad)) << text;
  }
  for (const char* name : {"", "a b", "a+b", "a\n", "a\nb", "a AAECAwQ=\n\xe2\x80\x94 b"}) {
    Note bad = good;
    bad.signatures[0].name = name;
    EXPECT_FALSE(to_text(bad)) << name;
  }
  Note bad = good;
  bad.signatures.clear();
  EXPECT_FALSE(to_text(bad));
  bad.signatures.assign(kNoteSignaturesMax + 1, good.signatures[0]);
  EXPECT_FALSE(to_text(bad));
  bad = good;
  bad.signatures[0].signature.clear();
  EXPECT_FALSE(to_text(bad));
  bad = good;
  bad.text = std::string(kNoteBytesMax, 'x') + "\n";
  EXPECT_FALSE(to_text(bad));
}

TEST(NoteTest, ASignatureOfATokenIsOf64Bytes) {
  const Signer log("log.example");
  const Signer witness("witness.example", Algorithm::kEd25519);
  for (const std::size_t size : {0U, 1U, 63U, 65U, 70U, 96U}) {
    EXPECT_FALSE(signature_of(log.key, Bytes(size, 1))) << size;
    EXPECT_FALSE(signature_of(witness.key, Bytes(size, 1))) << size;
  }
  // Of r and s of one byte each: 30 06 02 01 01 02 01 02.
  Bytes raw(64);
  raw[31] = 1;
  raw[63] = 2;
  EXPECT_EQ(signature_of(log.key, raw).value().signature, (Bytes{0x30, 6, 2, 1, 1, 2, 1, 2}));
  EXPECT_EQ(signature_of(witness.key, raw).value().signature, raw);
}

// Signatures whose r or s is short or has its high bit set come about once in some tries: all must pass.
TEST(NoteTest, EverySignatureOfAKeyPasses) {
  const Signer log("log.example");
  for (int i = 0; i < 600; ++i) {
    const std::string text = std::to_string(i) + "\n";
    const Note note{text, {log.sign(text)}};
    ASSERT_EQ(verify(parse_note(to_text(note).value()).value(), std::array{log.key}).value(), Places{0}) << i;
  }
}

}  // namespace
}  // namespace signer::tlog
