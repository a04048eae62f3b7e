// SPDX-License-Identifier: Apache-2.0

#include "tlog/tree.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"
#include "tests/unit/tlog/naive.h"
#include "tlog/proof.h"

namespace signer::tlog {
namespace {

constexpr std::size_t kGrown = 70;

class TreeTest : public testing::Test {
 protected:
  [[nodiscard]] Entries first(std::size_t size) const { return Entries(entries_).first(size); }

  const std::vector<std::string> entries_ = numbered_entries(kGrown);
};

TEST_F(TreeTest, EveryProofIsTheOneThatTheRfcDefines) {
  const Tree tree = tree_of(entries_);
  for (std::size_t size = 0; size <= kGrown; ++size) {
    ASSERT_EQ(tree.root(size).value(), naive_root(first(size))) << size;
    for (std::size_t index = 0; index < size; ++index) {
      ASSERT_EQ(tree.inclusion_proof(index, size).value(), naive_path(index, first(size))) << index << " " << size;
    }
    for (std::size_t old_size = 1; old_size <= size; ++old_size) {
      ASSERT_EQ(tree.consistency_proof(old_size, size).value(), naive_subproof(old_size, first(size), true))
          << old_size << " " << size;
    }
    ASSERT_EQ(tree.consistency_proof(0, size).value(), Proof{});
  }
}

// What an archive leaves behind must be enough to go on checking: every base, every proof behind it.
TEST_F(TreeTest, ATreeFromAnyBaseGivesTheSameProofsAndTheyVerify) {
  const Tree whole = tree_of(entries_);
  std::size_t proofs = 0;
  for (std::size_t base = 0; base <= kGrown; ++base) {
    const Tree tree = tree_of(entries_, base);
    ASSERT_EQ(tree.base_size(), base);
    ASSERT_EQ(tree.size(), kGrown);
    for (std::size_t size = base; size <= kGrown; ++size) {
      const Hash root = tree.root(size).value();
      ASSERT_EQ(root, whole.root(size).value()) << base << " " << size;
      for (std::size_t index = base; index < size; ++index, ++proofs) {
        const Proof proof = tree.inclusion_proof(index, size).value();
        ASSERT_EQ(proof, whole.inclusion_proof(index, size).value()) << base << " " << index << " " << size;
        ASSERT_TRUE(verify_inclusion(leaf_hash(entries_[index]), index, size, proof, root)) << index << " " << size;
      }
      for (std::size_t old_size = base; old_size <= size; ++old_size, ++proofs) {
        const Proof proof = tree.consistency_proof(old_size, size).value();
        ASSERT_EQ(proof, whole.consistency_proof(old_size, size).value()) << base << " " << old_size << " " << size;
        ASSERT_TRUE(verify_consistency(old_size, tree.root(old_size).value(), size, root, proof))
            << old_size << " " << size;
      }
    }
  }
  RecordProperty("proofs", std::to_string(proofs));
  EXPECT_GT(proofs, 100'000U);
}

TEST_F(TreeTest, AFrontierTakenFromATreeIsTheOneOfItsFirstLeaves) {
  for (std::size_t base : {std::size_t{0}, std::size_t{1}, std::size_t{37}, kGrown}) {
    const Tree tree = tree_of(entries_, base);
    for (std::size_t size = base; size <= kGrown; ++size) {
      const Frontier frontier = tree.frontier(size).value();
      ASSERT_EQ(frontier, frontier_of(first(size))) << base << " " << size;
      ASSERT_EQ(frontier.root(), tree.root(size).value());
    }
  }
}

TEST_F(TreeTest, RefusesWhatLiesBeforeTheBaseAndBehindTheEnd) {
  const Tree tree = tree_of(first(21), 10);
  EXPECT_TRUE(tree.root(10));
  EXPECT_TRUE(tree.root(21));
  EXPECT_FALSE(tree.root(9));
  EXPECT_FALSE(tree.root(22));
  EXPECT_FALSE(tree.root(UINT64_MAX));
  EXPECT_TRUE(tree.leaf(10));
  EXPECT_TRUE(tree.leaf(20));
  EXPECT_FALSE(tree.leaf(9));
  EXPECT_FALSE(tree.leaf(21));
  EXPECT_TRUE(tree.inclusion_proof(10, 11));
  EXPECT_TRUE(tree.inclusion_proof(20, 21));
  EXPECT_FALSE(tree.inclusion_proof(9, 21));
  EXPECT_FALSE(tree.inclusion_proof(10, 10));
  EXPECT_FALSE(tree.inclusion_proof(20, 20));
  EXPECT_FALSE(tree.inclusion_proof(10, 22));
  EXPECT_TRUE(tree.consistency_proof(10, 21));
  EXPECT_TRUE(tree.consistency_proof(21, 21));
  EXPECT_FALSE(tree.consistency_proof(9, 21));
  EXPECT_FALSE(tree.consistency_proof(0, 21));
  EXPECT_FALSE(tree.consistency_proof(12, 11));
  EXPECT_FALSE(tree.consistency_proof(10, 22));
  EXPECT_FALSE(tree.frontier(9));
  EXPECT_FALSE(tree.frontier(22));
  EXPECT_EQ(tree.root(9).error().code, ErrorCode::kInvalidRequest);

  const Tree empty;
  EXPECT_EQ(empty.root(0).value(), empty_root());
  EXPECT_FALSE(empty.root(1));
  EXPECT_FALSE(empty.inclusion_proof(0, 0));
  EXPECT_FALSE(empty.leaf(0));
}

// At the end of the numbers no shift may overflow: the leaves before the base are made up, as an archive's are unknown.
TEST_F(TreeTest, WorksUpToTheLargestSize) {
  const unsigned seed = test::seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const std::uint64_t base : {kSizeMax - 5, (kSizeMax >> 1U) - 2, (kSizeMax >> 1U) + 1}) {
    std::vector<Hash> hashes(static_cast<std::size_t>(std::popcount(base)));
    for (Hash& hash : hashes) hash = random_hash(random);
    Frontier frontier = Frontier::from(base, hashes).value();
    Tree tree(frontier);
    const std::uint64_t end = base + 5;
    for (std::size_t i = 0; i < 5; ++i) {
      tree.append(leaf_hash(entries_[i]));
      frontier.append(leaf_hash(entries_[i]));
    }
    EXPECT_EQ(frontier, tree.frontier(end).value());
    const Hash root = tree.root(end).value();
    EXPECT_EQ(root, frontier.root());
    for (std::size_t i = 0; i < 5; ++i) {
      const Proof proof = tree.inclusion_proof(base + i, end).value();
      EXPECT_TRUE(verify_inclusion(leaf_hash(entries_[i]), base + i, end, proof, root));
      EXPECT_FALSE(verify_inclusion(leaf_hash(entries_[i]), base + i - 1, end, proof, root));
      const Proof growth = tree.consistency_proof(base + i, end).value();
      EXPECT_TRUE(verify_consistency(base + i, tree.root(base + i).value(), end, root, growth));
    }
  }
}

TEST(FrontierTest, ComesBackFromItsHashesAndGoesOnAlike) {
  const auto entries = numbered_entries(kGrown);
  Frontier frontier;
  for (std::size_t size = 0; size < kGrown; ++size) {
    ASSERT_EQ(frontier.size(), size);
    ASSERT_EQ(frontier.hashes().size(), static_cast<std::size_t>(std::popcount(size)));
    Frontier again = Frontier::from(size, frontier.hashes()).value();
    ASSERT_EQ(again, frontier);
    ASSERT_EQ(again.root(), naive_root(Entries(entries).first(size)));
    frontier.append(leaf_hash(entries[size]));
    ASSERT_NE(again, frontier);
    again.append(leaf_hash(entries[size]));
    ASSERT_EQ(again, frontier);
  }
}

TEST(FrontierTest, HoldsOneHashForEachCompleteSubtreeTheLargestFirst) {
  const auto entries = numbered_entries(7);
  const Entries all(entries);
  const Frontier frontier = frontier_of(all);
  ASSERT_EQ(frontier.hashes().size(), 3U);
  EXPECT_EQ(frontier.hashes()[0], naive_root(all.first(4)));
  EXPECT_EQ(frontier.hashes()[1], naive_root(all.subspan(4, 2)));
  EXPECT_EQ(frontier.hashes()[2], naive_root(all.subspan(6, 1)));
}

TEST(FrontierTest, RefusesAnotherNumberOfHashesThanItsSizeHasBits) {
  const std::vector<Hash> hashes(64);
  for (const std::uint64_t size :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{6}, std::uint64_t{255}, kSizeMax}) {
    for (std::size_t count = 0; count <= hashes.size(); ++count) {
      EXPECT_EQ(Frontier::from(size, std::span(hashes).first(count)).has_value(),
                count == static_cast<std::size_t>(std::popcount(size)))
          << size << " " << count;
    }
  }
  EXPECT_FALSE(Frontier::from(kSizeMax + 1, std::span(hashes).first(1)));
  EXPECT_FALSE(Frontier::from(UINT64_MAX, hashes));
}

}  // namespace
}  // namespace signer::tlog
