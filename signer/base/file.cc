// SPDX-License-Identifier: Apache-2.0

#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace signer {

namespace {

Failure<Error> file_failure(std::string_view tried, const std::filesystem::path& path, int error) {
  const ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInternal;
  return fail(code, "file: " + std::string(tried) + " " + path.string() + ": " + errno_text(error));
}

Result<void> write_all(int fd, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_failure("write", path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_to_end(int fd, const std::filesystem::path& path, std::size_t size_max) {
  std::string content;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_failure("read", path, errno);
    if (count == 0) return content;
    if (content.size() + static_cast<std::size_t>(count) > size_max) {
      return fail(ErrorCode::kInvalidRequest,
                  "file: read " + path.string() + ": larger than " + std::to_string(size_max) + " bytes");
    }
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

std::string errno_text(int error) {
  std::array<char, 128> buffer{};
  const char* name = ::strerrorname_np(error);
  const char* text = ::strerror_r(error, buffer.data(), buffer.size());
  return std::string(text) + " (" + (name != nullptr ? name : std::to_string(error)) + ")";
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t size_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hold us up
  if (!fd.valid()) return file_failure("open", path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) == 0 && S_ISFIFO(status.st_mode)) {
    return fail(ErrorCode::kInternal, "file: read " + path.string() + ": is a pipe; name a file");
  }
  return read_to_end(fd.get(), path, size_max);
}

Result<std::string> read_file_or_pipe(const std::filesystem::path& path, std::size_t size_max) {
  const std::string& name = path.native();
  if (name.starts_with('{') || name.starts_with('[') || name.starts_with("eyJ")) {
    return fail(ErrorCode::kInvalidRequest, "file: a file's name is wanted here, not its content");
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return file_failure("open", path, errno);
  return read_to_end(fd.get(), path, size_max);
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  std::string temporary = path.string() + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return file_failure("create a temporary file beside", path, errno);
  const auto abandon = [&temporary](Failure<Error> failure) {
    ::unlink(temporary.c_str());
    return failure;
  };
  if (auto written = write_all(fd.get(), content, temporary); !written) {
    return abandon(fail(std::move(written).error()));
  }
  if (::fchmod(fd.get(), mode) != 0) return abandon(file_failure("chmod", temporary, errno));
  if (::fsync(fd.get()) != 0) return abandon(file_failure("fsync", temporary, errno));
  fd.reset();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return abandon(file_failure("rename to", path, errno));
  return sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

Result<void> sync_directory(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return file_failure("open directory", path, errno);
  if (::fsync(fd.get()) != 0) return file_failure("fsync directory", path, errno);
  return {};
}

Result<void> ensure_directory(const std::filesystem::path& path) {
  std::filesystem::path built;
  for (const auto& part : path) {
    built /= part;
    if (::mkdir(built.c_str(), 0700) != 0 && errno != EEXIST) return file_failure("create directory", built, errno);
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return file_failure("stat", path, errno);
  if (!S_ISDIR(status.st_mode)) return file_failure("use as a directory", path, ENOTDIR);
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) return file_failure("use directory", path, errno);
  return {};
}

Result<std::vector<std::string>> list_files(const std::filesystem::path& path, std::string_view suffix) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entries(path, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename().string();
    // A link that leads nowhere is listed too: reading it fails, which is better than overlooking it.
    if (name.ends_with(suffix) && !entries->is_directory(error)) names.push_back(std::move(name));
  }
  if (error) return file_failure("list", path, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace signer
