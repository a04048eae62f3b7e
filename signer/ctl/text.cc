// SPDX-License-Identifier: Apache-2.0

#include "ctl/text.h"

#include <algorithm>

namespace signer::ctl {

namespace {

bool plain(char c) {
  return c >= 0x20 && c <= 0x7e;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !plain(c); }, '?');
  return out;
}

std::string printable_lines(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !plain(c) && c != '\n'; }, '?');
  return out;
}

std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += printable(row[i]);
      line.append(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string machine(const jose::Json& value) {
  return value.dump(-1, ' ', true, jose::Json::error_handler_t::replace) + "\n";
}

std::string indented(const jose::Json& value) {
  return value.dump(2, ' ', true, jose::Json::error_handler_t::replace) + "\n";
}

std::string cell(const jose::Json& object, const char* name, std::string_view absent) {
  if (!object.is_object()) return std::string(absent);
  const auto found = object.find(name);
  if (found == object.end()) return std::string(absent);
  if (const auto* text = found->get_ptr<const std::string*>()) return text->empty() ? std::string(absent) : *text;
  if (found->is_boolean()) return found->get<bool>() ? "yes" : "no";
  if (found->is_number()) return found->dump();
  return std::string(absent);
}

}  // namespace signer::ctl
