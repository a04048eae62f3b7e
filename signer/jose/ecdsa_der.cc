// SPDX-License-Identifier: Apache-2.0

#include "jose/ecdsa_der.h"

#include <algorithm>

namespace signer::jose {

namespace {

// One integer: shortest form, never negative.  Returns the place after it.
std::uint8_t* put_der_integer(std::uint8_t* out, ByteView number) {
  while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
  const bool padded = (number.front() & 0x80U) != 0;
  *out++ = 0x02;
  *out++ = static_cast<std::uint8_t>(number.size() + (padded ? 1 : 0));
  if (padded) *out++ = 0;
  return std::ranges::copy(number, out).out;
}

}  // namespace

EcdsaDer::EcdsaDer(ByteView raw) noexcept {
  std::uint8_t* end = put_der_integer(bytes_.data() + 2, raw.first(raw.size() / 2));
  end = put_der_integer(end, raw.last(raw.size() / 2));
  size_ = static_cast<std::size_t>(end - bytes_.data());
  bytes_[0] = 0x30;
  bytes_[1] = static_cast<std::uint8_t>(size_ - 2);
}

}  // namespace signer::jose
