// SPDX-License-Identifier: Apache-2.0

#include "audit/record_view.h"

#include <charconv>

#include "audit/line.h"
#include "jose/json.h"

namespace signer::audit {

namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
}

// Within the limits of a line: a list may have many texts, and objects of them.
constexpr jose::JsonLimits kLineLimits{.bytes_max = kLineBytesMax,
                                       .depth_max = 3,
                                       .members_max = kLineBytesMax,
                                       .interoperable_numbers = false,
                                       .whole_numbers = true};

}  // namespace

// One pass over a line.
class RecordScanner {
 public:
  explicit RecordScanner(std::string_view line) : line_(line) {}

  std::optional<RecordView> scan() {
    RecordView record;
    if (!take('{')) return std::nullopt;
    do {
      if (record.count_ == record.members_.size()) return std::nullopt;
      RecordView::Member& member = record.members_[record.count_];
      if (!take_member(member)) return std::nullopt;
      if (record.count_ > 0 && member.name <= record.members_[record.count_ - 1].name) return std::nullopt;
      ++record.count_;
    } while (take(','));
    if (!take('}') || at_ != line_.size()) return std::nullopt;
    // What is beyond ASCII or written as \u needs a closer look, which few lines do.
    if (unusual_ && !jose::parse_json_object(line_, kLineLimits)) return std::nullopt;
    return record;
  }

 private:
  bool take(char c) noexcept {
    if (at_ == line_.size() || line_[at_] != c) return false;
    ++at_;
    return true;
  }

  // A name, the colon behind it, and there is something behind that.
  bool take_name(std::string_view& name) noexcept {
    if (!take('"')) return false;
    const std::size_t first = at_;
    while (at_ < line_.size() && is_name_character(line_[at_])) ++at_;
    name = line_.substr(first, at_ - first);
    return !name.empty() && take('"') && take(':') && at_ < line_.size();
  }

  bool take_member(RecordView::Member& member) noexcept {
    if (!take_name(member.name)) return false;
    const std::size_t value = at_;
    const char first = line_[at_];
    if (!(first == '"' ? take_text() : first == '[' ? take_list() : take_number())) return false;
    member.value = line_.substr(value, at_ - value);
    return true;
  }

  bool take_text() noexcept {
    if (!take('"')) return false;
    while (at_ < line_.size()) {
      const auto c = static_cast<unsigned char>(line_[at_++]);
      if (c == '"') return true;
      if (c < 0x20) return false;
      if (c >= 0x7f) unusual_ = true;
      if (c != '\\') continue;
      if (at_ == line_.size() || std::string_view("\"\\/bfnrtu").find(line_[at_]) == std::string_view::npos)
        return false;
      if (line_[at_] == 'u') unusual_ = true;
      ++at_;
    }
    return false;
  }

  bool take_list() noexcept {
    if (!take('[')) return false;
    if (take(']')) return true;
    const bool of_objects = at_ < line_.size() && line_[at_] == '{';
    do {
      if (!(of_objects ? take_object_of_texts() : take_text())) return false;
    } while (take(','));
    return take(']');
  }

  bool take_object_of_texts() noexcept {
    if (!take('{')) return false;
    std::string_view before;
    do {
      std::string_view name;
      if (!take_name(name) || name <= before || !take_text()) return false;
      before = name;
    } while (take(','));
    return take('}');
  }

  bool take_number() noexcept {
    const std::size_t first = at_;
    take('-');
    const std::size_t digits = at_;
    while (at_ < line_.size() && is_digit(line_[at_])) ++at_;
    const std::size_t count = at_ - digits;
    if (count == 0 || (line_[digits] == '0' && (count > 1 || digits > first))) return false;
    std::int64_t value = 0;
    return std::from_chars(line_.data() + first, line_.data() + at_, value).ec == std::errc{};
  }

  std::string_view line_;
  std::size_t at_ = 0;
  bool unusual_ = false;
};

std::optional<RecordView> RecordView::parse(std::string_view line) {
  return line.size() > kLineBytesMax ? std::nullopt : RecordScanner(line).scan();
}

std::string_view RecordView::raw(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (members_[i].name == name) return members_[i].value;
  }
  return {};
}

std::optional<std::int64_t> RecordView::number(std::string_view name) const noexcept {
  const std::string_view value = raw(name);
  if (value.empty() || value.front() == '"' || value.front() == '[') return std::nullopt;
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);  // scanned before
  return number;
}

bool RecordView::is(std::string_view name, std::string_view plain) const noexcept {
  const std::string_view value = raw(name);
  return value.size() == plain.size() + 2 && value.front() == '"' && value.substr(1, plain.size()) == plain;
}

std::string RecordView::text(std::string_view name) const {
  const std::string_view value = raw(name);
  if (value.empty() || value.front() != '"') return {};
  if (value.find('\\') == std::string_view::npos) return std::string(value.substr(1, value.size() - 2));
  const auto parsed = jose::parse_json(value, kLineLimits);
  return parsed && parsed->is_string() ? parsed->get<std::string>() : std::string();
}

std::vector<std::string> RecordView::texts(std::string_view name) const {
  const std::string_view value = raw(name);
  std::vector<std::string> texts;
  if (value.empty() || value.front() != '[') return texts;
  const auto parsed = jose::parse_json(value, kLineLimits);
  if (!parsed) return texts;
  for (const jose::Json& one : *parsed) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

std::vector<std::map<std::string, std::string>> RecordView::objects(std::string_view name) const {
  const std::string_view value = raw(name);
  std::vector<std::map<std::string, std::string>> objects;
  if (!value.starts_with("[{")) return objects;
  const auto parsed = jose::parse_json(value, kLineLimits);
  if (!parsed) return objects;
  for (const jose::Json& one : *parsed) objects.push_back(one.get<std::map<std::string, std::string>>());
  return objects;
}

}  // namespace signer::audit
