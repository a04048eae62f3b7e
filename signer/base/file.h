// SPDX-License-Identifier: Apache-2.0
//
// Files as values: read whole, replaced atomically.  Every failure names the path and the errno.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "signer/result.h"

namespace signer {

// "No such file or directory (ENOENT)" for an errno value.  Thread-safe.
[[nodiscard]] std::string errno_text(int error);

// Reads at most `size_max` bytes and never waits.  A larger file is kInvalidRequest, an absent one kNotFound, anything
// else kInternal, also a pipe.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t size_max);

// As read_file, for what a person names on a command line: also from a pipe (`<(command)`), for whose writer it waits.
// A name that looks like JSON or a token is refused and not repeated: it may be what the file was to hold.
[[nodiscard]] Result<std::string> read_file_or_pipe(const std::filesystem::path& path, std::size_t size_max);

// Replaces `path` with `content` so that a crash leaves either the old file or the new one: write to a temporary
// name in the same directory, fsync, rename, fsync the directory.  On failure the old file is untouched.
[[nodiscard]] Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                                 mode_t mode = 0600);

// Creates the directory and its parents (mode 0700 for those made here) and checks that it can be written.
[[nodiscard]] Result<void> ensure_directory(const std::filesystem::path& path);

// Names of what ends in `suffix` in `path` and is no directory, sorted.
[[nodiscard]] Result<std::vector<std::string>> list_files(const std::filesystem::path& path, std::string_view suffix);

// Makes the directory's entries durable.
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& path);

}  // namespace signer
