// SPDX-License-Identifier: Apache-2.0
//
// Reads a JSON object of which every member is known: a verifier that does not know what evidence says cannot judge it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jose/json.h"

namespace signer::evidence {

inline constexpr std::size_t kTextBytesMax = 1024;  // of a text that is neither encoded bytes nor a path nor a note
inline constexpr std::size_t kPathBytesMax = 4096;

// The first thing that is wrong in what several readers read, in words that quote little and only printable ASCII.
class Fault {
 public:
  // Kept if it is the first.
  void note(std::string_view place, std::string_view what);

  explicit operator bool() const noexcept { return !text_.empty(); }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

// Each call gives an empty value, and notes a fault, where the member is not what it asks for.
class StrictObject {
 public:
  // `value` and `fault` outlive this.  `place` names the object in faults: "token".
  StrictObject(const jose::Json& value, std::string place, Fault& fault);

  // Null if there is none.
  [[nodiscard]] const jose::Json* find(std::string_view name);
  [[nodiscard]] const jose::Json* require(std::string_view name);

  [[nodiscard]] std::string text(std::string_view name, std::size_t bytes_max = kTextBytesMax);
  [[nodiscard]] std::string text_if_there(std::string_view name, std::size_t bytes_max = kTextBytesMax);

  // A whole number from 0 on.
  [[nodiscard]] std::uint64_t number(std::string_view name);
  [[nodiscard]] bool boolean(std::string_view name);

  // The array, or null; more than `size_max` elements are a fault.
  [[nodiscard]] const jose::Json* array(std::string_view name, std::size_t size_max);

  // Notes a member that nobody has asked for.  To be called last.
  void nothing_else();

  // "token.flags"
  [[nodiscard]] std::string place_of(std::string_view name) const;

 private:
  const jose::Json& value_;
  std::string place_;
  Fault& fault_;
  std::vector<std::string> known_;
};

}  // namespace signer::evidence
