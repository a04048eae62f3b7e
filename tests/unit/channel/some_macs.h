// SPDX-License-Identifier: Apache-2.0
//
// A MAC's request and an HMAC key with something in each field.
#pragma once

#include "channel/values.h"

namespace signer::channel {

inline KnownAnswer some_answer() {
  KnownAnswer answer{};
  for (std::size_t i = 0; i < answer.size(); ++i) answer[i] = static_cast<std::uint8_t>(0xe0 + i);
  return answer;
}

inline MacRequest some_mac_job() {
  return {{9, 8, 7}, some_answer(), 0x1122334455667788, std::string("sector\0id", 9)};
}

inline HmacKeyDescription some_hmac_key() {
  return {some_answer(), "CKA_SENSITIVE=1"};
}

}  // namespace signer::channel
