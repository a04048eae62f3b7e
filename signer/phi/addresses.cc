// SPDX-License-Identifier: Apache-2.0
//
// Addresses of people and of their machines.
#include <algorithm>
#include <array>

#include "phi/place.h"

namespace signer::phi {

namespace {

constexpr std::size_t kDomainMax = 255;  // RFC 1035 §2.3.4
constexpr std::size_t kUserMax = 128;    // looked back over for the beginning of a URI's authority

bool is_hex(char c) noexcept {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

// What may stand before the '@' (RFC 5322 §3.2.3, RFC 6531), but for what parts a URI or a list.
bool ends_local_part(char c) noexcept {
  return is_alphanumeric(c) || c == kOtherCharacter ||
         std::string_view("_-+.~!#$%'*^`{|}\"").find(c) != std::string_view::npos;
}

// Whether the '@' ends the user information of a URI (RFC 3986 §3.2.1): "//user@".
bool ends_user_information(std::string_view text, std::size_t at) noexcept {
  const std::size_t stop = at > kUserMax ? at - kUserMax : 0;
  for (; at > stop; --at) {
    const char before = text[at - 1];
    if (before == '/') return at >= 2 && text[at - 2] == '/';
    if (before == ' ' || before == '?' || before == '#') return false;
  }
  return false;
}

// Whether a host with a top-level domain begins at `first`: two letters or more, of any script, after a dot.  What
// follows them is not asked: "example.com-1" and "example.com.1" hold example.com.
bool is_domain(std::string_view text, std::size_t first) noexcept {
  bool top_level = false;  // letters alone since the last dot
  std::size_t letters = 0;
  for (std::size_t at = first; at - first <= kDomainMax; ++at) {
    const char c = char_at(text, at);
    if (is_letter(c) || c == kOtherCharacter) {
      ++letters;
    } else if (!is_digit(c) && top_level && letters >= 2) {
      return true;
    } else if (c == '.' && at > first && text[at - 1] != '.') {
      top_level = true;
      letters = 0;
    } else if (is_digit(c) || c == '-') {
      top_level = false;
    } else {
      return false;
    }
  }
  return false;
}

struct Octets {
  std::array<int, 4> values{};
  std::size_t end = 0;  // 0 if these are no four octets
};

// RFC 3986 §3.2.2 dec-octet: no leading zeros.
Octets take_octets(std::string_view text, std::size_t at) noexcept {
  Octets octets;
  for (std::size_t i = 0; i < octets.values.size(); ++i) {
    if (i > 0 && char_at(text, at++) != '.') return {};
    const std::size_t first = at;
    for (; is_digit(char_at(text, at)); ++at) {
      octets.values[i] = octets.values[i] * 10 + (text[at] - '0');
      if (at - first == 3 || octets.values[i] > 255) return {};
    }
    if (at == first || (text[first] == '0' && at - first > 1)) return {};
  }
  octets.end = at;
  return octets;
}

}  // namespace

bool email_at(const Place& place) noexcept {
  const std::string_view text = place.text;
  if (place.at == 0 || !ends_local_part(text[place.at - 1])) return false;
  const std::size_t host = place.at + 1;
  if (is_domain(text, host)) return true;
  const char first = char_at(text, host);
  const bool begins_host = is_alphanumeric(first) || first == kOtherCharacter || first == '[';
  return begins_host && (place.hints.has(Hint::kEmail) || ends_user_information(text, place.at));
}

// Loopback and unspecified addresses are nobody's.  Four arcs of an OID and a version of four parts look alike; the
// word before them tells.
bool ipv4_at(const Place& place) noexcept {
  if (place.hints.has(Hint::kVersion) || !begins_dotted(place.text, place.at)) return false;
  const Octets octets = take_octets(place.text, place.at);
  if (octets.end == 0 || !ends_dotted(place.text, octets.end)) return false;
  return octets.values[0] != 127 && octets.values != std::array{0, 0, 0, 0};
}

// RFC 4291 §2.2.  The first group is one that is given out: 2000::/3, fc00::/7, fe80::/10, ff00::/8, written with its
// four digits; so a::b of a program, a time of day and a fingerprint are no addresses.
bool ipv6_at(const Place& place) noexcept {
  const std::string_view text = place.text;
  const char first = lower(text[place.at]);
  if (first != '2' && first != '3' && first != 'f') return false;
  std::size_t groups = 0;
  bool compressed = false;
  std::size_t at = place.at;
  for (;;) {
    const std::size_t begin = at;
    while (at < begin + 5 && is_hex(char_at(text, at))) ++at;
    const std::size_t size = at - begin;
    if (size > 4 || (groups == 0 && size != 4)) return false;
    if (char_at(text, at) == '.' && size > 0 && take_octets(text, begin).end != 0) return true;
    if (size > 0) ++groups;
    if (size == 0 && !compressed) return false;
    if (char_at(text, at) != ':' || groups == 8) break;
    ++at;
    if (char_at(text, at) != ':') continue;
    if (compressed) return false;
    compressed = true;
    if (!is_hex(char_at(text, ++at))) break;
  }
  const bool delimited = ends_before(text, at) && (char_at(text, at) != ':' || !is_alphanumeric(char_at(text, at + 1)));
  return delimited && (compressed ? groups < 8 : groups == 8);
}

}  // namespace signer::phi
