// SPDX-License-Identifier: Apache-2.0

#include "tpm/key_files.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "jose/json.h"
#include "tpm/public_area.h"
#include "tpm/storage_root.h"

namespace signer::tpm {

using channel::HostStatus;
using jose::Json;

namespace {

constexpr std::size_t kPlaceBytesMax = 4096;
constexpr std::uint32_t kOwnerHierarchy = 0x40000001;  // "the storage root", whichever template made it

std::string handle_text(std::uint32_t handle) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", handle);
  return text.data();
}

std::optional<std::uint32_t> handle_from(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() != 10 || !text.starts_with("0x")) return std::nullopt;
  std::uint32_t handle = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), handle, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return handle;
}

std::optional<Bytes> bytes_from(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return from_hex(found->get_ref<const std::string&>());
}

Failure<TpmError> damaged(const std::string& path, const std::string& why) {
  return verdict(HostStatus::kMismatch, path + ": " + why + "; restore it, nothing was changed");
}

// An I/O error is this machine's and may pass; one about a key's file is that key's alone.
Failure<TpmError> unreadable(const Error& error, HostStatus status = HostStatus::kRefused) {
  return verdict(status, error.text);
}

TpmResult<void> written(const Result<void>& result, HostStatus status = HostStatus::kRefused) {
  if (result) return {};
  return unreadable(result.error(), status);
}

TpmResult<KeyRecord> judged(PrivateKeyFile file, const std::string& path) {
  KeyRecord record;
  record.file = std::move(file);
  if (record.file.parent != kStorageRootHandle && record.file.parent != kOwnerHierarchy) {
    return verdict(HostStatus::kUnsupported, path + ": its parent is " + handle_text(record.file.parent) +
                                                 ", not the storage root at " + handle_text(kStorageRootHandle));
  }
  auto area = read_public_area(record.file.public_area);
  if (!area) return damaged(path, area.error().text);
  record.area = *area;
  SIGNER_RETURN_IF_ERROR(check_strength(record.area));
  SIGNER_ASSIGN_OR_RETURN(record.public_key, public_key_of(record.area));
  SIGNER_ASSIGN_OR_RETURN(record.name, name_of(record.area));
  return record;
}

}  // namespace

std::string KeyFiles::path(const Bytes& key_id, const char* suffix) const {
  return directory_ + "/" + to_hex(key_id) + suffix;
}

TpmResult<void> KeyFiles::prepare() const {
  if (directory_.empty() || directory_[0] != '/') {
    return verdict(HostStatus::kInvalid, "the key directory must be an absolute path");
  }
  return written(ensure_directory(directory_), HostStatus::kUnavailable);
}

bool KeyFiles::contains(const Bytes& key_id) const {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path(key_id, ".pem"), ignored));
}

TpmResult<KeyRecord> KeyFiles::read(const Bytes& key_id, const Bytes& storage_root) const {
  const std::string blob = path(key_id, ".pem");
  const auto text = read_file(blob, kKeyFileBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return verdict(HostStatus::kNotFound, "there is no " + blob);
  }
  if (!text && text.error().code == ErrorCode::kInternal) return unreadable(text.error());
  if (!text) return damaged(blob, text.error().text);
  auto file = decode_private_key(*text);
  if (!file) return damaged(blob, file.error().text);
  SIGNER_ASSIGN_OR_RETURN(KeyRecord record, judged(std::move(file).value(), blob));
  SIGNER_ASSIGN_OR_RETURN(record.place, read_place(key_id));
  if (!record.place) return record;
  if (record.place->name != record.name) return damaged(path(key_id, ".json"), "it is of another key than the blob");
  if (record.place->storage_root != storage_root) {
    return verdict(HostStatus::kMismatch, blob + ": the key belongs to another TPM, or this one was cleared");
  }
  return record;
}

TpmResult<std::optional<KeyPlace>> KeyFiles::read_place(const Bytes& key_id) const {
  const std::string file = path(key_id, ".json");
  const auto text = read_file(file, kPlaceBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::optional<KeyPlace>();
  if (!text && text.error().code == ErrorCode::kInternal) return unreadable(text.error());
  if (!text) return damaged(file, text.error().text);
  const auto object = jose::parse_json_object(*text);
  if (!object) return damaged(file, object.error().text);
  const auto handle = handle_from(*object, "handle");
  const auto name = bytes_from(*object, "name");
  const auto storage_root = bytes_from(*object, "storage_root");
  if (!handle || !name || !storage_root) return damaged(file, "a member is missing or malformed");
  return std::optional<KeyPlace>(KeyPlace{*handle, *name, *storage_root});
}

TpmResult<void> KeyFiles::write_blob(const Bytes& key_id, const PrivateKeyFile& file) const {
  const auto text = encode_private_key(file);
  if (!text) return verdict(HostStatus::kUnavailable, text.error().text);
  return written(write_file_atomically(path(key_id, ".pem"), *text));
}

TpmResult<void> KeyFiles::write_place(const Bytes& key_id, const KeyPlace& place) const {
  const Json object = {{"handle", handle_text(place.handle)},
                       {"name", to_hex(place.name)},
                       {"storage_root", to_hex(place.storage_root)}};
  return written(write_file_atomically(path(key_id, ".json"), jose::dump_json(object) + "\n"));
}

TpmResult<void> KeyFiles::check_storage_root(const Bytes& name) const {
  const std::string file = directory_ + "/storage-root.json";
  const auto text = read_file(file, kPlaceBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    log::info("tpm_storage_root_pinned", {{"name", to_hex(name)}, {"file", file}});
    const Json object = {{"handle", handle_text(kStorageRootHandle)}, {"name", to_hex(name)}};
    return written(write_file_atomically(file, jose::dump_json(object) + "\n"), HostStatus::kUnavailable);
  }
  if (!text && text.error().code == ErrorCode::kInternal) return unreadable(text.error(), HostStatus::kUnavailable);
  if (!text) return damaged(file, text.error().text);
  const auto object = jose::parse_json_object(*text);
  const auto pinned = object ? bytes_from(*object, "name") : std::nullopt;
  if (!pinned) return damaged(file, "it holds no Name");
  if (*pinned == name) return {};
  return verdict(HostStatus::kMismatch,
                 "the storage root's Name is " + to_hex(name) + " and not " + to_hex(*pinned) + " as in " + file +
                     ": another TPM, or this one was cleared and with it all its keys; not used");
}

}  // namespace signer::tpm
