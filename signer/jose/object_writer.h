// SPDX-License-Identifier: Apache-2.0
//
// Writes one flat JSON object straight into a text, for what is written for every token: header, record, reply.  The
// same bytes as dump_json of the same members, without the tree in between, if the members come in alphabetical order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace signer::jose {

// Adds `text` as a JSON string, in quotes.  Bytes that are not UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view text);

class ObjectWriter {
 public:
  // `reserve` is a guess at the size in bytes.
  explicit ObjectWriter(std::size_t reserve) { out_.reserve(reserve); }

  // The names are ours: plain ASCII that needs no escaping.
  ObjectWriter& text(std::string_view name, std::string_view value);
  ObjectWriter& texts(std::string_view name, std::span<const std::string> values);
  ObjectWriter& number(std::string_view name, std::int64_t value);

  // A member that is JSON already.
  ObjectWriter& json(std::string_view name, std::string_view value);

  // Ends the object and gives it away.
  [[nodiscard]] std::string finish() &&;

 private:
  void name(std::string_view name);

  std::string out_;
};

}  // namespace signer::jose
