// SPDX-License-Identifier: Apache-2.0

#include "config/reader.h"

#include <algorithm>
#include <numeric>

#include "config/config.h"

namespace signer::config {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  const auto nearest = std::min_element(known.begin(), known.end(), [name](const auto& a, const auto& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
  if (nearest != known.end() && edit_distance(name, *nearest) <= 2) return "did you mean '" + *nearest + "'?";
  std::string all;
  for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
  return "known here: " + all;
}

// What the system takes for the end of a path or an argument.
constexpr const char* kZeroByte = "must not hold a zero byte";

bool has_zero_byte(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

}  // namespace

void Problems::add(std::size_t line, std::string_view key, std::string_view problem) {
  std::string text = file_ + ":" + std::to_string(line) + ": " + std::string(key) + ": " + std::string(problem);
  // A key can be written with a line break in it; a problem is one line.
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  lines_.push_back(std::move(text));
}

std::string Problems::text() const {
  std::string all;
  for (const std::string& line : lines_) all += (all.empty() ? "" : "\n") + line;
  return all;
}

std::string TableReader::key(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const toml::node* TableReader::find(std::string_view name) {
  known_.emplace_back(name);
  return table_.get(name);
}

void TableReader::problem(std::string_view name, std::string_view problem) {
  const toml::node* node = table_.get(name);
  const auto line = node != nullptr ? node->source().begin.line : table_.source().begin.line;
  problems_.add(line, key(name), problem);
}

void TableReader::text(std::string_view name, std::string& target, bool required) {
  std::optional<std::string> value;
  const bool present = table_.contains(name);
  text(name, value);
  if (value) {
    target = *std::move(value);
  } else if (required && !present) {
    problem(name, "is missing; add " + std::string(name) + " = \"...\"");
  }
}

void TableReader::text(std::string_view name, std::optional<std::string>& target) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const auto* value = node->as_string();
  if (value != nullptr && has_zero_byte(value->get())) {
    problem(name, kZeroByte);
  } else if (value != nullptr && !value->get().empty()) {
    target = value->get();
  } else {
    problem(name, "must be a text that is not empty, in double quotes");
  }
}

void TableReader::texts(std::string_view name, std::vector<std::string>& target, bool required) {
  const toml::node* node = find(name);
  if (node == nullptr) {
    if (required) problem(name, "is missing; add " + std::string(name) + " = [\"...\"]");
    return;
  }
  const auto* array = node->as_array();
  if (array == nullptr || array->empty()) return problem(name, "must be a list of texts with at least one, [\"...\"]");
  for (const toml::node& element : *array) {
    const auto* value = element.as_string();
    if (value == nullptr || value->get().empty()) return problem(name, "must hold texts that are not empty");
    if (has_zero_byte(value->get())) return problem(name, kZeroByte);
    if (std::find(target.begin(), target.end(), value->get()) != target.end()) {
      return problem(name, "names '" + value->get() + "' twice");
    }
    target.push_back(value->get());
  }
}

void TableReader::number(std::string_view name, std::int64_t minimum, std::int64_t maximum,
                         std::optional<std::int64_t>& target) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < minimum || value->get() > maximum) {
    return problem(name, "must be a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum));
  }
  target = value->get();
}

void TableReader::flag(std::string_view name, bool& target) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const auto* value = node->as_boolean();
  if (value == nullptr) return problem(name, "must be true or false, without quotes");
  target = value->get();
}

void TableReader::duration(std::string_view name, std::chrono::milliseconds minimum, std::chrono::milliseconds maximum,
                           std::optional<std::chrono::milliseconds>& target) {
  std::string written;
  text(name, written);
  if (written.empty()) return;
  const auto value = parse_duration(written);
  if (!value) return problem(name, "must be a duration such as \"250ms\", \"10s\", \"15m\", \"1h\" or \"90d\"");
  if (*value < minimum || *value > maximum) {
    return problem(
        name, "must be from " + std::to_string(minimum.count()) + "ms to " + std::to_string(maximum.count()) + "ms");
  }
  target = value;
}

void TableReader::seconds(std::string_view name, std::chrono::milliseconds minimum, std::chrono::milliseconds maximum,
                          std::optional<std::chrono::seconds>& target) {
  std::optional<std::chrono::milliseconds> value;
  duration(name, minimum, maximum, value);
  if (!value) return;
  if (value->count() % 1000 != 0) return problem(name, "must be whole seconds");
  target = std::chrono::duration_cast<std::chrono::seconds>(*value);
}

const toml::table* TableReader::table(std::string_view name) {
  const toml::node* node = find(name);
  if (node == nullptr) return nullptr;
  if (node->as_table() == nullptr) problem(name, "must be a table");
  return node->as_table();
}

std::vector<const toml::table*> TableReader::tables(std::string_view name) {
  std::vector<const toml::table*> found;
  const toml::node* node = find(name);
  if (node == nullptr) return found;
  const auto* array = node->as_array();
  if (array == nullptr) {
    problem(name, "must be written [[" + std::string(name) + "]]");
    return found;
  }
  for (const toml::node& element : *array) {
    if (element.as_table() == nullptr) {
      problem(name, "must be written [[" + std::string(name) + "]]");
    } else {
      found.push_back(element.as_table());
    }
  }
  return found;
}

void TableReader::refuse(std::string_view name, std::string_view problem) {
  refused_.emplace_back(name);
  if (table_.contains(name)) this->problem(name, problem);
}

void TableReader::finish() {
  const auto among = [](const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const auto& [name, node] : table_) {
    const std::string_view text = name;
    if (among(known_, text) || among(refused_, text)) continue;
    problems_.add(node.source().begin.line, key(text), "is not known; " + suggestion(text, known_));
  }
}

}  // namespace signer::config
