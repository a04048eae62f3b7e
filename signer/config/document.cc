// SPDX-License-Identifier: Apache-2.0

#include "config/document.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace signer::config {

namespace {

// The first line with a byte above 0x7f that is not a comment from its first character on.  Asked whether such
// a character is white space, toml++ (3.3, 3.4) runs into undefined behaviour of its own, so it does not get to see one
// where it would ask; texts can be written with \uXXXX.
std::optional<std::size_t> line_with_foreign_character(std::string_view text) {
  // Inside a text of several lines a '#' begins no comment.
  const bool comments = text.find("\"\"\"") == std::string_view::npos && text.find("'''") == std::string_view::npos;
  std::size_t line = 1;
  bool blank = true;
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      blank = true;
      comment = false;
      continue;
    }
    if (blank && c == '#') comment = comments;
    blank = blank && (c == ' ' || c == '\t');
    if (!comment && static_cast<unsigned char>(c) > 0x7f) return line;
  }
  return std::nullopt;
}

// The line at which toml++ gets lost.  It reads from the front, so whatever holds that line loses it too.
std::size_t line_that_loses_the_parser(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n' || at + 1 == text.size()) ends.push_back(at + 1);
  }
  const auto is_read = [text](std::size_t end) {
    try {
      static_cast<void>(toml::parse(text.substr(0, end)));
    } catch (const toml::parse_error&) {
    } catch (const ParserLost&) {
      return false;
    }
    return true;
  };
  const auto lost = std::partition_point(ends.begin(), ends.end(), is_read);
  return static_cast<std::size_t>(lost - ends.begin()) + 1;
}

}  // namespace

Result<void> read_document(std::string_view text, const std::string& file,
                           const std::function<void(TableReader& root, Problems& problems)>& read) {
  Problems problems(file);
  if (const auto line = line_with_foreign_character(text)) {
    problems.add(
        *line, "syntax",
        "a character that is not ASCII; write it as \\uXXXX in a text, or move the comment to a line of its own");
    return fail(ErrorCode::kInvalidRequest, problems.text());
  }
  try {
    const toml::table table = toml::parse(text, file);
    TableReader root(table, "", problems);
    read(root, problems);
    root.finish();
  } catch (const toml::parse_error& error) {
    problems.add(error.source().begin.line, "syntax", error.description());
  } catch (const ParserLost&) {
    problems.add(line_that_loses_the_parser(text), "syntax",
                 "a name or value begins with a character that may not begin one");
  }
  if (!problems.empty()) return fail(ErrorCode::kInvalidRequest, problems.text());
  return {};
}

}  // namespace signer::config
