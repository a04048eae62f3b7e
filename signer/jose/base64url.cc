// SPDX-License-Identifier: Apache-2.0

#include "jose/base64url.h"

#include <array>
#include <cstdint>

namespace signer::jose {

namespace {

constexpr std::uint8_t kInvalid = 0xff;

struct Alphabet {
  std::string_view characters;
  std::array<std::uint8_t, 256> values;
};

constexpr Alphabet make_alphabet(std::string_view characters) {
  Alphabet alphabet{characters, {}};
  alphabet.values.fill(kInvalid);
  for (std::size_t i = 0; i < characters.size(); ++i) {
    alphabet.values[static_cast<unsigned char>(characters[i])] = static_cast<std::uint8_t>(i);
  }
  return alphabet;
}

constexpr Alphabet kUrlAlphabet = make_alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
constexpr Alphabet kStandardAlphabet =
    make_alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

// Without padding, as decode.
template <const Alphabet& kAlphabet>
std::string encode(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t pending = 0;
  unsigned bits = 0;
  for (const std::uint8_t byte : bytes) {
    pending = (pending << 8U) | byte;
    for (bits += 8; bits >= 6; bits -= 6) out += kAlphabet.characters[(pending >> (bits - 6)) & 63U];
  }
  if (bits > 0) out += kAlphabet.characters[(pending << (6 - bits)) & 63U];
  return out;
}

template <const Alphabet& kAlphabet>
bool decode_into(std::string_view text, Bytes& out) {
  const std::size_t spare = text.size() % 4;
  if (spare == 1) return false;
  out.resize(text.size() / 4 * 3 + (spare == 0 ? 0 : spare - 1));
  const auto value = [&text](std::size_t i) -> std::uint32_t {
    return kAlphabet.values[static_cast<unsigned char>(text[i])];
  };
  std::uint32_t invalid = 0;
  std::size_t written = 0;
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    const std::uint32_t a = value(i);
    const std::uint32_t b = value(i + 1);
    const std::uint32_t c = value(i + 2);
    const std::uint32_t d = value(i + 3);
    invalid |= a | b | c | d;
    const std::uint32_t group = (a << 18U) | (b << 12U) | (c << 6U) | d;
    out[written++] = static_cast<std::uint8_t>(group >> 16U);
    out[written++] = static_cast<std::uint8_t>(group >> 8U);
    out[written++] = static_cast<std::uint8_t>(group);
  }
  if (spare >= 2) {
    const std::uint32_t a = value(i);
    const std::uint32_t b = value(i + 1);
    const std::uint32_t c = spare == 3 ? value(i + 2) : 0;
    invalid |= a | b | c;
    const std::uint32_t left_over = spare == 2 ? b & 15U : c & 3U;
    if (left_over != 0) return false;
    out[written++] = static_cast<std::uint8_t>((a << 2U) | (b >> 4U));
    if (spare == 3) out[written++] = static_cast<std::uint8_t>((b << 4U) | (c >> 2U));
  }
  return (invalid & 0x80U) == 0;
}

}  // namespace

std::string base64url_encode(ByteView bytes) {
  return encode<kUrlAlphabet>(bytes);
}

bool base64url_decode_into(std::string_view text, Bytes& out) {
  return decode_into<kUrlAlphabet>(text, out);
}

std::optional<Bytes> base64url_decode(std::string_view text) {
  Bytes out;
  if (!base64url_decode_into(text, out)) return std::nullopt;
  return out;
}

std::string base64_encode(ByteView bytes) {
  std::string text = encode<kStandardAlphabet>(bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  Bytes out;
  if (!decode_into<kStandardAlphabet>(text, out)) return std::nullopt;
  return out;
}

}  // namespace signer::jose
