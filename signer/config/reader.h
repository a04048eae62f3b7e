// SPDX-License-Identifier: Apache-2.0
//
// Reads TOML tables member by member and keeps what is wrong with them: each problem with its line, and at the end
// every member nobody asked for.  The only place that includes toml++.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace signer::config {

// The file led toml++ where it did not expect to be.
class ParserLost : public std::exception {};
[[noreturn]] inline void lose_parser() {
  throw ParserLost();
}

}  // namespace signer::config

// toml++ 3.3 states as assertions what a malformed file can break (such as "[@]"), and
// without assertions goes on into undefined behaviour.  Here they hold in every build, and a broken one is an exception
// like its own, caught in `parse`.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? void() : ::signer::config::lose_parser())
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace signer::config {

// Problems in the order they were found.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(std::size_t line, std::string_view key, std::string_view problem);

  [[nodiscard]] bool empty() const { return lines_.empty(); }

  [[nodiscard]] std::string text() const;

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

// One table being read.  `finish` refuses the members that were never asked for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string path, Problems& problems)
      : table_(table), path_(std::move(path)), problems_(problems) {}

  // Absent optional members leave `target` alone; absent required ones and those of another type are problems.
  void text(std::string_view name, std::string& target, bool required = false);
  void text(std::string_view name, std::optional<std::string>& target);
  void texts(std::string_view name, std::vector<std::string>& target, bool required = false);
  void number(std::string_view name, std::int64_t minimum, std::int64_t maximum, std::optional<std::int64_t>& target);
  void flag(std::string_view name, bool& target);
  void duration(std::string_view name, std::chrono::milliseconds minimum, std::chrono::milliseconds maximum,
                std::optional<std::chrono::milliseconds>& target);
  // A duration that must be whole seconds, because claims and records count in seconds.
  void seconds(std::string_view name, std::chrono::milliseconds minimum, std::chrono::milliseconds maximum,
               std::optional<std::chrono::seconds>& target);
  [[nodiscard]] const toml::table* table(std::string_view name);
  [[nodiscard]] std::vector<const toml::table*> tables(std::string_view name);

  // Records a problem with one member, at its line, or at the table's if it is absent.
  void problem(std::string_view name, std::string_view problem);

  [[nodiscard]] bool has(std::string_view name) const { return table_.contains(name); }

  // For a member that belongs to tables of another kind: a problem of its own if it is present.
  void refuse(std::string_view name, std::string_view problem);

  void finish();

 private:
  const toml::node* find(std::string_view name);
  [[nodiscard]] std::string key(std::string_view name) const;

  const toml::table& table_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
  std::vector<std::string> refused_;
};

}  // namespace signer::config
