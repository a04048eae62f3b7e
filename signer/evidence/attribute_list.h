// SPDX-License-Identifier: Apache-2.0
//
// Attributes of a PKCS#11 object as evidence has them: bytes as the token gave them, or why there are none
// (docs/evidence-format.md §3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/strict_object.h"
#include "jose/json.h"
#include "signer/bytes.h"

namespace signer::evidence {

// How the machine that wrote the evidence lays out a CK_ULONG.
class UlongForm {
 public:
  // From the bytes of the number 1; nothing unless they are that of 4 or 8 bytes, in either order.
  [[nodiscard]] static std::optional<UlongForm> of_one(ByteView one);

  // Nothing for another number of bytes.
  [[nodiscard]] std::optional<std::uint64_t> read(ByteView value) const;

  // Of an array of CK_ULONG.
  [[nodiscard]] std::optional<std::vector<std::uint64_t>> read_several(ByteView values) const;

  // CK_UNAVAILABLE_INFORMATION, as read() gives it.
  [[nodiscard]] std::uint64_t unavailable() const noexcept;

 private:
  std::size_t size_ = 8;
  bool little_endian_ = true;
};

struct Attribute {
  std::uint64_t type = 0;
  std::optional<Bytes> value;
  std::string rv;  // why there is no value; empty if there is one

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

class AttributeList {
 public:
  enum class Types { kOfKeys, kAny };

  // Notes a fault for what is no attribute list: more than 64 attributes, one twice, with kOfKeys one that is not in
  // cryptoki::kAttributes or has another name than there.  Private numbers are not in that table.
  [[nodiscard]] static AttributeList read(const jose::Json& list, std::string_view place, Types types, Fault& fault);

  // Null if it is not in the list.
  [[nodiscard]] const Attribute* find(std::uint64_t type) const noexcept;

  // Null if there is none or it has no value.
  [[nodiscard]] const Bytes* value(std::uint64_t type) const noexcept;

  // Whether there is a value and it is CK_TRUE or CK_FALSE.
  [[nodiscard]] std::optional<bool> flag(std::uint64_t type) const noexcept;

  [[nodiscard]] bool empty() const noexcept { return attributes_.empty(); }

  friend bool operator==(const AttributeList&, const AttributeList&) = default;

 private:
  std::vector<Attribute> attributes_;  // by type
};

}  // namespace signer::evidence
