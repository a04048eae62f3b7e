// SPDX-License-Identifier: Apache-2.0
// Target functions: keyring::from_file_text, keyring::hmac_key_from_file_text, keyring::to_file_text (and
// jose::from_jwk below them).
//
// What is read comes back unchanged from what is written of it, the kid of a key pair is the thumbprint, and no file is
// of both sorts.
#include "fuzz/fuzz.h"
#include "keyring/hmac_key.h"
#include "keyring/key_version.h"

namespace signer::fuzz {
namespace {

// Whether the text is that of an HMAC key.
bool check_hmac_key(std::string_view text) {
  const auto key = keyring::hmac_key_from_file_text(text);
  if (!key) {
    require(key.error().code == ErrorCode::kInvalidRequest && !key.error().text.empty(), "a refusal has words");
    return false;
  }
  require(!key->key_id.empty() && key->key_id.size() <= 64, "the CKA_ID is 1 to 64 bytes");
  const std::string written = keyring::to_file_text(*key);
  const auto again = keyring::hmac_key_from_file_text(written);
  require(again.has_value() && *again == *key, "what we write, we read");
  require(keyring::to_file_text(*again) == written, "writing is stable");
  return true;
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using signer::fuzz::require;
  const bool hmac_key = signer::fuzz::check_hmac_key(text_of({data, size}));
  const auto version = keyring::from_file_text(text_of({data, size}));
  require(!version || !hmac_key, "a file is of one sort");
  if (!version) {
    require(version.error().code == ErrorCode::kInvalidRequest && !version.error().text.empty(), "a refusal has words");
    return 0;
  }
  require(version->kid == jose::thumbprint(version->public_key), "the kid is the thumbprint");
  require(!version->key_id.empty() && version->key_id.size() <= 64, "the CKA_ID is 1 to 64 bytes");
  require(jose::check_shape(version->public_key).has_value(), "the public key has its shape");
  const std::string written = keyring::to_file_text(*version);
  const auto again = keyring::from_file_text(written);
  require(again.has_value(), "what we write, we read");
  require(*again == *version, "reading what was written changes nothing");
  require(keyring::to_file_text(*again) == written, "writing is stable");
  return 0;
}
