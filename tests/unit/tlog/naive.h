// SPDX-License-Identifier: Apache-2.0
//
// RFC 6962 §2.1 as it is written there: recursive, over all the leaves, slow.  What the room's code is compared with.
#pragma once

#include <bit>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/hex.h"
#include "jose/hash.h"
#include "tlog/hash.h"
#include "tlog/tree.h"

namespace signer::tlog {

using Entries = std::span<const std::string>;

// "k is the largest power of two smaller than n", n >= 2.
inline std::size_t split(std::size_t n) {
  return std::bit_floor(n - 1);
}

inline Hash sha256_of(const std::string& bytes) {
  return jose::sha256(bytes_of(bytes));
}

inline Hash naive_root(Entries entries) {
  if (entries.empty()) return sha256_of("");
  if (entries.size() == 1) return sha256_of(std::string(1, '\0') + entries[0]);
  const std::size_t k = split(entries.size());
  const Hash left = naive_root(entries.first(k));
  const Hash right = naive_root(entries.subspan(k));
  return sha256_of("\1" + std::string(text_of(left)) + std::string(text_of(right)));
}

// PATH(m, D[n]).
inline Proof naive_path(std::size_t index, Entries entries) {
  if (entries.size() == 1) return {};
  const std::size_t k = split(entries.size());
  Proof proof = index < k ? naive_path(index, entries.first(k)) : naive_path(index - k, entries.subspan(k));
  proof.push_back(naive_root(index < k ? entries.subspan(k) : entries.first(k)));
  return proof;
}

// SUBPROOF(m, D[n], b).
inline Proof naive_subproof(std::size_t m, Entries entries, bool whole) {
  if (m == entries.size()) return whole ? Proof{} : Proof{naive_root(entries)};
  const std::size_t k = split(entries.size());
  Proof proof = m <= k ? naive_subproof(m, entries.first(k), whole) : naive_subproof(m - k, entries.subspan(k), false);
  proof.push_back(naive_root(m <= k ? entries.subspan(k) : entries.first(k)));
  return proof;
}

// On which sides the hashes of PATH stand.  Two pairs of index and size with the same sides are the same way up.
inline std::string path_sides(std::size_t index, std::size_t size) {
  if (size == 1) return "";
  const std::size_t k = split(size);
  return index < k ? path_sides(index, k) + "r" : path_sides(index - k, size - k) + "l";
}

// The same of SUBPROOF; a dot stands for a first hash that is no neighbour.
inline std::string subproof_sides(std::size_t m, std::size_t size, bool whole = true) {
  if (m == size) return whole ? "" : ".";
  const std::size_t k = split(size);
  return m <= k ? subproof_sides(m, k, whole) + "r" : subproof_sides(m - k, size - k, false) + "l";
}

inline std::vector<std::string> numbered_entries(std::size_t count) {
  std::vector<std::string> entries;
  for (std::size_t i = 0; i < count; ++i) entries.push_back("{\"index\":" + std::to_string(i) + "}");
  return entries;
}

inline Frontier frontier_of(Entries entries) {
  Frontier frontier;
  for (const std::string& entry : entries) frontier.append(leaf_hash(entry));
  return frontier;
}

// All the entries, of which the first `base` are known by their frontier alone.
inline Tree tree_of(Entries entries, std::size_t base = 0) {
  Tree tree(frontier_of(entries.first(base)));
  for (const std::string& entry : entries.subspan(base)) tree.append(leaf_hash(entry));
  return tree;
}

inline Hash random_hash(std::mt19937& random) {
  Hash hash{};
  for (auto& byte : hash) byte = static_cast<std::uint8_t>(random());
  return hash;
}

inline void flip_a_bit(Hash& hash, std::mt19937& random) {
  hash[random() % hash.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
}

}  // namespace signer::tlog
