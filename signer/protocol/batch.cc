// SPDX-License-Identifier: Apache-2.0

#include "protocol/batch.h"

#include <algorithm>
#include <array>

namespace signer::protocol {

namespace {

constexpr std::string_view kBlanks = " \t\n\r";  // RFC 8259 §2

std::string_view without_blanks_before(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

// Takes `word` and the blanks before it off the front; false if something else is there.
bool take(std::string_view& text, std::string_view word) {
  const std::string_view rest = without_blanks_before(text);
  if (!rest.starts_with(word)) return false;
  text = rest.substr(word.size());
  return true;
}

// Behind the text that begins with a quote at `at`; npos if it does not end.
std::size_t end_of_text(std::string_view text, std::size_t at) {
  const std::size_t begin = at + 1;
  while ((at = text.find('"', at + 1)) != std::string_view::npos) {
    std::size_t escapes = 0;
    while (at - escapes > begin && text[at - escapes - 1] == '\\') ++escapes;
    if (escapes % 2 == 0) return at + 1;
  }
  return at;
}

// What a scan for the end of an item stops at; a table, because find_first_of takes five times as long.
constexpr std::array<bool, 256> kStops = [] {
  std::array<bool, 256> stops{};
  for (const char c : std::string_view("\"[]{},")) stops[static_cast<unsigned char>(c)] = true;
  return stops;
}();

// The first comma or closing bracket of the list that `text` is in, outside of what is nested and of texts; npos if
// there is none.  Which brackets belong together is for the parser of the item to say.
std::size_t end_of_item(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (!kStops[static_cast<unsigned char>(c)]) continue;
    if (c == '"') {
      at = end_of_text(text, at);
      if (at == std::string_view::npos) return at;
      --at;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (depth == 0) {
      return at;
    } else if (c != ',') {
      --depth;
    }
  }
  return std::string_view::npos;
}

Failure<Refusal> no_batch() {
  return refuse(ErrorCode::kInvalidRequest, "a batch is {\"items\":[...]}");
}

}  // namespace

Judged<std::vector<std::string_view>> split_batch(std::string_view body) {
  for (const std::string_view word : {"{", "\"items\"", ":", "["}) {
    if (!take(body, word)) return no_batch();
  }
  std::vector<std::string_view> items;
  for (char separator = ','; separator == ',';) {
    const std::size_t end = end_of_item(body);
    if (end == std::string_view::npos) return no_batch();
    if (items.size() == kBatchItemsMax) return refuse(ErrorCode::kInvalidRequest, "a batch has 1 to 256 items");
    items.push_back(body.substr(0, end));
    separator = body[end];
    body.remove_prefix(end + 1);
    if (separator == '}') return no_batch();
  }
  if (!take(body, "}") || !without_blanks_before(body).empty()) return no_batch();
  if (items.size() == 1 && without_blanks_before(items.front()).empty()) {
    return refuse(ErrorCode::kInvalidRequest, "a batch has 1 to 256 items");
  }
  return items;
}

}  // namespace signer::protocol
