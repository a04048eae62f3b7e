// SPDX-License-Identifier: Apache-2.0

#include "keyring/key_version.h"

#include <array>
#include <system_error>

#include "base/file.h"
#include "base/hex.h"
#include "keyring/metadata_file.h"

namespace signer::keyring {

namespace {

using jose::Json;

constexpr std::array kStates = {KeyState::kPending, KeyState::kActive, KeyState::kRetiring, KeyState::kRetired,
                                KeyState::kRevoked};
constexpr std::size_t kMembers = 9;

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
  SIGNER_ASSIGN_OR_RETURN(const Json file, jose::parse_json_object(text, {.bytes_max = kMetadataBytesMax}));
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
  SIGNER_ASSIGN_OR_RETURN(version.key_id, key_id_in(*key_id));
  SIGNER_ASSIGN_OR_RETURN(version.created, time_in(*created));
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
    if (names->is_regular_file(error)) continue;
    const std::string name = names->path().filename().string();
    // Also of a link that leads nowhere: the key may exist, and another must not take its place.
    const auto files = list_files(names->path(), ".json");
    if (!files) {
      loaded.problems.emplace_back(name, files.error().text);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(names->path(), error)) {
      if (files->empty() && entry.path().extension() == ".json") {
        loaded.problems.emplace_back(name, entry.path().string() + ": is a directory, and metadata is a file");
      }
    }
    for (const std::string& file : *files) {
      const auto path = names->path() / file;
      const auto text = read_file(path, kMetadataBytesMax);
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
  if (const auto readable = from_file_text(text); !readable) return unreadable(readable.error());
  SIGNER_RETURN_IF_ERROR(write_once(path, text));
  SIGNER_RETURN_IF_ERROR(sync_directory(state_dir / "keys"));
  return sync_directory(state_dir);
}

}  // namespace signer::keyring
