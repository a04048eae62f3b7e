// SPDX-License-Identifier: Apache-2.0

#include "ctl/input.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.h"

namespace signer::ctl {

Result<std::string> read_all(int fd, std::size_t size_max, const std::string& what) {
  std::string content;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorCode::kInternal, "read " + what + ": " + errno_text(errno));
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > size_max) {
      return fail(ErrorCode::kInvalidRequest, "read " + what + ": larger than " + std::to_string(size_max) + " bytes");
    }
  }
}

Result<std::string> read_source(const std::string& source, int input_fd, std::size_t size_max) {
  if (source == "-") return read_all(input_fd, size_max, "standard input");
  return read_file_or_pipe(source, size_max);
}

}  // namespace signer::ctl
