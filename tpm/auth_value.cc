// SPDX-License-Identifier: Apache-2.0

#include "tpm/auth_value.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/hex.h"
#include "base/secret_file.h"

namespace signer::tpm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr std::size_t kFileBytesMax = 2 * kAuthValueBytes + 1;

bool is_absent(const std::string& path) {
  std::error_code error;
  return !std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

HostResult<Secret> decoded(const std::string& source, const Result<SecretFile>& read) {
  if (!read) {
    const bool makeable = source.starts_with('/') && is_absent(source);
    return host_failure(HostStatus::kInvalid,
                        "tpm: auth file " + read.error().text +
                            (makeable ? "; restore it, or for a token without keys: signerctl token init with "
                                        "--generate-auth makes one"
                                      : ""));
  }
  auto bytes = from_hex(read->secret.reveal());
  const bool fits = bytes && bytes->size() == kAuthValueBytes;
  // TPMs drop zeros at the end, and would be left with nothing.
  const bool is_zero = fits && std::ranges::all_of(*bytes, [](std::uint8_t byte) { return byte == 0; });
  std::string value = fits ? std::string(text_of(*bytes)) : std::string();
  if (bytes) ::OPENSSL_cleanse(bytes->data(), bytes->size());
  if (!fits) {
    return host_failure(HostStatus::kInvalid, "tpm: auth file " + source +
                                                  ": must hold 64 hexadecimal digits in lower case and no more; "
                                                  "signerctl token init makes one");
  }
  Secret secret(std::move(value));
  if (is_zero) {
    return host_failure(HostStatus::kInvalid, "tpm: auth file " + source +
                                                  ": is all zeros, which a TPM takes for no auth value; delete it "
                                                  "and run signerctl token init");
  }
  return secret;
}

// No zero byte and no line end, at the price of a third of a bit: OpenSSL takes neither in the pass phrase by which it
// may use the key (docs/tpm.md), and a TPM drops zeros at the end.
bool fits_a_pass_phrase(ByteView random) {
  return std::ranges::none_of(random, [](std::uint8_t byte) { return byte == 0 || byte == '\n' || byte == '\r'; });
}

Result<Secret> random_line() {
  std::array<std::uint8_t, kAuthValueBytes> random{};
  do {
    if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
      return fail(ErrorCode::kInternal, "RAND_bytes failed");
    }
  } while (!fits_a_pass_phrase(random));
  std::string line = to_hex(random);
  ::OPENSSL_cleanse(random.data(), random.size());
  return Secret(std::move(line));
}

}  // namespace

HostResult<Secret> read_auth_value(const std::string& source) {
  return decoded(source, read_secret_file(source, kFileBytesMax));
}

HostResult<Secret> read_or_generate_auth_value(const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path();  // state_dir/tpm, before signerd has made it
  if (directory.is_absolute() && is_absent(path)) {
    if (const auto usable = ensure_directory(directory); !usable) {
      return host_failure(HostStatus::kInvalid, "tpm: auth file " + path + ": " + usable.error().text);
    }
  }
  return decoded(path, read_or_make_secret_file(path, kFileBytesMax, random_line));
}

}  // namespace signer::tpm
