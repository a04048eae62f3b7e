// SPDX-License-Identifier: Apache-2.0
//
// The bytes between signerd and a token host: one frame is one message of a SOCK_SEQPACKET socketpair.  Pure: no I/O.
// Grammar and worked bytes: docs/channel.md.  Every decoder refuses a frame that is short, long, of another version
// or has a field outside its limits; a refused frame is answered by killing the peer, never by guessing.
#pragma once

#include <cstdint>
#include <optional>

#include "channel/values.h"

namespace signer::channel {

inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kFrameBytesMax = 136UL * 1024;

enum class FrameType : std::uint8_t {
  kOpen = 1,
  kDescribe = 2,
  kGenerate = 3,
  kSign = 4,
  kMac = 5,
  kDescribeHmacKey = 6,
  kGenerateHmacKey = 7,
  kInspect = 8,
  kAttest = 9,
  kOpened = 0x81,
  kDescribed = 0x82,
  kGenerated = 0x83,
  kSigned = 0x84,
  kMacMade = 0x85,
  kHmacKeyDescribed = 0x86,
  kHmacKeyGenerated = 0x87,
  kInspected = 0x88,
  kAttested = 0x89,
};

struct FrameHeader {
  FrameType type = FrameType::kOpen;
  std::uint64_t id = 0;  // chosen by signerd, echoed by the host
};

// The header of any frame; nothing if the version or type is unknown or the frame is larger than kFrameBytesMax.
[[nodiscard]] std::optional<FrameHeader> decode_header(ByteView frame);

[[nodiscard]] Bytes encode_open(std::uint64_t id, const TokenSpec& spec);
[[nodiscard]] std::optional<TokenSpec> decode_open(ByteView frame);

[[nodiscard]] Bytes encode_describe(std::uint64_t id, ByteView key_id);
[[nodiscard]] std::optional<Bytes> decode_describe(ByteView frame);

[[nodiscard]] Bytes encode_generate(std::uint64_t id, const KeyRequest& request);
[[nodiscard]] std::optional<KeyRequest> decode_generate(ByteView frame);

[[nodiscard]] Bytes encode_sign(std::uint64_t id, const SignRequest& request);
[[nodiscard]] std::optional<SignRequest> decode_sign(ByteView frame);

[[nodiscard]] Bytes encode_mac(std::uint64_t id, const MacRequest& request);
[[nodiscard]] std::optional<MacRequest> decode_mac(ByteView frame);

[[nodiscard]] Bytes encode_describe_hmac_key(std::uint64_t id, ByteView key_id);
[[nodiscard]] std::optional<Bytes> decode_describe_hmac_key(ByteView frame);

[[nodiscard]] Bytes encode_generate_hmac_key(std::uint64_t id, const HmacKeyRequest& request);
[[nodiscard]] std::optional<HmacKeyRequest> decode_generate_hmac_key(ByteView frame);

[[nodiscard]] Bytes encode_inspect(std::uint64_t id, ByteView key_id);
[[nodiscard]] std::optional<Bytes> decode_inspect(ByteView frame);

[[nodiscard]] Bytes encode_attest(std::uint64_t id, const AttestRequest& request);
[[nodiscard]] std::optional<AttestRequest> decode_attest(ByteView frame);

// Replies: a status, a text for the log, and with kOk the answer.
[[nodiscard]] Bytes encode_opened(std::uint64_t id, const HostResult<TokenDescription>& result);
[[nodiscard]] std::optional<HostResult<TokenDescription>> decode_opened(ByteView frame);

// kDescribed, kGenerated and kInspected share a body.
[[nodiscard]] Bytes encode_key(std::uint64_t id, FrameType type, const HostResult<KeyDescription>& result);
[[nodiscard]] std::optional<HostResult<KeyDescription>> decode_key(ByteView frame);

[[nodiscard]] Bytes encode_signed(std::uint64_t id, const HostResult<Bytes>& result);
[[nodiscard]] std::optional<HostResult<Bytes>> decode_signed(ByteView frame);

[[nodiscard]] Bytes encode_mac_made(std::uint64_t id, const HostResult<Mac>& result);
[[nodiscard]] std::optional<HostResult<Mac>> decode_mac_made(ByteView frame);

[[nodiscard]] Bytes encode_attested(std::uint64_t id, const HostResult<Attestation>& result);
[[nodiscard]] std::optional<HostResult<Attestation>> decode_attested(ByteView frame);

// kHmacKeyDescribed and kHmacKeyGenerated share a body.
[[nodiscard]] Bytes encode_hmac_key(std::uint64_t id, FrameType type, const HostResult<HmacKeyDescription>& result);
[[nodiscard]] std::optional<HostResult<HmacKeyDescription>> decode_hmac_key(ByteView frame);

}  // namespace signer::channel
