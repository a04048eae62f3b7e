// SPDX-License-Identifier: Apache-2.0

#include "audit/segment_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "audit/line.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace signer::audit {

namespace {

constexpr std::size_t kReadBytes = 256UL * 1024;

Failure<Error> reading_failed(const std::filesystem::path& path, int error) {
  return fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInternal,
              "audit: read " + path.string() + ": " + errno_text(error));
}

Result<UniqueFd> open_regular(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));  // a FIFO must not hold us up
  if (!fd.valid()) return reading_failed(path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return reading_failed(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kInternal, "audit: read " + path.string() + ": not a regular file");
  }
  return fd;
}

}  // namespace

// The bytes of a segment, whichever way they are stored.
class SegmentReader::Source {
 public:
  Source(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  ~Source() {
    if (gz_ != nullptr) ::gzclose_r(gz_);
  }

  // Gives the descriptor to zlib.
  Result<void> decompress() {
    gz_ = ::gzdopen(fd_.get(), "rb");
    if (gz_ == nullptr) return reading_failed(path_, ENOMEM);
    (void)fd_.release();
    return {};
  }

  // Sets `damaged` where what follows cannot be had, and gives what was before that.
  Result<std::size_t> read(char* to, std::size_t size, bool& damaged) {
    if (gz_ != nullptr) return read_compressed(to, size, damaged);
    while (true) {
      const ssize_t count = ::read(fd_.get(), to, size);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return reading_failed(path_, errno);
    }
  }

 private:
  Result<std::size_t> read_compressed(char* to, std::size_t size, bool& damaged) {
    const int count = ::gzread(gz_, to, static_cast<unsigned>(size));
    int error = Z_OK;
    (void)::gzerror(gz_, &error);
    if (error == Z_ERRNO) return reading_failed(path_, errno);
    if (error == Z_MEM_ERROR) return reading_failed(path_, ENOMEM);
    // zlib hands on what is no gzip file as it is; ours always are.
    damaged = error != Z_OK || count < 0 || ::gzdirect(gz_) != 0;
    return count < 0 || ::gzdirect(gz_) != 0 ? 0 : static_cast<std::size_t>(count);
  }

  UniqueFd fd_;
  std::filesystem::path path_;
  gzFile gz_ = nullptr;
};

Result<std::vector<SegmentFile>> list_segments(const std::filesystem::path& directory) {
  std::vector<SegmentFile> files;
  for (const bool compressed : {false, true}) {
    SIGNER_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            list_files(directory, compressed ? kCompressedSuffix : kSegmentSuffix));
    for (const std::string& name : names) {
      if (const auto index = first_index_of(name)) files.push_back({directory / name, *index, compressed});
    }
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const SegmentFile& a, const SegmentFile& b) { return a.first_index < b.first_index; });
  const auto same = [](const SegmentFile& a, const SegmentFile& b) { return a.first_index == b.first_index; };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());  // of two, the plain one stands first
  return files;
}

Result<SegmentReader> SegmentReader::open(const SegmentFile& file) {
  std::filesystem::path path = file.path;
  bool compressed = file.compressed;
  auto fd = open_regular(path);
  if (!fd && fd.error().code == ErrorCode::kNotFound && !compressed) {
    path += ".gz";
    compressed = true;
    auto became = open_regular(path);
    if (became || became.error().code != ErrorCode::kNotFound) fd = std::move(became);
  }
  if (!fd) return fail(std::move(fd).error());
  auto source = std::make_unique<Source>(*std::move(fd), std::move(path));
  if (compressed) SIGNER_RETURN_IF_ERROR(source->decompress());
  return SegmentReader(std::move(source));
}

SegmentReader::SegmentReader(std::unique_ptr<Source> source)
    : source_(std::move(source)), buffer_(kReadBytes + kLineBytesMax + 1) {}

SegmentReader::SegmentReader(SegmentReader&&) noexcept = default;
SegmentReader& SegmentReader::operator=(SegmentReader&&) noexcept = default;
SegmentReader::~SegmentReader() = default;

// Moves what is unread to the front and reads behind it.
Result<void> SegmentReader::fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  SIGNER_ASSIGN_OR_RETURN(const std::size_t count,
                          source_->read(buffer_.data() + end_, std::min(kReadBytes, buffer_.size() - end_), damaged_));
  at_end_ = count == 0 || damaged_;
  end_ += count;
  return {};
}

Result<SegmentReader::Step> SegmentReader::next() {
  if (ended_) return Step::kEnd;
  std::size_t looked_at = 0;
  while (true) {
    const char* const unread = buffer_.data() + begin_;
    const std::size_t size = end_ - begin_;
    const auto* newline = static_cast<const char*>(std::memchr(unread + looked_at, '\n', size - looked_at));
    const std::size_t length = newline != nullptr ? static_cast<std::size_t>(newline - unread) : size;
    if (std::memchr(unread + looked_at, 0, length - looked_at) != nullptr) return read_tail();
    if (length > kLineBytesMax) {
      ended_ = true;
      return Step::kTooLong;
    }
    if (newline != nullptr) {
      line_ = {unread, length};
      line_offset_ = offset_;
      begin_ += length + 1;
      offset_ += length + 1;
      return Step::kLine;
    }
    if (at_end_) return read_tail();
    looked_at = size;
    SIGNER_RETURN_IF_ERROR(fill());
  }
}

Result<SegmentReader::Step> SegmentReader::read_tail() {
  ended_ = true;
  bool zeroes = false;
  while (true) {
    for (; begin_ < end_; ++begin_) {
      zeroes = zeroes || buffer_[begin_] == 0;
      std::uint64_t& kind = !zeroes ? tail_.torn_bytes : buffer_[begin_] == 0 ? tail_.zero_bytes : tail_.stray_bytes;
      ++kind;
    }
    if (at_end_) return damaged_ ? Step::kDamaged : Step::kEnd;
    SIGNER_RETURN_IF_ERROR(fill());
  }
}

}  // namespace signer::audit
