// SPDX-License-Identifier: Apache-2.0

#include "tlog/tlog_proof.h"

#include <gtest/gtest.h>

#include "tests/support/algorithm_key.h"
#include "tests/unit/tlog/naive.h"
#include "tlog/note.h"

namespace signer::tlog {
namespace {

class TlogProofTest : public testing::Test {
 protected:
  static constexpr std::size_t kEntries = 11;

  [[nodiscard]] TlogProof proof_of(std::uint64_t index, std::uint64_t size = kEntries) const {
    const Checkpoint checkpoint{key_.name(), size, tree_.root(size).value(), {}};
    const std::string text = to_text(checkpoint).value();
    const Note note{text, {signature_of(key_, secret_.signature(text)).value()}};
    return {{}, index, tree_.inclusion_proof(index, size).value(), to_text(note).value()};
  }

  const test::AlgorithmKey secret_{Algorithm::kEs256};
  const NoteKey key_ = NoteKey::make("signer.host/5f0c", secret_.public_key()).value();
  const std::vector<std::string> entries_ = numbered_entries(kEntries);
  const Tree tree_ = tree_of(entries_);
};

TEST_F(TlogProofTest, EveryEntryIsProvenByItsFileAndByNoOther) {
  for (std::size_t index = 0; index < kEntries; ++index) {
    const TlogProof made = proof_of(index);
    const std::string file = to_text(made).value();
    const TlogProof proof = parse_tlog_proof(file).value();
    ASSERT_EQ(proof, made);
    EXPECT_EQ(check(proof, entries_[index], key_).value().size, kEntries);
    for (std::size_t other = 0; other < kEntries; ++other) {
      if (other == index) continue;
      ASSERT_EQ(check(proof, entries_[other], key_).error().code, ErrorCode::kInvalidRequest) << index << " " << other;
    }
  }
}

TEST_F(TlogProofTest, HasTheFormOfTheSpecification) {
  TlogProof proof = proof_of(2, 3);
  ASSERT_EQ(proof.hashes.size(), 1U);
  EXPECT_EQ(to_text(proof).value(),
            "c2sp.org/tlog-proof@v1\nindex 2\n" + to_base64(proof.hashes[0]) + "\n\n" + proof.checkpoint);
  proof.extra = {1, 2, 3};
  EXPECT_EQ(to_text(proof).value(),
            "c2sp.org/tlog-proof@v1\nextra AQID\nindex 2\n" + to_base64(proof.hashes[0]) + "\n\n" + proof.checkpoint);
  EXPECT_EQ(parse_tlog_proof(to_text(proof).value()).value(), proof);

  const TlogProof alone = proof_of(0, 1);
  EXPECT_EQ(to_text(alone).value(), "c2sp.org/tlog-proof@v1\nindex 0\n\n" + alone.checkpoint);
  EXPECT_TRUE(check(parse_tlog_proof(to_text(alone).value()).value(), entries_[0], key_));
}

TEST_F(TlogProofTest, ALogThatDidNotSignProvesNothing) {
  const TlogProof proof = proof_of(4);
  const NoteKey stranger = NoteKey::make(key_.name(), test::AlgorithmKey(Algorithm::kEs256).public_key()).value();
  EXPECT_EQ(check(proof, entries_[4], stranger).error().code, ErrorCode::kNotFound);
  TlogProof forged = proof;
  forged.checkpoint.replace(forged.checkpoint.find("\n11\n"), 4, "\n12\n");
  ASSERT_TRUE(parse_tlog_proof(to_text(forged).value())) << "parsing judges no signature";
  EXPECT_EQ(check(forged, entries_[4], key_).error().code, ErrorCode::kInvalidRequest);
}

TEST_F(TlogProofTest, EachFlippedBitOfTheFileIsNoticed) {
  const std::string file = to_text(proof_of(4)).value();
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bad = file;
      bad[i] = static_cast<char>(static_cast<unsigned char>(bad[i]) ^ (1U << bit));
      const auto proof = parse_tlog_proof(bad);
      ASSERT_FALSE(proof && check(*proof, entries_[4], key_)) << i << " " << bit;
    }
  }
}

TEST_F(TlogProofTest, EachRuleOfTheGrammarIsKept) {
  const TlogProof good = proof_of(2, 3);
  const std::string hash = to_base64(good.hashes[0]) + "\n";
  const std::string header = "c2sp.org/tlog-proof@v1\n";
  const std::string rest = hash + "\n" + good.checkpoint;
  ASSERT_TRUE(parse_tlog_proof(header + "index 2\n" + rest));
  const std::string cases[] = {
      "",
      header,
      "c2sp.org/tlog-proof@v1",
      header + "index 2\n",
      header + "index 2\n" + hash,
      header + "index 2\n\n",
      header + "index 2\n" + hash + good.checkpoint,
      header + "index 2\n" + hash + "\n",
      header + "index 2\n" + hash + "\n\n" + good.checkpoint,
      header + "index 2\n" + hash + "\n" + good.checkpoint + "\n",
      "c2sp.org/tlog-proof@v2\nindex 2\n" + rest,
      "\n" + header + "index 2\n" + rest,
      header + "\nindex 2\n" + rest,
      header + rest,
      header + "index\n" + rest,
      header + "index \n" + rest,
      header + "index 02\n" + rest,
      header + "index -1\n" + rest,
      header + "index 3\n" + rest,
      header + "index 18446744073709551616\n" + rest,
      header + "index  2\n" + rest,
      header + "index 2 \n" + rest,
      header + "index 2\r\n" + rest,
      header + "Index 2\n" + rest,
      header + "extra \nindex 2\n" + rest,
      header + "extra AQI\nindex 2\n" + rest,
      header + "extra AQJ=\nindex 2\n" + rest,
      header + "extra\nindex 2\n" + rest,
      header + "extra AQID\nextra AQID\nindex 2\n" + rest,
      header + "index 2\nextra AQID\n" + rest,
      header + "index 2\nAAAA\n" + rest,
      header + "index 2\n " + rest,
      header + "index 2\n" + hash + "\nnot a note\n",
      header + "index 2\n" + hash + "\nnot a checkpoint\n" + good.checkpoint.substr(good.checkpoint.find("\n\n")),
  };
  for (const std::string& text : cases) {
    const auto proof = parse_tlog_proof(text);
    EXPECT_FALSE(proof) << text;
    if (proof) continue;
    EXPECT_EQ(proof.error().code, ErrorCode::kInvalidRequest);
  }
}

TEST_F(TlogProofTest, ItsPartsHaveTheirLimits) {
  TlogProof proof = proof_of(4);
  proof.hashes.assign(63, Hash{});
  proof.extra.assign(64UL * 1024, 0xff);
  EXPECT_TRUE(to_text(proof));
  EXPECT_EQ(parse_tlog_proof(to_text(proof).value()).value(), proof);
  proof.hashes.emplace_back();
  EXPECT_FALSE(to_text(proof));
  proof.hashes.clear();
  proof.extra.push_back(0);
  EXPECT_FALSE(to_text(proof));
  proof.extra.clear();
  EXPECT_TRUE(to_text(proof));
  proof.index = 11;
  EXPECT_FALSE(to_text(proof));
  proof.index = UINT64_MAX;
  EXPECT_FALSE(to_text(proof));
  proof.index = 4;
  proof.checkpoint += "\n";
  EXPECT_FALSE(to_text(proof));
  EXPECT_FALSE(parse_tlog_proof(std::string(200'000, 'x')));
}

}  // namespace
}  // namespace signer::tlog
