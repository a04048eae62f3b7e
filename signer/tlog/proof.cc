// SPDX-License-Identifier: Apache-2.0

#include "tlog/proof.h"

#include <bit>

namespace signer::tlog {

namespace {

// Where a proof is on its way up: a node's index and the last index of its level.
struct Ascent {
  std::uint64_t node;
  std::uint64_t last;

  [[nodiscard]] bool at_root() const noexcept { return last == 0; }

  void rise() noexcept {
    node >>= 1U;
    last >>= 1U;
  }

  // Whether the next hash of the proof is the left neighbour.  If so, levels at which the node has no neighbour are
  // passed over: there it is its own parent.
  [[nodiscard]] bool next_is_left() noexcept {
    const bool right_child = (node & 1U) != 0;
    if (!right_child && node != last) return false;
    while ((node & 1U) == 0 && node != 0) rise();
    return true;
  }
};

}  // namespace

bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size, std::span<const Hash> proof,
                      const Hash& root) noexcept {
  if (index >= size) return false;
  Ascent ascent{index, size - 1};
  Hash reached = leaf;
  for (const Hash& next : proof) {
    if (ascent.at_root()) return false;
    reached = ascent.next_is_left() ? node_hash(next, reached) : node_hash(reached, next);
    ascent.rise();
  }
  return ascent.at_root() && reached == root;
}

bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t size, const Hash& root,
                        std::span<const Hash> proof) noexcept {
  if (old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root && (size != 0 || root == empty_root());
  if (old_size == 0) return proof.empty() && old_root == empty_root();
  if (proof.empty()) return false;

  Ascent ascent{old_size - 1, size - 1};
  while ((ascent.node & 1U) != 0) ascent.rise();
  // The old tree's last complete subtree, which its root is itself if there is no other: then the proof leaves it out.
  const bool root_is_first = std::has_single_bit(old_size);
  const Hash first = root_is_first ? old_root : proof.front();
  Hash old_reached = first;
  Hash reached = first;
  for (const Hash& next : root_is_first ? proof : proof.subspan(1)) {
    if (ascent.at_root()) return false;
    if (ascent.next_is_left()) {
      old_reached = node_hash(next, old_reached);
      reached = node_hash(next, reached);
    } else {
      reached = node_hash(reached, next);
    }
    ascent.rise();
  }
  return ascent.at_root() && old_reached == old_root && reached == root;
}

}  // namespace signer::tlog
