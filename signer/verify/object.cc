// SPDX-License-Identifier: Apache-2.0

#include "verify/object.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

namespace signer::verify {

namespace {

constexpr double kExactIntegerMax = 9007199254740991;  // 2^53 - 1, RFC 7493 §2.2

// Bytes that may stand in a text as they are, without a second look.
constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}

constexpr std::array<bool, 256> kPlain = make_plain();

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

class ObjectReader {
 public:
  ObjectReader(std::string_view text, const ObjectLimits& limits, Object& out)
      : at_(text.data()), end_(text.data() + text.size()), size_(text.size()), limits_(limits), out_(out) {}

  bool read() {
    skip_space();
    if (peek() != '{' || !read_value({}, 1)) return false;
    skip_space();
    return at_ == end_;
  }

 private:
  using Kind = Value::Kind;

  // '\0' at the end, which no rule accepts anywhere.
  [[nodiscard]] char peek() const { return at_ == end_ ? '\0' : *at_; }

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool take_word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  // `depth` is that of a container which starts here.
  bool read_value(std::string_view name, std::size_t depth) {
    const std::size_t index = out_.values_.size();
    const Kind kind = kind_of(peek());
    out_.values_.emplace_back();
    out_.values_[index].kind = kind;
    out_.values_[index].name = name;
    if (!read_content(kind, index, depth)) return false;
    out_.values_[index].next = static_cast<std::uint32_t>(out_.values_.size());
    return true;
  }

  [[nodiscard]] static Kind kind_of(char first) {
    switch (first) {
      case '{':
        return Kind::kObject;
      case '[':
        return Kind::kArray;
      case '"':
        return Kind::kText;
      case 't':
      case 'f':
        return Kind::kBool;
      case 'n':
        return Kind::kNull;
      default:
        return Kind::kNumber;  // or nothing at all, which no number begins with
    }
  }

  bool read_content(Kind kind, std::size_t index, std::size_t depth) {
    switch (kind) {
      case Kind::kObject:
        return read_members(index, depth);
      case Kind::kArray:
        return read_elements(depth);
      case Kind::kText:
        return read_text(out_.values_[index].text);
      case Kind::kBool:
        return take_word("true") || take_word("false");
      case Kind::kNull:
        return take_word("null");
      case Kind::kNumber:
        return read_number(out_.values_[index].number);
    }
    return false;
  }

  bool read_members(std::size_t index, std::size_t depth) {
    if (depth > limits_.depth_max || depth > Object::kDepthMax) return false;
    ++at_;
    skip_space();
    if (take('}')) return true;
    std::size_t count = 0;
    while (++count, ++members_ <= limits_.members_max) {
      std::string_view name;
      if (peek() != '"' || !read_text(name)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!read_value(name, depth + 1)) return false;
      skip_space();
      if (take('}')) return !has_duplicate_names(index, count);
      if (!take(',')) return false;
      skip_space();
    }
    return false;
  }

  bool read_elements(std::size_t depth) {
    if (depth > limits_.depth_max || depth > Object::kDepthMax) return false;
    ++at_;
    skip_space();
    if (take(']')) return true;
    while (++members_ <= limits_.members_max) {
      if (!read_value({}, depth + 1)) return false;
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return false;
      skip_space();
    }
    return false;
  }

  // RFC 7515 §4, RFC 7519 §4: names must be unique.  Comparing pairs is fastest for the few names that objects have.
  [[nodiscard]] bool has_duplicate_names(std::size_t index, std::size_t count) const {
    constexpr std::size_t kPairwiseMax = 32;
    std::array<std::string_view, kPairwiseMax> few;
    std::vector<std::string_view> many(count > kPairwiseMax ? count : 0);
    std::string_view* const names = many.empty() ? few.data() : many.data();
    std::size_t member = index + 1;
    for (std::size_t i = 0; i < count; ++i, member = out_.values_[member].next) {
      names[i] = out_.values_[member].name;
      if (many.empty() && std::find(names, names + i, names[i]) != names + i) return true;
    }
    std::ranges::sort(many);
    return std::ranges::adjacent_find(many) != many.end();
  }

  // RFC 8259 §6.
  bool read_number(double& out) {
    const char* const start = at_;
    take('-');
    const char* const digits = at_;
    while (is_digit(peek())) ++at_;
    if (at_ == digits || (*digits == '0' && at_ - digits > 1)) return false;
    if (take('.')) {
      if (!is_digit(peek())) return false;
      while (is_digit(peek())) ++at_;
    }
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!is_digit(peek())) return false;
      while (is_digit(peek())) ++at_;
    }
    const auto [stop, error] = std::from_chars(start, at_, out);
    return error == std::errc{} && stop == at_ && std::fabs(out) <= kExactIntegerMax;
  }

  bool read_text(std::string_view& out) {
    const char* const start = ++at_;
    while (at_ != end_) {
      const auto byte = static_cast<unsigned char>(*at_);
      if (kPlain[byte]) {
        ++at_;
      } else if (byte == '"') {
        out = {start, at_++};
        return true;
      } else if (byte == '\\') {
        return read_escaped_text(start, out);
      } else if (!skip_utf8()) {
        return false;
      }
    }
    return false;
  }

  // As read_text, from the first escape on: the text goes to a buffer of its own.
  bool read_escaped_text(const char* start, std::string_view& out) {
    std::vector<char>& buffer = out_.unescaped_;
    // An escape is longer than what it stands for, so all texts together fit and views into the buffer stay good.
    if (buffer.capacity() == 0) buffer.reserve(size_);
    const std::size_t begin = buffer.size();
    buffer.insert(buffer.end(), start, at_);
    while (at_ != end_) {
      const char* const from = at_;
      if (*at_ == '"') {
        ++at_;
        out = {buffer.data() + begin, buffer.size() - begin};
        return true;
      }
      if (*at_ == '\\') {
        if (!read_escape(buffer)) return false;
        continue;
      }
      if (kPlain[static_cast<unsigned char>(*at_)]) {
        ++at_;
      } else if (!skip_utf8()) {
        return false;
      }
      buffer.insert(buffer.end(), from, at_);
    }
    return false;
  }

  bool read_escape(std::vector<char>& buffer) {
    if (end_ - at_ < 2) return false;
    const char c = at_[1];
    at_ += 2;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        buffer.push_back(c);
        return true;
      case 'b':
        buffer.push_back('\b');
        return true;
      case 'f':
        buffer.push_back('\f');
        return true;
      case 'n':
        buffer.push_back('\n');
        return true;
      case 'r':
        buffer.push_back('\r');
        return true;
      case 't':
        buffer.push_back('\t');
        return true;
      case 'u':
        break;
      default:
        return false;
    }
    std::uint32_t point = 0;
    if (!read_hex(point)) return false;
    if (point >= 0xdc00 && point < 0xe000) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      std::uint32_t low = 0;
      if (!take('\\') || !take('u') || !read_hex(low) || low < 0xdc00 || low >= 0xe000) return false;
      point = 0x10000 + ((point - 0xd800) << 10U) + (low - 0xdc00);
    }
    put_utf8(point, buffer);
    return true;
  }

  bool read_hex(std::uint32_t& out) {
    if (end_ - at_ < 4) return false;
    const auto [stop, error] = std::from_chars(at_, at_ + 4, out, 16);
    if (error != std::errc{} || stop != at_ + 4) return false;
    at_ = stop;
    return true;
  }

  static void put_utf8(std::uint32_t point, std::vector<char>& buffer) {
    const auto put = [&buffer](std::uint32_t byte) { buffer.push_back(static_cast<char>(byte)); };
    if (point < 0x80) return put(point);
    if (point < 0x800) {
      put(0xc0U | (point >> 6U));
    } else {
      if (point < 0x10000) {
        put(0xe0U | (point >> 12U));
      } else {
        put(0xf0U | (point >> 18U));
        put(0x80U | ((point >> 12U) & 0x3fU));
      }
      put(0x80U | ((point >> 6U) & 0x3fU));
    }
    put(0x80U | (point & 0x3fU));
  }

  // One character above 0x7f, RFC 3629 §4: shortest form, no surrogates, at most U+10FFFF.
  bool skip_utf8() {
    const auto byte = [this](std::ptrdiff_t i) { return static_cast<unsigned>(static_cast<unsigned char>(at_[i])); };
    const unsigned lead = byte(0);
    if (lead < 0xc2 || lead > 0xf4) return false;
    const std::ptrdiff_t tail = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (end_ - at_ <= tail) return false;
    const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (byte(1) < low || byte(1) > high) return false;
    for (std::ptrdiff_t i = 2; i <= tail; ++i) {
      if ((byte(i) & 0xc0U) != 0x80) return false;
    }
    at_ += tail + 1;
    return true;
  }

  const char* at_;
  const char* const end_;
  const std::size_t size_;
  const ObjectLimits& limits_;
  Object& out_;
  std::size_t members_ = 0;
};

std::optional<Object> Object::parse(std::string_view text, const ObjectLimits& limits) {
  Object object;
  object.values_.reserve(std::min<std::size_t>(limits.members_max, 31) + 1);
  if (!ObjectReader(text, limits, object).read()) return std::nullopt;
  return object;
}

}  // namespace signer::verify
