// SPDX-License-Identifier: Apache-2.0
// Target functions: channel::decode_header and all other channel::decode_*, channel::encode_*.
//
// Each frame is taken by one decoder at most, and what a decoder took is encoded and decoded again to the same bytes.
#include "channel/frames.h"
#include "fuzz/fuzz.h"

namespace signer::fuzz {
namespace {

using namespace signer::channel;

// 1 if `decode` takes the frame.  Encoding what it gave settles in one step: only the text beside kOk, which no host
// sends, is lost by it.
template <class Decode, class Encode>
int stable(ByteView frame, Decode decode, Encode encode) {
  const auto value = decode(frame);
  if (!value) return 0;
  const auto header = decode_header(frame);
  require(header.has_value(), "a frame with a body has a header");
  const Bytes once = encode(*header, *value);
  require(once.size() <= kFrameBytesMax && once.size() <= frame.size(), "encoding adds nothing");
  const auto again = decode(once);
  require(again.has_value(), "what we encode, we decode");
  const auto second_header = decode_header(once);
  require(second_header && second_header->id == header->id && second_header->type == header->type, "the header stays");
  require(encode(*header, *again) == once, "encoding is stable");
  return 1;
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::channel;
  using signer::fuzz::stable;
  const ByteView frame(data, size);
  int taken = 0;
  taken += stable(frame, decode_open, [](auto h, const auto& v) { return encode_open(h.id, v); });
  taken += stable(frame, decode_describe, [](auto h, const auto& v) { return encode_describe(h.id, v); });
  taken += stable(frame, decode_generate, [](auto h, const auto& v) { return encode_generate(h.id, v); });
  taken += stable(frame, decode_sign, [](auto h, const auto& v) { return encode_sign(h.id, v); });
  taken += stable(frame, decode_opened, [](auto h, const auto& v) { return encode_opened(h.id, v); });
  taken += stable(frame, decode_key, [](auto h, const auto& v) { return encode_key(h.id, h.type, v); });
  taken += stable(frame, decode_signed, [](auto h, const auto& v) { return encode_signed(h.id, v); });
  taken += stable(frame, decode_mac, [](auto h, const auto& v) { return encode_mac(h.id, v); });
  taken +=
      stable(frame, decode_describe_hmac_key, [](auto h, const auto& v) { return encode_describe_hmac_key(h.id, v); });
  taken +=
      stable(frame, decode_generate_hmac_key, [](auto h, const auto& v) { return encode_generate_hmac_key(h.id, v); });
  taken += stable(frame, decode_mac_made, [](auto h, const auto& v) { return encode_mac_made(h.id, v); });
  taken += stable(frame, decode_hmac_key, [](auto h, const auto& v) { return encode_hmac_key(h.id, h.type, v); });
  taken += stable(frame, decode_inspect, [](auto h, const auto& v) { return encode_inspect(h.id, v); });
  taken += stable(frame, decode_attest, [](auto h, const auto& v) { return encode_attest(h.id, v); });
  taken += stable(frame, decode_attested, [](auto h, const auto& v) { return encode_attested(h.id, v); });
  signer::fuzz::require(taken <= 1, "a frame has one meaning");
  if (taken == 1) {
    const auto cut = frame.first(size - 1);
    const bool still = decode_open(cut) || decode_describe(cut) || decode_generate(cut) || decode_sign(cut) ||
                       decode_opened(cut) || decode_key(cut) || decode_signed(cut) || decode_mac(cut) ||
                       decode_describe_hmac_key(cut) || decode_generate_hmac_key(cut) || decode_mac_made(cut) ||
                       decode_hmac_key(cut) || decode_inspect(cut) || decode_attest(cut) || decode_attested(cut);
    signer::fuzz::require(!still, "a frame that lacks its last byte is refused");
  }
  return 0;
}
