// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "pipeline/tokens.h"

#include <openssl/rand.h>

namespace signer::pipeline {

namespace {

constexpr std::size_t kKeyIdBytes = 20;

}  // namespace

Result<Bytes> fresh_key_id() {
  Bytes key_id(kKeyIdBytes);
  if (::RAND_bytes(key_id.data(), static_cast<int>(key_id.size())) != 1)
    return fail(ErrorCode::kInternal, "keys: RAND_bytes failed");
  return key_id;
}

bool disagrees(channel::HostStatus status) noexcept {
  return status == channel::HostStatus::kNotFound || status == channel::HostStatus::kMismatch ||
         status == channel::HostStatus::kAmbiguous || status == channel::HostStatus::kUnsupported ||
         status == channel::HostStatus::kWeakened;
}

}  // namespace signer::pipeline
