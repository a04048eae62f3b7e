// SPDX-License-Identifier: Apache-2.0

#include "ctl/audit_time.h"

#include <array>
#include <charconv>
#include <ctime>

namespace signer::ctl {

namespace {

constexpr std::int64_t kYearSeconds = 31'557'600;

std::int64_t unit_seconds(char unit) noexcept {
  switch (unit) {
    case 'y':
      return kYearSeconds;
    case 'd':
      return 86'400;
    case 'h':
      return 3'600;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return 0;
  }
}

// Whether the text has digits where the form has 0 and its characters elsewhere.
bool has_form(std::string_view text, std::string_view form) noexcept {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !digit : text[i] != form[i]) return false;
  }
  return true;
}

}  // namespace

Result<std::chrono::seconds> parse_span(std::string_view text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, count);
  const std::int64_t unit = parsed.ec == std::errc{} && parsed.ptr + 1 == end ? unit_seconds(*parsed.ptr) : 0;
  if (unit == 0 || count < 0 || count > 1000 * kYearSeconds / unit) {
    return fail(ErrorCode::kInvalidRequest, "audit: a span of time is a number and one of y, d, h, m, s, such as 7y");
  }
  return std::chrono::seconds(count * unit);
}

Result<std::string> parse_record_time(std::string_view text, WallTime now) {
  if (has_form(text, "0000-00-00")) return std::string(text);
  if (has_form(text, "0000-00-00T00:00:00Z")) return std::string(text.substr(0, text.size() - 1));
  const auto span = parse_span(text);
  if (span && now.time_since_epoch() >= *span) return record_time(now - *span);
  return fail(ErrorCode::kInvalidRequest,
              "audit: a time is such as 2026-11-26, 2026-11-26T09:00:00Z, or 30d for 30 days before now");
}

std::string record_time(WallTime time) {
  const std::time_t seconds = unix_seconds(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 48> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return text.data();
}

}  // namespace signer::ctl
