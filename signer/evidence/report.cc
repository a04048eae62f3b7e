// SPDX-License-Identifier: Apache-2.0

#include "evidence/report.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace signer::evidence {

namespace {

constexpr std::size_t kLineWidth = 100;
constexpr std::array<std::size_t, 4> kColumns{12, 33, 20, 29};  // with two blanks between, a line

// Cuts at blanks; a word that is longer than a line is cut where the line ends.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    std::size_t end = text.rfind(' ', width);
    if (end == std::string_view::npos || end == 0) end = width;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

void add_row(const std::array<std::string_view, 4>& cells, std::string& out) {
  std::array<std::vector<std::string>, 4> columns;
  std::size_t height = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    columns[i] = wrapped(cells[i], kColumns[i]);
    height = std::max(height, columns[i].size());
  }
  for (std::size_t line = 0; line < height; ++line) {
    std::string row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string cell = line < columns[i].size() ? columns[i][line] : std::string();
      cell.resize(kColumns[i] + 2, ' ');
      row += cell;
    }
    row.resize(row.find_last_not_of(' ') + 1);
    out += row + "\n";
  }
}

void add_lines(std::string_view text, std::string& out) {
  for (const std::string& line : wrapped(text, kLineWidth)) out += line + "\n";
}

void add_grade(const Verdict& verdict, std::string& out) {
  add_lines("grade: " + std::string(to_string(verdict.grade)), out);
  add_lines("reason: " + verdict.reason, out);
}

}  // namespace

std::string to_text(const Verdict& verdict) {
  std::string out;
  add_grade(verdict, out);
  out += "\n";
  if (verdict.made) {
    add_lines("key: " + verdict.key, out);
    add_lines("kid: " + verdict.kid, out);
    add_lines("made: " + utc_time(*verdict.made) + ", " + verdict.fmt, out);
    out += "\n";
  }
  std::vector<const Check*> order;
  for (const Check& check : verdict.checks) order.push_back(&check);
  std::ranges::stable_sort(order, [](const Check* a, const Check* b) { return a->finding > b->finding; });
  add_row({"finding", "check", "found", "meaning"}, out);
  for (const Check* check : order) add_row({to_string(check->finding), check->name, check->found, check->meaning}, out);
  out += "\n";
  add_grade(verdict, out);
  return out;
}

jose::Json to_json(const Verdict& verdict) {
  jose::Json json = {{"grade", to_string(verdict.grade)}, {"reason", verdict.reason}, {"checks", jose::Json::array()}};
  if (verdict.made) {
    json["key"] = verdict.key;
    json["kid"] = verdict.kid;
    json["fmt"] = verdict.fmt;
    json["made"] = utc_time(*verdict.made);
  }
  for (const Check& check : verdict.checks) {
    json["checks"].push_back({{"check", check.name},
                              {"finding", to_string(check.finding)},
                              {"found", check.found},
                              {"meaning", check.meaning}});
  }
  return json;
}

}  // namespace signer::evidence
