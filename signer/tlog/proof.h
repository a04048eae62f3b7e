// SPDX-License-Identifier: Apache-2.0
//
// Checks of proofs by whoever holds a root, without the tree.  Pure and thread-safe; O(log n), without recursion.
#pragma once

#include <cstdint>
#include <span>

#include "tlog/hash.h"

namespace signer::tlog {

// RFC 9162 §2.1.3.2: whether `leaf` (a leaf_hash) is the one with that index in the tree of that size and root.  The
// proof must be as long as the numbers ask for.  `size` and `root` must come from one checkpoint: another size with the
// same way up (8 for 5, of leaf 0) would not be noticed.
[[nodiscard]] bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                                    std::span<const Hash> proof, const Hash& root) noexcept;

// RFC 9162 §2.1.4.2: whether the tree of `size` and `root` begins with the leaves of the one of `old_size` and
// `old_root`.  Equal sizes: the roots must be equal and the proof empty.  old_size 0: old_root must be empty_root() and
// the proof empty.
[[nodiscard]] bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t size,
                                      const Hash& root, std::span<const Hash> proof) noexcept;

}  // namespace signer::tlog
