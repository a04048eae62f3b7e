// SPDX-License-Identifier: Apache-2.0

#include "keyring/metadata_file.h"

#include <array>
#include <ctime>
#include <optional>
#include <system_error>

#include "base/file.h"
#include "base/hex.h"

namespace signer::keyring {

namespace {

constexpr std::size_t kKeyIdMax = 64;
constexpr std::time_t kTimeMax = 9'223'372'036;  // in April 2262 system_clock's nanoseconds end

std::optional<WallTime> from_rfc3339(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::time_t seconds = ::timegm(&parts);
  if (seconds < 0 || seconds > kTimeMax) return std::nullopt;
  const WallTime time = std::chrono::system_clock::from_time_t(seconds);
  if (rfc3339(time) != text) return std::nullopt;  // 31 February, another spelling
  return time;
}

}  // namespace

Failure<Error> invalid(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "key metadata: " + std::string(why));
}

Failure<Error> unreadable(const Error& why) {
  return fail(ErrorCode::kInternal, "key metadata: not written, it could not be read again: " + why.text);
}

const std::string* text_member(const jose::Json& file, const char* name) {
  const auto member = file.find(name);
  return member == file.end() ? nullptr : member->get_ptr<const std::string*>();
}

Result<Bytes> key_id_in(const std::string& text) {
  auto id = from_hex(text);
  if (!id || id->empty() || id->size() > kKeyIdMax) return invalid("key_id is not 1 to 64 bytes of lower-case hex");
  return *std::move(id);
}

Result<WallTime> time_in(const std::string& text) {
  const auto time = from_rfc3339(text);
  if (!time) return invalid("created is not such as 2026-11-23T18:00:00Z");
  return *time;
}

std::string rfc3339(WallTime time) {
  const std::time_t seconds = unix_seconds(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

Result<void> write_once(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, error)))
    return invalid(path.string() + " exists; a key's file is never written twice");
  return write_file_atomically(path, text);
}

}  // namespace signer::keyring
