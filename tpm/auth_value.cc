// SPDX-License-Identifier: Apache-2.0

#include "tpm/auth_value.h"

#include <openssl/rand.h>

#include <array>

#include "base/hex.h"
#include "base/secret_file.h"

namespace signer::tpm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr std::size_t kFileBytesMax = 2 * kAuthValueBytes + 1;

HostResult<Secret> decoded(const std::string& source, const Result<SecretFile>& read) {
  if (!read) return host_failure(HostStatus::kPinRefused, "tpm: auth file " + read.error().text);
  auto bytes = from_hex(read->secret.reveal());
  const bool fits = bytes && bytes->size() == kAuthValueBytes;
  std::string value = fits ? std::string(text_of(*bytes)) : std::string();
  if (bytes) ::OPENSSL_cleanse(bytes->data(), bytes->size());
  if (!fits) {
    return host_failure(HostStatus::kPinRefused, "tpm: auth file " + source +
                                                     ": must hold 64 hexadecimal digits in lower case and no more; "
                                                     "signerctl token init makes one");
  }
  return Secret(std::move(value));
}

Result<Secret> random_line() {
  std::array<std::uint8_t, kAuthValueBytes> random{};
  if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return fail(ErrorCode::kInternal, "RAND_bytes failed");
  }
  std::string line = to_hex(random);
  ::OPENSSL_cleanse(random.data(), random.size());
  return Secret(std::move(line));
}

}  // namespace

HostResult<Secret> read_auth_value(const std::string& source) {
  return decoded(source, read_secret_file(source, kFileBytesMax));
}

HostResult<Secret> read_or_generate_auth_value(const std::string& path) {
  return decoded(path, read_or_make_secret_file(path, kFileBytesMax, random_line));
}

}  // namespace signer::tpm
