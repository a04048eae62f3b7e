// SPDX-License-Identifier: Apache-2.0
//
// A Merkle tree in memory, for whoever proves or checks: keeps every complete node from a base on.
#pragma once

#include <cstdint>
#include <vector>

#include "signer/result.h"
#include "tlog/frontier.h"
#include "tlog/hash.h"

namespace signer::tlog {

// The leaves before the base are not there: their place is taken by the base's frontier, so a log whose first segments
// are archived is checked and proven from the first that is at hand.  64 bytes a leaf, and twice that while its tables
// grow.  Copyable.  Const calls may be made from many threads at once.
class Tree {
 public:
  explicit Tree(const Frontier& base = {}) : base_(base), size_(base.size()) {}

  // The leaf with index size().  Amortised two hashes.  Precondition: size() < kSizeMax.
  void append(const Hash& leaf);

  [[nodiscard]] std::uint64_t base_size() const noexcept { return base_.size(); }

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  // The calls below take O(log n) and fail with kInvalidRequest if a number is out of the range that they name.

  // Of the tree as it was at that size: base_size() <= size <= this->size().
  [[nodiscard]] Result<Hash> root(std::uint64_t size) const;

  // What append was given: base_size() <= index < size().
  [[nodiscard]] Result<Hash> leaf(std::uint64_t index) const;

  // RFC 9162 §2.1.3.1: base_size() <= index < size <= this->size().
  [[nodiscard]] Result<Proof> inclusion_proof(std::uint64_t index, std::uint64_t size) const;

  // RFC 9162 §2.1.4.1: base_size() <= old_size <= size <= this->size().  Empty if the sizes are equal or old_size is 0.
  [[nodiscard]] Result<Proof> consistency_proof(std::uint64_t old_size, std::uint64_t size) const;

  // To go on from that size: base_size() <= size <= this->size().
  [[nodiscard]] Result<Frontier> frontier(std::uint64_t size) const;

 private:
  [[nodiscard]] const Hash& node(unsigned level, std::uint64_t index) const noexcept;
  [[nodiscard]] Hash range_root(std::uint64_t begin, std::uint64_t end) const noexcept;
  [[nodiscard]] Result<void> check_size(std::uint64_t size) const;
  void append_path(Proof& proof, unsigned level, std::uint64_t index, std::uint64_t size) const;

  Frontier base_;
  std::uint64_t size_;
  std::vector<std::vector<Hash>> levels_;  // [k]: the complete nodes over 2^k leaves that end behind the base
};

}  // namespace signer::tlog
