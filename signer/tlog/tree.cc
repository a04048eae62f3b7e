// SPDX-License-Identifier: Apache-2.0

#include "tlog/tree.h"

#include <algorithm>
#include <bit>

// Node i of level k covers the leaves from i * 2^k on, 2^k of them.  Kept are the complete nodes that end behind the
// base; at level k the first of them is i = base >> k.  Which others can be asked for?
//
// Every node that is needed has a parent that ends behind the base.  It is on the way from a leaf behind the base to a
// root, or beside that way, where it has the same parent; or on or beside the way from the last complete subtree of a
// size, whose parent ends behind that size, which is no smaller than the base.  So if the node itself does not end
// behind the base, it is complete and its parent is not: such are the complete subtrees that the base's size falls
// into, which the base's frontier holds, one for each bit of the size.  Each is a left child with the index (base >> k)
// - 1.

namespace signer::tlog {

namespace {

Failure<Error> out_of_range(std::string_view what) {
  return fail(ErrorCode::kInvalidRequest, "tree: " + std::string(what) + " out of range");
}

}  // namespace

void Tree::append(const Hash& leaf) {
  Hash complete = leaf;
  std::uint64_t index = size_;
  for (unsigned level = 0;; ++level, index >>= 1U) {
    if (levels_.size() == level) levels_.emplace_back();
    levels_[level].push_back(complete);
    if ((index & 1U) == 0) break;
    complete = node_hash(node(level, index - 1), complete);
  }
  ++size_;
}

const Hash& Tree::node(unsigned level, std::uint64_t index) const noexcept {
  const std::uint64_t first = base_.size() >> level;
  if (index >= first) return levels_[level][index - first];
  const auto larger = static_cast<std::size_t>(std::popcount(first >> 1U));
  return base_.hashes()[larger];
}

// Of the leaves from `begin` to `end`, where `begin` is a multiple of a power of two that is no smaller than their
// number.
Hash Tree::range_root(std::uint64_t begin, std::uint64_t end) const noexcept {
  std::uint64_t rest = end - begin;
  if (rest == 0) return empty_root();
  const auto last_node = [this, begin, &rest] {
    const auto level = static_cast<unsigned>(std::countr_zero(rest));
    const Hash& last = node(level, ((begin + rest) >> level) - 1);
    rest &= rest - 1;
    return last;
  };
  Hash root = last_node();
  while (rest != 0) root = node_hash(last_node(), root);
  return root;
}

Result<void> Tree::check_size(std::uint64_t size) const {
  if (size < base_.size() || size > size_) return out_of_range("size");
  return {};
}

Result<Hash> Tree::root(std::uint64_t size) const {
  SIGNER_RETURN_IF_ERROR(check_size(size));
  return range_root(0, size);
}

Result<Hash> Tree::leaf(std::uint64_t index) const {
  if (index < base_.size() || index >= size_) return out_of_range("index");
  return node(0, index);
}

// From the node with that index at that level up to the root of the tree of that size.
void Tree::append_path(Proof& proof, unsigned level, std::uint64_t index, std::uint64_t size) const {
  for (; (size - 1) >> level != 0; ++level, index >>= 1U) {
    const std::uint64_t sibling = index ^ 1U;
    if (sibling > (size - 1) >> level) continue;  // the last of its level and without a neighbour: its parent is itself
    proof.push_back(range_root(sibling << level, std::min((sibling + 1) << level, size)));
  }
}

Result<Proof> Tree::inclusion_proof(std::uint64_t index, std::uint64_t size) const {
  SIGNER_RETURN_IF_ERROR(check_size(size));
  if (index < base_.size() || index >= size) return out_of_range("index");
  Proof proof;
  append_path(proof, 0, index, size);
  return proof;
}

Result<Proof> Tree::consistency_proof(std::uint64_t old_size, std::uint64_t size) const {
  SIGNER_RETURN_IF_ERROR(check_size(size));
  if (old_size < base_.size() || old_size > size) return out_of_range("old size");
  Proof proof;
  if (old_size == 0 || old_size == size) return proof;
  // RFC 9162 §2.1.4.1 begins with the last complete subtree of the old tree, which the old root is itself if there is
  // no other.
  const auto level = static_cast<unsigned>(std::countr_zero(old_size));
  const std::uint64_t index = (old_size >> level) - 1;
  if (index != 0) proof.push_back(node(level, index));
  append_path(proof, level, index, size);
  return proof;
}

Result<Frontier> Tree::frontier(std::uint64_t size) const {
  SIGNER_RETURN_IF_ERROR(check_size(size));
  std::vector<Hash> hashes;
  for (std::uint64_t rest = size; rest != 0; rest &= rest - 1) {
    const auto level = static_cast<unsigned>(std::countr_zero(rest));
    hashes.push_back(node(level, (rest >> level) - 1));
  }
  std::ranges::reverse(hashes);
  return Frontier::from(size, hashes);
}

}  // namespace signer::tlog
