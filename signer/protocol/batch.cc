// SPDX-License-Identifier: Apache-2.0

#include "protocol/batch.h"

#include <algorithm>

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
  for (++at;; at += 2) {
    at = text.find_first_of("\"\\", at);
    if (at == std::string_view::npos || text[at] == '"') break;
  }
  return at == std::string_view::npos ? at : at + 1;
}

// The first comma or closing bracket of the list that `text` is in, outside of what is nested and of texts; npos if
// there is none.  Which brackets belong together is for the parser of the item to say.
std::size_t end_of_item(std::string_view text) {
  std::size_t depth = 0;
  std::size_t at = 0;
  while ((at = text.find_first_of("\"[]{},", at)) != std::string_view::npos) {
    switch (text[at]) {
      case '"':
        at = end_of_text(text, at);
        if (at == std::string_view::npos) return at;
        continue;
      case '[':
      case '{':
        ++depth;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        if (depth == 0) return at;
        --depth;
    }
    ++at;
  }
  return at;
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
