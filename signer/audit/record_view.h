// SPDX-License-Identifier: Apache-2.0
//
// A record's line as whoever reads the log sees it: in the one form that docs/audit-format.md allows, without a tree
// of values in memory, because a log has millions of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace signer::audit {

// Borrows the line that it was made of.  A value; thread-safe.
class RecordView {
 public:
  // Nothing unless the line is one JSON object without blanks, its names in ascending order (so none comes twice), each
  // value a text, a whole number in int64's range, a list of texts, or a list of objects of texts in the same form; all
  // of it UTF-8; at most 64 members.
  [[nodiscard]] static std::optional<RecordView> parse(std::string_view line);

  // Nothing, or "", or an empty list, if there is no such member or it is of another type.
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const noexcept;
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
  [[nodiscard]] std::vector<std::map<std::string, std::string>> objects(std::string_view name) const;

  [[nodiscard]] bool has(std::string_view name) const noexcept { return !raw(name).empty(); }

  // Whether the member is exactly this text, which needs no escaping.
  [[nodiscard]] bool is(std::string_view name, std::string_view plain) const noexcept;

 private:
  friend class RecordScanner;

  struct Member {
    std::string_view name;
    std::string_view value;  // JSON, as it stands in the line
  };

  RecordView() = default;

  [[nodiscard]] std::string_view raw(std::string_view name) const noexcept;

  std::size_t count_ = 0;
  std::array<Member, 64> members_;  // those behind count_ are left-overs
};

}  // namespace signer::audit
