// SPDX-License-Identifier: Apache-2.0

#include "hsm/pin.h"

#include <openssl/rand.h>

#include <array>

#include "jose/base64url.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr std::size_t kRandomBytes = 18;  // 24 characters of base64url, 144 bits
static_assert(kRandomBytes % 3 == 0, "base64url without padding must come out whole");

HostResult<Pin> judged(Result<SecretFile> read) {
  if (read) return std::move(read).value();
  return host_failure(HostStatus::kInvalid, "hsm: PIN file " + read.error().text);
}

Result<Secret> random_pin() {
  std::array<std::uint8_t, kRandomBytes> random{};
  if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return fail(ErrorCode::kInternal, "RAND_bytes failed");
  }
  std::string pin = jose::base64url_encode(ByteView(random));
  ::OPENSSL_cleanse(random.data(), random.size());
  return Secret(std::move(pin));
}

}  // namespace

HostResult<Pin> read_pin(const std::string& source) {
  return judged(read_secret_file(source, kPinBytesMax));
}

HostResult<Pin> read_or_generate_pin(const std::string& path) {
  return judged(read_or_make_secret_file(path, kPinBytesMax, random_pin));
}

}  // namespace signer::hsm
