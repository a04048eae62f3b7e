// SPDX-License-Identifier: Apache-2.0
//
// A proof that was changed in any way, or is used for anything else than what it proves, is worth nothing.

#include "tlog/proof.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"
#include "tests/unit/tlog/naive.h"

namespace signer::tlog {
namespace {

constexpr std::size_t kEntries = 40;

// Every proof that differs in one thing: a bit of each hash, one hash less or more at each place, two neighbours
// swapped.
std::vector<Proof> damaged(const Proof& proof, std::mt19937& random) {
  std::vector<Proof> all;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    all.push_back(proof);
    flip_a_bit(all.back()[i], random);
    all.push_back(proof);
    all.back().erase(all.back().begin() + static_cast<std::ptrdiff_t>(i));
    if (i == 0) continue;
    all.push_back(proof);
    std::swap(all.back()[i - 1], all.back()[i]);
  }
  for (std::size_t i = 0; i <= proof.size(); ++i) {
    for (const Hash& more : {random_hash(random), empty_root(), proof.empty() ? Hash{} : proof.front()}) {
      all.push_back(proof);
      all.back().insert(all.back().begin() + static_cast<std::ptrdiff_t>(i), more);
    }
  }
  return all;
}

class ProofTest : public testing::Test {
 protected:
  const unsigned seed_ = test::seed();
  const testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
  std::mt19937 random_{seed_};
  const std::vector<std::string> entries_ = numbered_entries(kEntries);
  const Tree tree_ = tree_of(entries_);

  [[nodiscard]] Hash root(std::size_t size) const { return tree_.root(size).value(); }
};

TEST_F(ProofTest, ADamagedInclusionProofIsRefused) {
  for (std::size_t size = 1; size <= kEntries; ++size) {
    for (std::size_t index = 0; index < size; ++index) {
      const Proof proof = tree_.inclusion_proof(index, size).value();
      const Hash leaf = tree_.leaf(index).value();
      for (const Proof& bad : damaged(proof, random_)) {
        ASSERT_FALSE(verify_inclusion(leaf, index, size, bad, root(size))) << index << " " << size;
      }
      Hash other = leaf;
      flip_a_bit(other, random_);
      ASSERT_FALSE(verify_inclusion(other, index, size, proof, root(size))) << index << " " << size;
      other = root(size);
      flip_a_bit(other, random_);
      ASSERT_FALSE(verify_inclusion(leaf, index, size, proof, other)) << index << " " << size;
    }
  }
}

TEST_F(ProofTest, AnInclusionProofIsForOneIndexAndOneWayUp) {
  for (std::size_t size = 1; size <= kEntries; ++size) {
    for (std::size_t index = 0; index < size; ++index) {
      const Proof proof = tree_.inclusion_proof(index, size).value();
      const Hash leaf = tree_.leaf(index).value();
      for (std::size_t other = 0; other <= size; ++other) {
        ASSERT_EQ(verify_inclusion(leaf, other, size, proof, root(size)), other == index) << index << " " << size;
      }
      // Of another size it is one if the ways are the same, which is why a checkpoint signs size and root together.
      for (std::size_t other = index + 1; other <= kEntries; ++other) {
        ASSERT_EQ(verify_inclusion(leaf, index, other, proof, root(size)),
                  path_sides(index, other) == path_sides(index, size))
            << index << " " << size << " " << other;
        ASSERT_EQ(verify_inclusion(leaf, index, other, proof, root(other)), other == size);
      }
    }
  }
}

TEST_F(ProofTest, NothingIsInATreeThatIsTooSmallForIt) {
  const Hash leaf = tree_.leaf(0).value();
  EXPECT_TRUE(verify_inclusion(leaf, 0, 1, {}, leaf));
  EXPECT_FALSE(verify_inclusion(leaf, 0, 0, {}, leaf));
  EXPECT_FALSE(verify_inclusion(leaf, 0, 0, {}, empty_root()));
  EXPECT_FALSE(verify_inclusion(leaf, 1, 1, {}, leaf));
  EXPECT_FALSE(verify_inclusion(leaf, UINT64_MAX, UINT64_MAX, {}, leaf));
  EXPECT_FALSE(verify_inclusion(leaf, 0, UINT64_MAX, {}, leaf));
  EXPECT_FALSE(verify_inclusion(leaf, UINT64_MAX - 1, UINT64_MAX, Proof(64), leaf));
}

TEST_F(ProofTest, ADamagedConsistencyProofIsRefused) {
  for (std::size_t size = 1; size <= kEntries; ++size) {
    for (std::size_t old_size = 1; old_size <= size; ++old_size) {
      const Proof proof = tree_.consistency_proof(old_size, size).value();
      for (const Proof& bad : damaged(proof, random_)) {
        ASSERT_FALSE(verify_consistency(old_size, root(old_size), size, root(size), bad)) << old_size << " " << size;
      }
      Hash other = root(old_size);
      flip_a_bit(other, random_);
      ASSERT_FALSE(verify_consistency(old_size, other, size, root(size), proof)) << old_size << " " << size;
      other = root(size);
      flip_a_bit(other, random_);
      ASSERT_FALSE(verify_consistency(old_size, root(old_size), size, other, proof)) << old_size << " " << size;
    }
  }
}

TEST_F(ProofTest, AConsistencyProofIsForOnePairOfSizes) {
  for (std::size_t size = 2; size <= kEntries; ++size) {
    for (std::size_t old_size = 1; old_size < size; ++old_size) {
      const Proof proof = tree_.consistency_proof(old_size, size).value();
      const std::string sides = subproof_sides(old_size, size);
      for (std::size_t other = 1; other <= kEntries; ++other) {
        const bool same_old = other < size && subproof_sides(other, size) == sides;
        ASSERT_EQ(verify_consistency(other, root(old_size), size, root(size), proof), same_old)
            << old_size << " " << size;
        const bool same_new = old_size < other && subproof_sides(old_size, other) == sides;
        ASSERT_EQ(verify_consistency(old_size, root(old_size), other, root(size), proof), same_new)
            << old_size << " " << size << " " << other;
      }
      ASSERT_FALSE(verify_consistency(size, root(size), old_size, root(old_size), proof)) << "backwards";
      ASSERT_FALSE(verify_consistency(0, root(old_size), size, root(size), proof));
    }
  }
}

TEST_F(ProofTest, EqualSizesNeedEqualRootsAndEveryTreeBeginsWithTheEmptyOne) {
  EXPECT_TRUE(verify_consistency(7, root(7), 7, root(7), {}));
  EXPECT_FALSE(verify_consistency(7, root(7), 7, root(8), {}));
  EXPECT_FALSE(verify_consistency(7, root(7), 7, root(7), Proof{root(7)}));
  EXPECT_TRUE(verify_consistency(0, empty_root(), 0, empty_root(), {}));
  EXPECT_FALSE(verify_consistency(0, root(1), 0, root(1), {}));
  EXPECT_TRUE(verify_consistency(0, empty_root(), 7, root(7), {}));
  EXPECT_FALSE(verify_consistency(0, root(1), 7, root(7), {}));
  EXPECT_FALSE(verify_consistency(0, empty_root(), 7, root(7), Proof{root(7)}));
  EXPECT_FALSE(verify_consistency(7, root(7), 0, empty_root(), {}));
  EXPECT_FALSE(verify_consistency(4, root(4), 8, root(8), {})) << "an empty proof between two sizes";
  EXPECT_FALSE(verify_consistency(6, root(6), 8, root(8), {}));
  EXPECT_FALSE(verify_consistency(UINT64_MAX - 1, root(4), UINT64_MAX, root(8), Proof(65)));
}

// Going on behind the root would reach roots of trees that are larger than the size that was asked for.
TEST_F(ProofTest, AProofEndsAtTheRootOfItsSize) {
  const Hash left = tree_.leaf(0).value();
  const Hash right = tree_.leaf(1).value();
  ASSERT_TRUE(verify_inclusion(right, 1, 2, Proof{left}, root(2)));
  EXPECT_FALSE(verify_inclusion(right, 0, 1, Proof{left}, root(2)));

  Proof proof = tree_.consistency_proof(3, 4).value();
  proof.push_back(left);
  EXPECT_FALSE(verify_consistency(3, node_hash(left, root(3)), 4, node_hash(left, root(4)), proof));
}

// The log rewrites its past: one record of those that an earlier checkpoint covers is another now.  Whoever holds that
// checkpoint sees it, whatever proof the log shows.
TEST_F(ProofTest, AForkIsSeenByWhoeverHoldsAnOlderRoot) {
  constexpr std::size_t kSeen = 13;
  const Hash seen = root(kSeen);
  for (std::size_t changed = 0; changed < kEntries; ++changed) {
    auto entries = entries_;
    entries[changed] += " ";
    const Tree fork = tree_of(entries);
    for (std::size_t size = kSeen; size <= kEntries; ++size) {
      const Hash now = fork.root(size).value();
      const bool extends = changed >= kSeen;  // what was appended later, nobody has seen yet
      ASSERT_EQ(verify_consistency(kSeen, seen, size, now, fork.consistency_proof(kSeen, size).value()), extends);
      const Proof honest = tree_.consistency_proof(kSeen, size).value();
      ASSERT_EQ(verify_consistency(kSeen, seen, size, now, honest), changed >= size) << changed << " " << size;
    }
  }
}

}  // namespace
}  // namespace signer::tlog
