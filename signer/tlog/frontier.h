// SPDX-License-Identifier: Apache-2.0
//
// The right edge of a Merkle tree: as much of it as is needed to append leaves and to tell the root.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "signer/result.h"
#include "tlog/hash.h"

namespace signer::tlog {

// A value of some 2 KiB; what it holds grows with the logarithm of the size.  Append and root take O(log n), append
// two hashes on average.
class Frontier {
 public:
  // Of the tree without leaves.
  Frontier() = default;

  // As hashes() and size() gave it.  kInvalidRequest unless there are popcount(size) hashes and size <= kSizeMax.
  // Whether the hashes are those of a tree can only be told by its root.
  [[nodiscard]] static Result<Frontier> from(std::uint64_t size, std::span<const Hash> hashes);

  // The leaf with index size().  Precondition: size() < kSizeMax.
  void append(const Hash& leaf) noexcept;

  [[nodiscard]] Hash root() const noexcept;

  // Leaves so far.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  // The roots of the complete subtrees that the leaves fall into, one for each bit of size() that is set, the largest
  // and leftmost first.  Valid until the next append.
  [[nodiscard]] std::span<const Hash> hashes() const noexcept { return std::span(hashes_).first(count_); }

  friend bool operator==(const Frontier& a, const Frontier& b) noexcept;

 private:
  std::uint64_t size_ = 0;
  std::size_t count_ = 0;
  std::array<Hash, 64> hashes_{};  // those behind count_ are left-overs
};

}  // namespace signer::tlog
