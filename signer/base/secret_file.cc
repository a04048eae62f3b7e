// SPDX-License-Identifier: Apache-2.0

#include "base/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "base/file.h"
#include "base/unique_fd.h"

namespace signer {

namespace {

constexpr std::string_view kCredential = "credential:";

Failure<Error> refuse(const std::string& path, const std::string& why) {
  return fail(ErrorCode::kDenied, path + ": " + why);
}

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

Result<void> check_owner_and_mode(const std::string& path, const struct stat& status) {
  const uid_t self = ::geteuid();
  if (status.st_uid != self && status.st_uid != 0) {
    return refuse(
        path, "belongs to uid " + std::to_string(status.st_uid) + "; run: chown " + std::to_string(self) + " " + path);
  }
  if ((status.st_mode & 0077U) != 0) return refuse(path, "group or others may use it; run: chmod 600 " + path);
  return {};
}

// $CREDENTIALS_DIRECTORY/NAME.  systemd checks who may read it; ownership there varies with its version.
Result<std::string> credential_path(const std::string& name) {
  const char* directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory != '/') {
    return refuse(name, "no systemd credentials here; add LoadCredential=" + name + ":PATH to the unit");
  }
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..") {
    return refuse(name, "is no credential name");
  }
  return std::string(directory) + "/" + name;
}

Result<Secret> read_secret(int fd, const std::string& path, std::size_t size_max) {
  std::string bytes(size_max + 1, '\0');  // one allocation, so that no copy is left behind
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      const Secret wiped(std::move(bytes));
      return refuse(path, "read: " + errno_text(error));
    }
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  bytes.resize(size);
  Secret secret(std::move(bytes));
  if (size > size_max) return refuse(path, "is longer than " + std::to_string(size_max) + " bytes");
  return secret;
}

// The one line of a file, without its end.
Result<Secret> line_of(Secret text, const std::string& path) {
  std::string_view line = text.reveal();
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.empty()) return refuse(path, "is empty; write the secret into it");
  const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::any_of(line.begin(), line.end(), control)) {
    return refuse(path, "holds a control character (a line end of another system?); write the secret alone into it");
  }
  return Secret(std::string(line));
}

enum class Form { kLine, kText };

Result<SecretFile> read_secret_source(const std::string& source, std::size_t size_max, Form form) {
  const bool is_credential = source.starts_with(kCredential);
  std::string path = source;
  if (is_credential) {
    SIGNER_ASSIGN_OR_RETURN(path, credential_path(source.substr(kCredential.size())));
  }
  // O_NONBLOCK: opening a FIFO would wait for a writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid() && errno == ELOOP) return refuse(path, "is a symbolic link; name the file itself");
  if (!fd.valid()) return refuse(path, "open: " + errno_text(errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return refuse(path, "fstat: " + errno_text(errno));
  if (!S_ISREG(status.st_mode)) return refuse(path, "is not a regular file");
  if (!is_credential) SIGNER_RETURN_IF_ERROR(check_owner_and_mode(path, status));
  SIGNER_ASSIGN_OR_RETURN(Secret secret, read_secret(fd.get(), path, size_max));
  if (form == Form::kLine) {
    SIGNER_ASSIGN_OR_RETURN(secret, line_of(std::move(secret), path));
  }
  if (is_credential) return SecretFile{std::move(secret), {}};
  return SecretFile{std::move(secret),
                    {.device = status.st_dev,
                     .inode = status.st_ino,
                     .size = static_cast<std::uint64_t>(status.st_size),
                     .modified_ns = nanoseconds(status.st_mtim),
                     .changed_ns = nanoseconds(status.st_ctim)}};
}

}  // namespace

Result<SecretFile> read_secret_file(const std::string& source, std::size_t size_max) {
  return read_secret_source(source, size_max, Form::kLine);
}

Result<SecretFile> read_secret_text(const std::string& source, std::size_t size_max) {
  return read_secret_source(source, size_max, Form::kText);
}

Result<SecretFile> read_or_make_secret_file(const std::string& path, std::size_t size_max,
                                            Result<Secret> (*make_line)()) {
  // A credential is systemd's to make; as a path it would be a file in the directory we happen to be in.
  if (path.starts_with(kCredential)) return read_secret_file(path, size_max);
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return read_secret_file(path, size_max);
  if (errno != ENOENT) return refuse(path, "stat: " + errno_text(errno));
  SIGNER_ASSIGN_OR_RETURN(const Secret line, make_line());
  std::string content;
  content.reserve(line.reveal().size() + 1);  // one allocation, so that no copy is left behind
  content.append(line.reveal()).push_back('\n');
  const auto written = write_file_atomically(path, content, 0600);
  const Secret wiped(std::move(content));
  if (!written) return refuse(path, written.error().text);
  return read_secret_file(path, size_max);
}

}  // namespace signer
