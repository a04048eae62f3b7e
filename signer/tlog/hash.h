// SPDX-License-Identifier: Apache-2.0
//
// The hashes of a Merkle tree (RFC 6962 §2.1, RFC 9162 §2.1.1) and how the text formats write them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace signer::tlog {

// SHA-256: of a leaf, of a node or of a whole tree.
using Hash = std::array<std::uint8_t, 32>;

// The nodes that link a leaf or an older tree to a root, the deepest first.
using Proof = std::vector<Hash>;

// Sizes and indexes stay below this, so that programs with signed numbers (Go's, SQL's) can read them.
inline constexpr std::uint64_t kSizeMax = (std::uint64_t{1} << 63U) - 1;

// SHA-256(0x00 || entry).  The functions of this header are thread-safe and allocate nothing but what they return.
[[nodiscard]] Hash leaf_hash(std::string_view entry) noexcept;

// SHA-256(0x01 || left || right).
[[nodiscard]] Hash node_hash(const Hash& left, const Hash& right) noexcept;

// The root of a tree without leaves: SHA-256 of nothing.
[[nodiscard]] Hash empty_root() noexcept;

// 44 characters of base64 (RFC 4648 §4), and back: nothing for any other text than the one that to_base64 makes.
[[nodiscard]] std::string to_base64(const Hash& hash);
[[nodiscard]] std::optional<Hash> hash_from_base64(std::string_view text);

}  // namespace signer::tlog
