// SPDX-License-Identifier: Apache-2.0
//
// Unix stream sockets that carry TPM commands and responses, for the swtpm fixture and the interposer.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "signer/bytes.h"

namespace signer::test {

// A connection to whoever listens at `path`; not valid if nobody does.  The path must fit a socket address (107 bytes),
// or the test program aborts: a shorter TMPDIR helps.
[[nodiscard]] UniqueFd connect_unix(const std::string& path);

// A listening socket at `path`, which must not exist; aborts the test program if that fails.
[[nodiscard]] UniqueFd listen_unix(const std::string& path);

// Waits until `fd` can be read (which includes that the peer is gone).  False if `limit` passes or `wake`, unless it is
// -1, can be read first.
[[nodiscard]] bool wait_readable(int fd, int wake, std::chrono::milliseconds limit);

[[nodiscard]] bool write_all(int fd, ByteView bytes);

// One whole TPM command or response: a header, then as much as it claims, up to kTpmMessageBytesMax.  Nothing if the
// peer ends before that, claims nonsense, or `limit` or `wake` comes first.
[[nodiscard]] std::optional<Bytes> read_message(int fd, int wake, std::chrono::milliseconds limit);

}  // namespace signer::test
