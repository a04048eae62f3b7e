// SPDX-License-Identifier: Apache-2.0

#include "audit/segment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/unique_fd.h"

namespace signer::audit {

namespace {

class FileSegment final : public Segment {
 public:
  FileSegment(UniqueFd fd, std::filesystem::path path, std::uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    // Before the write, which would make a file that was cut as long as it was, with a hole for the records.
    struct stat ours {};
    SIGNER_RETURN_IF_ERROR(look_at(ours));
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failure("write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
      size_ = std::max(size_, offset);
    }
    return {};
  }

  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return failure("fdatasync");
    // Records in a file that is not the log's by its name are on no disk that anybody reads.
    struct stat ours {};
    struct stat named {};
    SIGNER_RETURN_IF_ERROR(look_at(ours));
    if (::lstat(path_.c_str(), &named) == 0 && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino) return {};
    return fail(ErrorCode::kInternal,
                "audit: " + path_.string() +
                    " was deleted or moved while signerd wrote to it; find out who did, put it back "
                    "or restore what a backup has, then restart signerd");
  }

  Result<void> truncate(std::uint64_t size) override {
    struct stat ours {};
    SIGNER_RETURN_IF_ERROR(look_at(ours));
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return failure("truncate");
    size_ = size;
    if (::fsync(fd_.get()) != 0) return failure("fsync");
    return {};
  }

 private:
  Result<void> look_at(struct stat& ours) const {
    if (::fstat(fd_.get(), &ours) != 0) return failure("look at");
    if (static_cast<std::uint64_t>(ours.st_size) >= size_) return {};
    return fail(ErrorCode::kInternal, "audit: " + path_.string() +
                                          " was cut short while signerd wrote to it (by logrotate?); records may be "
                                          "lost: find out who did, restore what a backup has, then restart signerd");
  }

  [[nodiscard]] Failure<Error> failure(std::string_view tried) const {
    return fail(ErrorCode::kInternal, "audit: " + std::string(tried) + " " + path_.string() + ": " + errno_text(errno));
  }

  UniqueFd fd_;
  std::filesystem::path path_;
  std::uint64_t size_;  // what was there or written; the file has no less unless somebody cut it
};

}  // namespace

Result<std::unique_ptr<Segment>> open_segment_file(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) {
    return fail(ErrorCode::kInternal, "audit: open " + path.string() + ": " + errno_text(errno) +
                                          "; make the audit directory writable for signerd");
  }
  SIGNER_RETURN_IF_ERROR(sync_directory(path.parent_path()));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return fail(ErrorCode::kInternal, "audit: look at " + path.string() + ": " + errno_text(errno));
  }
  return std::unique_ptr<Segment>(
      std::make_unique<FileSegment>(std::move(fd), path, static_cast<std::uint64_t>(status.st_size)));
}

}  // namespace signer::audit
