// SPDX-License-Identifier: Apache-2.0
// Target functions: keyring::from_file_text, keyring::to_file_text (and jose::from_jwk below them).
//
// What is read comes back unchanged from what is written of it, and its kid is the thumbprint.
#include "fuzz/fuzz.h"
#include "keyring/key_version.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using signer::fuzz::require;
  const auto version = keyring::from_file_text(text_of({data, size}));
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
