// SPDX-License-Identifier: Apache-2.0

#include "audit/segment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/unique_fd.h"

namespace signer::audit {

namespace {

class FileSegment final : public Segment {
 public:
  FileSegment(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failure("write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return failure("fdatasync");
    // Records in a file that is not the log's by its name are on no disk that anybody reads.
    struct stat ours {};
    struct stat named {};
    if (::fstat(fd_.get(), &ours) != 0) return failure("look at");
    if (::lstat(path_.c_str(), &named) == 0 && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino) return {};
    return fail(ErrorCode::kInternal,
                "audit: " + path_.string() +
                    " was deleted or moved while signerd wrote to it; find out who did, put it back "
                    "or restore what a backup has, then restart signerd");
  }

  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return failure("truncate");
    if (::fsync(fd_.get()) != 0) return failure("fsync");
    return {};
  }

 private:
  [[nodiscard]] Failure<Error> failure(std::string_view tried) const {
    return fail(ErrorCode::kInternal, "audit: " + std::string(tried) + " " + path_.string() + ": " + errno_text(errno));
  }

  UniqueFd fd_;
  std::filesystem::path path_;
};

}  // namespace

Result<std::unique_ptr<Segment>> open_segment_file(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) {
    return fail(ErrorCode::kInternal, "audit: open " + path.string() + ": " + errno_text(errno) +
                                          "; make the audit directory writable for signerd");
  }
  SIGNER_RETURN_IF_ERROR(sync_directory(path.parent_path()));
  return std::unique_ptr<Segment>(std::make_unique<FileSegment>(std::move(fd), path));
}

}  // namespace signer::audit
