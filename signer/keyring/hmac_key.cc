// SPDX-License-Identifier: Apache-2.0

#include "keyring/hmac_key.h"

#include <algorithm>
#include <system_error>

#include "base/file.h"
#include "base/hex.h"

namespace signer::keyring {

namespace {

constexpr std::size_t kHmacKeyMembers = 7;
constexpr const char* kHmacAlgorithm = "HS256";  // RFC 7518 §3.2

std::filesystem::path hmac_key_directory(const std::filesystem::path& state_dir) {
  return state_dir / "hmac-keys";
}

}  // namespace

std::string to_file_text(const HmacKey& key) {
  const jose::Json file = {{"format", 1},
                           {"name", key.name},
                           {"alg", kHmacAlgorithm},
                           {"token", key.token},
                           {"key_id", to_hex(key.key_id)},
                           {"known_answer", to_hex(key.known_answer)},
                           {"created", rfc3339(key.created)}};
  return file.dump(2) + "\n";
}

Result<HmacKey> hmac_key_from_file_text(std::string_view text) {
  SIGNER_ASSIGN_OR_RETURN(const jose::Json file, jose::parse_json_object(text, {.bytes_max = kMetadataBytesMax}));
  const auto format = file.find("format");
  if (file.size() != kHmacKeyMembers || format == file.end() || jose::json_integer(*format) != 1)
    return invalid("not format 1");
  const std::string* name = text_member(file, "name");
  const std::string* algorithm = text_member(file, "alg");
  const std::string* token = text_member(file, "token");
  const std::string* key_id = text_member(file, "key_id");
  const std::string* known_answer = text_member(file, "known_answer");
  const std::string* created = text_member(file, "created");
  if (name == nullptr || algorithm == nullptr || token == nullptr || key_id == nullptr || known_answer == nullptr ||
      created == nullptr) {
    return invalid("a member is missing");
  }
  if (*algorithm != kHmacAlgorithm) return invalid("not an HS256 key");
  HmacKey key;
  key.name = *name;
  key.token = *token;
  SIGNER_ASSIGN_OR_RETURN(key.key_id, key_id_in(*key_id));
  SIGNER_ASSIGN_OR_RETURN(key.created, time_in(*created));
  const auto answer = from_hex(*known_answer);
  if (!answer || answer->size() != key.known_answer.size())
    return invalid("known_answer is not 32 bytes of lower-case hex");
  std::ranges::copy(*answer, key.known_answer.begin());
  return key;
}

Result<std::optional<HmacKey>> load_hmac_key(const std::filesystem::path& state_dir, const std::string& name) {
  const auto path = hmac_key_directory(state_dir) / (name + ".json");
  const auto text = read_file(path, kMetadataBytesMax);
  // A link whose target is away is a key that is there: another one must not be made in its place.
  std::error_code error;
  const bool absent = !std::filesystem::exists(std::filesystem::symlink_status(path, error));
  if (!text && text.error().code == ErrorCode::kNotFound && absent) return std::optional<HmacKey>();
  auto key = text ? hmac_key_from_file_text(*text) : Result<HmacKey>(fail(text.error()));
  if (key && key->name != name) key = invalid("name is not that of its path");
  if (!key) return fail(key.error().code, path.string() + ": " + key.error().text);
  return std::optional<HmacKey>(*std::move(key));
}

Result<void> save_hmac_key(const std::filesystem::path& state_dir, const HmacKey& key) {
  SIGNER_RETURN_IF_ERROR(ensure_directory(hmac_key_directory(state_dir)));
  const std::string text = to_file_text(key);
  if (const auto readable = hmac_key_from_file_text(text); !readable) return unreadable(readable.error());
  SIGNER_RETURN_IF_ERROR(write_once(hmac_key_directory(state_dir) / (key.name + ".json"), text));
  return sync_directory(state_dir);
}

}  // namespace signer::keyring
