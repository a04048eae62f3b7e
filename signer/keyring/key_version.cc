// SPDX-License-Identifier: Apache-2.0

#include "keyring/key_version.h"

#include <array>
#include <ctime>
#include <optional>
#include <system_error>

#include "base/file.h"
#include "base/hex.h"

namespace signer::keyring {

namespace {

using jose::Json;

constexpr std::size_t kFileBytesMax = 16UL * 1024;
constexpr std::size_t kKeyIdMax = 64;
constexpr std::array kStates = {KeyState::kPending, KeyState::kActive, KeyState::kRetiring, KeyState::kRetired,
                                KeyState::kRevoked};
constexpr std::size_t kMembers = 9;
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

Failure<Error> invalid(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "key metadata: " + std::string(why));
}

const std::string* text_member(const Json& file, const char* name) {
  const auto member = file.find(name);
  return member == file.end() ? nullptr : member->get_ptr<const std::string*>();
}

}  // namespace

std::string_view to_string(KeyState state) noexcept {
  switch (state) {
    case KeyState::kPending:
      return "pending";
    case KeyState::kActive:
      return "active";
    case KeyState::kRetiring:
      return "retiring";
    case KeyState::kRetired:
      return "retired";
    case KeyState::kRevoked:
      return "revoked";
  }
  return "revoked";
}

std::string rfc3339(WallTime time) {
  const std::time_t seconds = unix_seconds(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::string to_file_text(const KeyVersion& version) {
  const Json file = {{"format", 1},
                     {"name", version.name},
                     {"kid", version.kid},
                     {"alg", to_string(version.public_key.algorithm)},
                     {"jwk", jose::to_jwk(version.public_key)},
                     {"token", version.token},
                     {"key_id", to_hex(version.key_id)},
                     {"created", rfc3339(version.created)},
                     {"state", to_string(version.state)}};
  return file.dump(2) + "\n";
}

Result<KeyVersion> from_file_text(std::string_view text) {
  SIGNER_ASSIGN_OR_RETURN(const Json file, jose::parse_json_object(text, {.bytes_max = kFileBytesMax}));
  const auto format = file.find("format");
  if (file.size() != kMembers || format == file.end() || jose::json_integer(*format) != 1)
    return invalid("not format 1");
  const std::string* name = text_member(file, "name");
  const std::string* kid = text_member(file, "kid");
  const std::string* algorithm = text_member(file, "alg");
  const std::string* token = text_member(file, "token");
  const std::string* key_id = text_member(file, "key_id");
  const std::string* created = text_member(file, "created");
  const std::string* state = text_member(file, "state");
  if (name == nullptr || kid == nullptr || algorithm == nullptr || token == nullptr || key_id == nullptr ||
      created == nullptr || state == nullptr || !file.contains("jwk")) {
    return invalid("a member is missing");
  }
  KeyVersion version;
  SIGNER_ASSIGN_OR_RETURN(version.public_key, jose::from_jwk(file["jwk"]));
  if (version.public_key.algorithm != Algorithm::kRs256 && version.public_key.algorithm != Algorithm::kEs256) {
    return invalid("not an RS256 or ES256 key");
  }
  version.name = *name;
  version.kid = *kid;
  version.token = *token;
  if (*kid != jose::thumbprint(version.public_key)) return invalid("kid is not the thumbprint of the public key");
  if (*algorithm != to_string(version.public_key.algorithm)) return invalid("alg is not the public key's");
  auto id = from_hex(*key_id);
  if (!id || id->empty() || id->size() > kKeyIdMax) return invalid("key_id is not 1 to 64 bytes of lower-case hex");
  version.key_id = *std::move(id);
  const auto time = from_rfc3339(*created);
  if (!time) return invalid("created is not such as 2026-11-23T18:00:00Z");
  version.created = *time;
  for (const KeyState known : kStates) {
    if (to_string(known) != *state) continue;
    version.state = known;
    return version;
  }
  return invalid("state is not known");
}

Result<LoadedVersions> load_versions(const std::filesystem::path& state_dir) {
  LoadedVersions loaded;
  const auto root = state_dir / "keys";
  std::error_code error;
  std::filesystem::directory_iterator names(root, error);
  if (error == std::errc::no_such_file_or_directory) return loaded;
  for (; !error && names != std::filesystem::directory_iterator(); names.increment(error)) {
    if (!names->is_directory(error)) continue;
    const std::string name = names->path().filename().string();
    SIGNER_ASSIGN_OR_RETURN(const auto files, list_files(names->path(), ".json"));
    for (const std::string& file : files) {
      const auto path = names->path() / file;
      const auto text = read_file(path, kFileBytesMax);
      auto version = text ? from_file_text(*text) : Result<KeyVersion>(fail(text.error()));
      if (version && (version->name != name || version->kid + ".json" != file)) {
        version = invalid("name or kid is not that of its path");
      }
      if (version) {
        loaded.versions.push_back(*std::move(version));
      } else {
        loaded.problems.emplace_back(name, path.string() + ": " + version.error().text);
      }
    }
  }
  if (error) return fail(ErrorCode::kInternal, "keyring: list " + root.string() + ": " + errno_text(error.value()));
  return loaded;
}

Result<void> save_version(const std::filesystem::path& state_dir, const KeyVersion& version) {
  const auto directory = state_dir / "keys" / version.name;
  SIGNER_RETURN_IF_ERROR(ensure_directory(directory));
  const auto path = directory / (version.kid + ".json");
  const std::string text = to_file_text(version);
  if (const auto readable = from_file_text(text); !readable) {
    return fail(ErrorCode::kInternal,
                "key metadata: not written, it could not be read again: " + readable.error().text);
  }
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, error)))
    return invalid(path.string() + " exists; a kid is never written twice");
  SIGNER_RETURN_IF_ERROR(write_file_atomically(path, text));
  SIGNER_RETURN_IF_ERROR(sync_directory(state_dir / "keys"));
  return sync_directory(state_dir);
}

}  // namespace signer::keyring
