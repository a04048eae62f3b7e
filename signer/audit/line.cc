// SPDX-License-Identifier: Apache-2.0

#include "audit/line.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <vector>

#include "audit/record.h"
#include "jose/json.h"

namespace signer::audit {

namespace {

constexpr std::size_t kNameDigits = 20;

std::optional<std::uint64_t> number_at(std::string_view digits) noexcept {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr == digits.data()) return std::nullopt;
  return number;
}

// In 2223: WallTime counts nanoseconds, and whoever wrote the line may have written any year.
constexpr std::time_t kSecondsMax = 8'000'000'000;

// "2026-11-23T19:14:52.781672Z".
std::optional<WallTime> time_of(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || *end != '.') return std::nullopt;
  const std::time_t seconds = ::timegm(&parts);
  if (seconds < 0 || seconds > kSecondsMax) return std::nullopt;
  return WallTime(std::chrono::seconds(seconds));
}

Failure<Error> no_head(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "no segment record of version 2: " + std::string(why));
}

}  // namespace

std::string segment_name(std::uint64_t first_index) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "%020llu.jsonl", static_cast<unsigned long long>(first_index));
  return name.data();
}

std::optional<std::uint64_t> first_index_of(std::string_view file_name) {
  for (const std::string_view suffix : {kSegmentSuffix, kCompressedSuffix}) {
    if (file_name.size() != kNameDigits + suffix.size() || !file_name.ends_with(suffix)) continue;
    const std::string_view digits = file_name.substr(0, kNameDigits);
    if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    return number_at(digits);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> index_of(std::string_view line) noexcept {
  static constexpr std::string_view kName = "\"index\":";
  const std::size_t at = line.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  return number_at(line.substr(at + kName.size(), kNameDigits));
}

std::optional<tlog::Hash> prev_of(std::string_view line) {
  static constexpr std::size_t kBase64Bytes = 44;
  const std::size_t at = place_of_prev(line);
  if (at == std::string_view::npos || line.size() - at < kBase64Bytes) return std::nullopt;
  return tlog::hash_from_base64(line.substr(at, kBase64Bytes));
}

Result<SegmentHead> parse_segment_head(std::string_view line) {
  const auto parsed = jose::parse_json(line);
  if (!parsed || !parsed->is_object()) return no_head("not a JSON object");
  const auto member = [&](const char* name) { return parsed->contains(name) ? (*parsed)[name] : jose::Json(); };
  if (member("event") != "segment" || member("v") != 2) return no_head("event is not segment, or v is not 2");
  const jose::Json index = member("index");
  const jose::Json origin = member("origin");
  const jose::Json tree = member("tree");
  const jose::Json time = member("time");
  const auto begun = time.is_string() ? time_of(time.get<std::string>()) : std::nullopt;
  if (!begun || !index.is_number_unsigned() || !origin.is_string() || !(tree.is_array() || tree.is_null())) {
    return no_head("index, origin, time and tree are not as they must be");
  }
  std::vector<tlog::Hash> hashes;
  for (const jose::Json& one : tree) {
    const auto hash = one.is_string() ? tlog::hash_from_base64(one.get<std::string>()) : std::nullopt;
    if (!hash) return no_head("tree is not a list of hashes");
    hashes.push_back(*hash);
  }
  auto records = tlog::Frontier::from(index.get<std::uint64_t>(), hashes);
  if (!records) return no_head(records.error().text);
  return SegmentHead{origin.get<std::string>(), *begun, *records};
}

}  // namespace signer::audit
