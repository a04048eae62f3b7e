// SPDX-License-Identifier: Apache-2.0

#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace signer::log {

namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("signer", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %n %v");
    made->set_level(spdlog::level::info);
    return made;
  }();
  return instance;
}

}  // namespace

std::string escaped(std::string_view value) {
  const auto plain = [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '='; };
  bool bare = !value.empty();
  for (const char c : value) bare = bare && plain(static_cast<unsigned char>(c));
  if (bare) return std::string(value);
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain(byte) || byte == ' ' || byte == '=') {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out + '"';
}

void start(std::string_view program, Level lowest) {
  auto fresh =
      std::make_shared<spdlog::logger>(std::string(program), logger()->sinks().begin(), logger()->sinks().end());
  fresh->set_level(spdlog_level(lowest));
  logger() = std::move(fresh);
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) noexcept {
  const auto native = spdlog_level(level);
  if (!logger()->should_log(native)) return;
  try {
    std::string line = "event=" + std::string(event);
    for (const Field& field : fields) {
      line += ' ';
      line += field.key();
      line += '=';
      line += escaped(field.value());
    }
    logger()->log(native, line);
  } catch (...) {  // Out of memory while describing an event: the event is lost, the daemon goes on.
    return;
  }
}

}  // namespace signer::log
