// SPDX-License-Identifier: Apache-2.0

#include "tlog/hash.h"

#include <algorithm>

#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::tlog {

namespace {

// RFC 6962 §2.1: what keeps a leaf from being taken for a node and the other way round.
constexpr std::array<std::uint8_t, 1> kLeafPrefix = {0x00};
constexpr std::uint8_t kNodePrefix = 0x01;

}  // namespace

Hash leaf_hash(std::string_view entry) noexcept {
  return jose::sha256(kLeafPrefix, bytes_of(entry));
}

Hash node_hash(const Hash& left, const Hash& right) noexcept {
  std::array<std::uint8_t, 1 + 2 * sizeof(Hash)> bytes{kNodePrefix};
  std::ranges::copy(right, std::ranges::copy(left, bytes.begin() + 1).out);
  return jose::sha256(bytes);
}

Hash empty_root() noexcept {
  return jose::sha256({});
}

std::string to_base64(const Hash& hash) {
  return jose::base64_encode(hash);
}

std::optional<Hash> hash_from_base64(std::string_view text) {
  Hash hash{};
  const auto bytes = jose::base64_decode(text);
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

}  // namespace signer::tlog
