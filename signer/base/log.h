// SPDX-License-Identifier: Apache-2.0
//
// The log: one line an event, `level event=name key=value ...` on stderr (the journal reads it from there).
// Values are escaped, so what a peer sent cannot forge a line.  Claims, tokens, PINs and digests are never logged.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace signer::log {

enum class Level { kDebug, kInfo, kWarn, kError };

// One `key=value`.  Numbers are printed in decimal, text is quoted when it needs to be.
class Field {
 public:
  Field(std::string_view key, std::string_view value) : key_(key), value_(value) {}

  Field(std::string_view key, const char* value) : key_(key), value_(value) {}

  Field(std::string_view key, std::string value) : key_(key), value_(std::move(value)) {}

  template <class Number>
  requires std::is_arithmetic_v<Number> Field(std::string_view key, Number value)
      : key_(key), value_(std::to_string(value)) {}

  [[nodiscard]] std::string_view key() const noexcept { return key_; }

  [[nodiscard]] const std::string& value() const noexcept { return value_; }

 private:
  std::string_view key_;
  std::string value_;
};

// Names the program in every line and sets the lowest level shown.  Call once, early.  Not thread-safe.
void start(std::string_view program, Level lowest);

// Writes one event.  Thread-safe; never throws; a log that cannot be written is lost.
void write(Level level, std::string_view event, std::initializer_list<Field> fields) noexcept;

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) noexcept {
  write(Level::kDebug, event, fields);
}

inline void info(std::string_view event, std::initializer_list<Field> fields = {}) noexcept {
  write(Level::kInfo, event, fields);
}

inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) noexcept {
  write(Level::kWarn, event, fields);
}

inline void error(std::string_view event, std::initializer_list<Field> fields = {}) noexcept {
  write(Level::kError, event, fields);
}

// `value` as it appears in a line: bare if it is plain, else in double quotes with control characters, quotes,
// backslashes and bytes above 0x7e as \xHH.
[[nodiscard]] std::string escaped(std::string_view value);

}  // namespace signer::log
