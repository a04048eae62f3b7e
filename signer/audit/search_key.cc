// SPDX-License-Identifier: Apache-2.0

#include "audit/search_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <utility>

#include "base/hex.h"
#include "base/secret_file.h"
#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::audit {

namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kFileBytesMax = 256;
constexpr std::size_t kIdBytes = 8;

Result<Secret> fresh_search_key() {
  std::array<std::uint8_t, kKeyBytes> random{};
  if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return fail(ErrorCode::kInternal, "audit: RAND_bytes failed");
  return Secret(jose::base64url_encode(random));
}

}  // namespace

SearchKey::SearchKey(Secret key, std::string id, bool made) : key_(std::move(key)), id_(std::move(id)), made_(made) {}

Result<SearchKey> SearchKey::from(const std::string& file, const Secret& line, bool made) {
  auto bytes = jose::base64url_decode(line.reveal());
  if (!bytes || bytes->size() != kKeyBytes) {
    return fail(ErrorCode::kInvalidRequest,
                "audit: " + file +
                    ": not a search key, which is one line of 32 bytes in base64url; restore it from a "
                    "backup");
  }
  Secret key(std::string(bytes->begin(), bytes->end()));
  ::OPENSSL_cleanse(bytes->data(), bytes->size());
  std::string id = to_hex(ByteView(jose::sha256(bytes_of(line.reveal()))).first(kIdBytes));
  return SearchKey(std::move(key), std::move(id), made);
}

Result<SearchKey> SearchKey::open(const std::filesystem::path& file) {
  std::error_code error;
  const bool made = !std::filesystem::exists(file, error);
  SIGNER_ASSIGN_OR_RETURN(const SecretFile read, read_or_make_secret_file(file, kFileBytesMax, &fresh_search_key));
  return from(file.string(), read.secret, made);
}

Result<SearchKey> SearchKey::read(const std::string& file) {
  SIGNER_ASSIGN_OR_RETURN(const SecretFile read, read_secret_file(file, kFileBytesMax));
  return from(file, read.secret, false);
}

std::string SearchKey::mac(std::string_view subject) const {
  if (subject.empty()) return {};
  const std::string_view key = key_.reveal();
  const ByteView bytes = bytes_of(subject);
  std::array<std::uint8_t, 32> mac{};
  unsigned size = 0;
  if (::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), mac.data(), &size) ==
      nullptr) {
    return {};
  }
  return jose::base64url_encode(mac);
}

}  // namespace signer::audit
