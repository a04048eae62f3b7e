// SPDX-License-Identifier: Apache-2.0

#include "tlog/frontier.h"

#include <algorithm>
#include <bit>

namespace signer::tlog {

Result<Frontier> Frontier::from(std::uint64_t size, std::span<const Hash> hashes) {
  if (size > kSizeMax) return fail(ErrorCode::kInvalidRequest, "frontier: of a larger tree than there can be");
  if (hashes.size() != static_cast<std::size_t>(std::popcount(size))) {
    return fail(ErrorCode::kInvalidRequest, "frontier: not one hash for each complete subtree of its size");
  }
  Frontier frontier;
  frontier.size_ = size;
  frontier.count_ = hashes.size();
  std::ranges::copy(hashes, frontier.hashes_.begin());
  return frontier;
}

void Frontier::append(const Hash& leaf) noexcept {
  Hash node = leaf;
  // Each low bit that is set is a complete subtree as large as the one that has just become complete beside it.
  for (std::uint64_t bits = size_; (bits & 1U) != 0; bits >>= 1U) node = node_hash(hashes_[--count_], node);
  hashes_[count_++] = node;
  ++size_;
}

Hash Frontier::root() const noexcept {
  if (count_ == 0) return empty_root();
  Hash root = hashes_[count_ - 1];
  for (std::size_t i = count_ - 1; i > 0; --i) root = node_hash(hashes_[i - 1], root);
  return root;
}

bool operator==(const Frontier& a, const Frontier& b) noexcept {
  return a.size_ == b.size_ && std::ranges::equal(a.hashes(), b.hashes());
}

}  // namespace signer::tlog
