// SPDX-License-Identifier: Apache-2.0
//
// What the files of key pairs and of HMAC keys have in common (docs/key-metadata.md).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "jose/json.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::keyring {

inline constexpr std::size_t kMetadataBytesMax = 16UL * 1024;

// kInvalidRequest: "key metadata: <why>".
[[nodiscard]] Failure<Error> invalid(std::string_view why);

// kInternal: what was to be written could not be read again.
[[nodiscard]] Failure<Error> unreadable(const Error& why);

// Null: the member is absent or no text.
[[nodiscard]] const std::string* text_member(const jose::Json& file, const char* name);

// 1 to 64 bytes of lower-case hex.
[[nodiscard]] Result<Bytes> key_id_in(const std::string& text);

// "2026-11-23T18:00:00Z": a time that exists, in UTC, from 1970 to 2262.
[[nodiscard]] Result<WallTime> time_in(const std::string& text);
[[nodiscard]] std::string rfc3339(WallTime time);

// Writes the file atomically; its directory is durable then, those above it are not.  kInvalidRequest if it exists.
[[nodiscard]] Result<void> write_once(const std::filesystem::path& path, const std::string& text);

}  // namespace signer::keyring
