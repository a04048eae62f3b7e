// SPDX-License-Identifier: Apache-2.0

#include "channel/frames.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <string_view>
#include <utility>

namespace signer::channel {

namespace {

constexpr unsigned kTypes = 9;
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kWordMax = 16;
constexpr std::size_t kErrorTextMax = 1024;
constexpr std::size_t kSignatureMax = 512;

// Appends fields; every variable field is preceded by its length, big-endian.
class Writer {
 public:
  Writer(FrameType type, std::uint64_t id) {
    bytes_.reserve(1024);
    number<std::uint8_t>(kVersion);
    number(static_cast<std::uint8_t>(type));
    number<std::uint16_t>(0);
    number(id);
  }

  template <std::unsigned_integral Number>
  void number(Number value) {
    for (unsigned shift = 8 * sizeof(Number); shift > 0;) {
      shift -= 8;
      bytes_.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> shift));
    }
  }

  void field(ByteView value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }

  void field(std::string_view text) { field(bytes_of(text)); }

  // Without a length before it.
  template <std::size_t N>
  void fixed(const std::array<std::uint8_t, N>& value) {
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }

  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// Reads fields in order; the first one that does not fit makes all later ones fail.
class Reader {
 public:
  Reader(ByteView frame, std::initializer_list<FrameType> types) : rest_(frame) {
    const auto header = decode_header(frame);
    ok_ = header && std::find(types.begin(), types.end(), header->type) != types.end();
    if (ok_) rest_ = frame.subspan(kHeaderBytes);
  }

  template <std::unsigned_integral Number>
  Number number() {
    if (!ok_ || rest_.size() < sizeof(Number)) {
      ok_ = false;
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) value = (value << 8U) | rest_[i];
    rest_ = rest_.subspan(sizeof(Number));
    return static_cast<Number>(value);
  }

  Bytes field(std::size_t size_max) {
    const auto size = number<std::uint32_t>();
    if (!ok_ || size > size_max || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const ByteView value = rest_.first(size);
    rest_ = rest_.subspan(size);
    return {value.begin(), value.end()};
  }

  template <std::size_t N>
  std::array<std::uint8_t, N> fixed() {
    std::array<std::uint8_t, N> value{};
    require(rest_.size() >= N);
    if (!ok_) return value;
    std::copy_n(rest_.begin(), N, value.begin());
    rest_ = rest_.subspan(N);
    return value;
  }

  std::string text(std::size_t size_max = kTextMax) { return std::string(text_of(field(size_max))); }

  void require(bool condition) { ok_ = ok_ && condition; }

  // True if every field fitted and nothing is left over.
  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

  [[nodiscard]] bool ok() const { return ok_; }

 private:
  ByteView rest_;
  bool ok_ = false;
};

template <class T>
Writer start_reply(FrameType type, std::uint64_t id, const HostResult<T>& result) {
  Writer writer(type, id);
  writer.number(static_cast<std::uint8_t>(result ? HostStatus::kOk : result.error().status));
  const std::string_view text = result ? std::string_view{} : std::string_view(result.error().text);
  writer.field(text.substr(0, kErrorTextMax));
  return writer;
}

// Decodes the status; with kOk, which says nothing beside its answer, the answer is read by `read`.
template <class T, class Read>
std::optional<HostResult<T>> decode_reply(Reader reader, Read read) {
  const auto status = reader.number<std::uint8_t>();
  std::string text = reader.text(kErrorTextMax);
  reader.require(status <= static_cast<std::uint8_t>(HostStatus::kWeakened));
  if (!reader.ok()) return std::nullopt;
  if (static_cast<HostStatus>(status) != HostStatus::kOk) {
    if (!reader.complete()) return std::nullopt;
    return HostResult<T>(host_failure(static_cast<HostStatus>(status), std::move(text)));
  }
  reader.require(text.empty());
  T answer = read(reader);
  if (!reader.complete()) return std::nullopt;
  return HostResult<T>(std::move(answer));
}

// A frame that says a key's id and nothing else.
Bytes encode_key_id(FrameType type, std::uint64_t id, ByteView key_id) {
  Writer writer(type, id);
  writer.field(key_id);
  return writer.take();
}

std::optional<Bytes> decode_key_id(FrameType type, ByteView frame) {
  Reader reader(frame, {type});
  Bytes key_id = reader.field(kKeyIdMax);
  if (!reader.complete() || key_id.empty()) return std::nullopt;
  return key_id;
}

Algorithm read_algorithm(Reader& reader) {
  const auto number = reader.number<std::uint8_t>();
  reader.require(number == static_cast<std::uint8_t>(Algorithm::kRs256) ||
                 number == static_cast<std::uint8_t>(Algorithm::kEs256));
  return static_cast<Algorithm>(number);
}

}  // namespace

std::optional<FrameHeader> decode_header(ByteView frame) {
  if (frame.size() < kHeaderBytes || frame.size() > kFrameBytesMax) return std::nullopt;
  if (frame[0] != kVersion || frame[2] != 0 || frame[3] != 0) return std::nullopt;
  const auto type = static_cast<unsigned>(frame[1]) & 0x7fU;
  if (type < 1 || type > kTypes) return std::nullopt;
  FrameHeader header{static_cast<FrameType>(frame[1]), 0};
  for (std::size_t i = 4; i < kHeaderBytes; ++i) header.id = (header.id << 8U) | frame[i];
  return header;
}

Bytes encode_open(std::uint64_t id, const TokenSpec& spec) {
  Writer writer(FrameType::kOpen, id);
  writer.field(spec.name);
  writer.field(spec.module);
  writer.field(spec.uri);
  writer.field(spec.pin_file);
  writer.field(spec.latch_file);
  writer.number(spec.sessions);
  writer.field(spec.key_directory);
  writer.field(spec.authorization);
  return writer.take();
}

std::optional<TokenSpec> decode_open(ByteView frame) {
  Reader reader(frame, {FrameType::kOpen});
  TokenSpec spec;
  spec.name = reader.text();
  spec.module = reader.text();
  spec.uri = reader.text();
  spec.pin_file = reader.text();
  spec.latch_file = reader.text();
  spec.sessions = reader.number<std::uint16_t>();
  spec.key_directory = reader.text();
  spec.authorization = reader.text(kWordMax);
  if (!reader.complete()) return std::nullopt;
  return spec;
}

Bytes encode_describe(std::uint64_t id, ByteView key_id) {
  return encode_key_id(FrameType::kDescribe, id, key_id);
}

std::optional<Bytes> decode_describe(ByteView frame) {
  return decode_key_id(FrameType::kDescribe, frame);
}

Bytes encode_generate(std::uint64_t id, const KeyRequest& request) {
  Writer writer(FrameType::kGenerate, id);
  writer.number(static_cast<std::uint8_t>(request.kind));
  writer.number(static_cast<std::uint8_t>(request.mechanism_lock ? 1 : 0));
  writer.field(request.label);
  writer.field(request.key_id);
  return writer.take();
}

std::optional<KeyRequest> decode_generate(ByteView frame) {
  Reader reader(frame, {FrameType::kGenerate});
  KeyRequest request;
  const auto kind = reader.number<std::uint8_t>();
  const auto lock = reader.number<std::uint8_t>();
  request.label = reader.text();
  request.key_id = reader.field(kKeyIdMax);
  if (!reader.complete() || kind < 1 || kind > 4 || lock > 1 || request.key_id.empty()) return std::nullopt;
  request.kind = static_cast<jose::KeyKind>(kind);
  request.mechanism_lock = lock == 1;
  return request;
}

Bytes encode_sign(std::uint64_t id, const SignRequest& request) {
  Writer writer(FrameType::kSign, id);
  writer.number(static_cast<std::uint8_t>(request.algorithm));
  writer.number(static_cast<std::uint64_t>(request.deadline_ns));
  writer.field(request.key_id);
  writer.field(request.signing_input);
  return writer.take();
}

std::optional<SignRequest> decode_sign(ByteView frame) {
  Reader reader(frame, {FrameType::kSign});
  SignRequest request;
  request.algorithm = read_algorithm(reader);
  request.deadline_ns = static_cast<std::int64_t>(reader.number<std::uint64_t>());
  request.key_id = reader.field(kKeyIdMax);
  request.signing_input = reader.text(kSigningInputMax);
  if (!reader.complete() || request.key_id.empty() || request.signing_input.empty()) return std::nullopt;
  return request;
}

Bytes encode_mac(std::uint64_t id, const MacRequest& request) {
  Writer writer(FrameType::kMac, id);
  writer.number(static_cast<std::uint64_t>(request.deadline_ns));
  writer.field(request.key_id);
  writer.fixed(request.known_answer);
  writer.field(request.message);
  return writer.take();
}

std::optional<MacRequest> decode_mac(ByteView frame) {
  Reader reader(frame, {FrameType::kMac});
  MacRequest request;
  request.deadline_ns = static_cast<std::int64_t>(reader.number<std::uint64_t>());
  request.key_id = reader.field(kKeyIdMax);
  request.known_answer = reader.fixed<sizeof(KnownAnswer)>();
  request.message = reader.text(kMacMessageMax);
  if (!reader.complete() || request.key_id.empty() || request.message.empty()) return std::nullopt;
  return request;
}

Bytes encode_describe_hmac_key(std::uint64_t id, ByteView key_id) {
  return encode_key_id(FrameType::kDescribeHmacKey, id, key_id);
}

std::optional<Bytes> decode_describe_hmac_key(ByteView frame) {
  return decode_key_id(FrameType::kDescribeHmacKey, frame);
}

Bytes encode_generate_hmac_key(std::uint64_t id, const HmacKeyRequest& request) {
  Writer writer(FrameType::kGenerateHmacKey, id);
  writer.field(request.label);
  writer.field(request.key_id);
  return writer.take();
}

std::optional<HmacKeyRequest> decode_generate_hmac_key(ByteView frame) {
  Reader reader(frame, {FrameType::kGenerateHmacKey});
  HmacKeyRequest request;
  request.label = reader.text();
  request.key_id = reader.field(kKeyIdMax);
  if (!reader.complete() || request.key_id.empty()) return std::nullopt;
  return request;
}

Bytes encode_inspect(std::uint64_t id, ByteView key_id) {
  return encode_key_id(FrameType::kInspect, id, key_id);
}

std::optional<Bytes> decode_inspect(ByteView frame) {
  return decode_key_id(FrameType::kInspect, frame);
}

Bytes encode_attest(std::uint64_t id, const AttestRequest& request) {
  Writer writer(FrameType::kAttest, id);
  writer.number(static_cast<std::uint8_t>(request.probes));
  writer.field(request.key_id);
  writer.field(request.nonce);
  writer.fixed(request.context);
  return writer.take();
}

std::optional<AttestRequest> decode_attest(ByteView frame) {
  Reader reader(frame, {FrameType::kAttest});
  AttestRequest request;
  const auto probes = reader.number<std::uint8_t>();
  request.key_id = reader.field(kKeyIdMax);
  request.nonce = reader.field(kNonceMax);
  request.context = reader.fixed<sizeof request.context>();
  if (!reader.complete() || probes > static_cast<std::uint8_t>(Probes::kFull)) return std::nullopt;
  if (request.key_id.empty() || request.nonce.size() < kNonceMin) return std::nullopt;
  request.probes = static_cast<Probes>(probes);
  return request;
}

Bytes encode_opened(std::uint64_t id, const HostResult<TokenDescription>& result) {
  Writer writer = start_reply(FrameType::kOpened, id, result);
  if (!result) return writer.take();
  for (const std::string* text : {&result->label, &result->manufacturer, &result->model, &result->serial,
                                  &result->firmware, &result->library, &result->mechanism}) {
    writer.field(std::string_view(*text).substr(0, kTextMax));
  }
  writer.number(static_cast<std::uint8_t>(result->hardware ? 1 : 0));
  return writer.take();
}

std::optional<HostResult<TokenDescription>> decode_opened(ByteView frame) {
  return decode_reply<TokenDescription>(Reader(frame, {FrameType::kOpened}), [](Reader& reader) {
    TokenDescription token;
    for (std::string* text : {&token.label, &token.manufacturer, &token.model, &token.serial, &token.firmware,
                              &token.library, &token.mechanism}) {
      *text = reader.text();
    }
    const auto hardware = reader.number<std::uint8_t>();
    reader.require(hardware <= 1);
    token.hardware = hardware == 1;
    return token;
  });
}

Bytes encode_key(std::uint64_t id, FrameType type, const HostResult<KeyDescription>& result) {
  Writer writer = start_reply(type, id, result);
  if (!result) return writer.take();
  writer.number(static_cast<std::uint8_t>(result->public_key.algorithm));
  for (const Bytes* number :
       {&result->public_key.modulus, &result->public_key.exponent, &result->public_key.x, &result->public_key.y}) {
    writer.field(*number);
  }
  writer.field(std::string_view(result->attributes).substr(0, kTextMax));
  return writer.take();
}

std::optional<HostResult<KeyDescription>> decode_key(ByteView frame) {
  return decode_reply<KeyDescription>(
      Reader(frame, {FrameType::kDescribed, FrameType::kGenerated, FrameType::kInspected}), [](Reader& reader) {
        KeyDescription key;
        key.public_key.algorithm = read_algorithm(reader);
        for (Bytes* number :
             {&key.public_key.modulus, &key.public_key.exponent, &key.public_key.x, &key.public_key.y}) {
          *number = reader.field(kSignatureMax);
        }
        key.attributes = reader.text();
        reader.require(jose::check_shape(key.public_key).has_value());
        return key;
      });
}

Bytes encode_signed(std::uint64_t id, const HostResult<Bytes>& result) {
  Writer writer = start_reply(FrameType::kSigned, id, result);
  if (result) writer.field(*result);
  return writer.take();
}

std::optional<HostResult<Bytes>> decode_signed(ByteView frame) {
  return decode_reply<Bytes>(Reader(frame, {FrameType::kSigned}), [](Reader& reader) {
    Bytes signature = reader.field(kSignatureMax);
    reader.require(!signature.empty());
    return signature;
  });
}

Bytes encode_mac_made(std::uint64_t id, const HostResult<Mac>& result) {
  Writer writer = start_reply(FrameType::kMacMade, id, result);
  if (result) writer.fixed(*result);
  return writer.take();
}

std::optional<HostResult<Mac>> decode_mac_made(ByteView frame) {
  return decode_reply<Mac>(Reader(frame, {FrameType::kMacMade}),
                           [](Reader& reader) { return reader.fixed<sizeof(Mac)>(); });
}

Bytes encode_attested(std::uint64_t id, const HostResult<Attestation>& result) {
  Writer writer = start_reply(FrameType::kAttested, id, result);
  if (result) writer.field(result->json);
  return writer.take();
}

std::optional<HostResult<Attestation>> decode_attested(ByteView frame) {
  return decode_reply<Attestation>(Reader(frame, {FrameType::kAttested}), [](Reader& reader) {
    Attestation attestation{reader.text(kAttestationMax)};
    reader.require(!attestation.json.empty());
    return attestation;
  });
}

Bytes encode_hmac_key(std::uint64_t id, FrameType type, const HostResult<HmacKeyDescription>& result) {
  Writer writer = start_reply(type, id, result);
  if (!result) return writer.take();
  writer.fixed(result->known_answer);
  writer.field(std::string_view(result->attributes).substr(0, kTextMax));
  return writer.take();
}

std::optional<HostResult<HmacKeyDescription>> decode_hmac_key(ByteView frame) {
  return decode_reply<HmacKeyDescription>(Reader(frame, {FrameType::kHmacKeyDescribed, FrameType::kHmacKeyGenerated}),
                                          [](Reader& reader) {
                                            HmacKeyDescription key;
                                            key.known_answer = reader.fixed<sizeof(KnownAnswer)>();
                                            key.attributes = reader.text();
                                            return key;
                                          });
}

}  // namespace signer::channel
