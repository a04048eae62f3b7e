// SPDX-License-Identifier: Apache-2.0

#include "config/claim_table.h"

#include <algorithm>
#include <set>

namespace signer::config {

namespace {

using claims::Rule;
using claims::Type;

constexpr std::size_t kClaimNameBytesMax = 128;
constexpr std::int64_t kTextBytesMax = 4096;
constexpr std::int64_t kItemsMax = 256;
constexpr int kDepthMax = 6;  // of claims within claims: more than any token needs

Rule read_rule(const toml::table& table, const std::string& path, Problems& problems, bool named, int depth);

// A claim's name becomes part of pointers and records, so it is printable ASCII.
void read_claim_name(TableReader& reader, Rule& rule) {
  reader.text("name", rule.name, true);
  const bool plain =
      std::ranges::all_of(rule.name, [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\''; });
  if (rule.name.size() > kClaimNameBytesMax || !plain) {
    reader.problem("name", "must be 1 to 128 printable ASCII characters without blanks and quotes");
  }
}

void read_type(TableReader& reader, Rule& rule) {
  std::string word;
  reader.text("type", word, true);
  if (word.empty()) return;
  if (const auto type = claims::type_of(word)) {
    rule.type = *type;
  } else {
    reader.problem(
        "type",
        "is not known; known: const, enum, pattern, text, uuid, opaque_id, scope, uri, number, time, boolean, "
        "array, object");
  }
}

// A member of the table that only some types have.
template <class Read>
void only_if(bool fits, TableReader& reader, std::string_view member, const Rule& rule, Read read) {
  if (fits) return read();
  reader.refuse(member, "has no meaning for the type \"" + std::string(claims::to_string(rule.type)) + "\"");
}

void read_values(TableReader& reader, Rule& rule) {
  only_if(rule.type == Type::kConst, reader, "value", rule, [&] {
    std::string value;
    reader.text("value", value, true);
    rule.values = {value};
  });
  only_if(rule.type == Type::kEnum, reader, "values", rule, [&] { reader.texts("values", rule.values, true); });
  only_if(rule.type == Type::kPattern, reader, "pattern", rule, [&] {
    std::string expression;
    reader.text("pattern", expression, true);
    auto pattern = claims::Pattern::compile(expression);
    if (!pattern) return reader.problem("pattern", "is no pattern of RE2: " + pattern.error().text);
    rule.pattern = *std::move(pattern);
  });
}

void read_sizes(TableReader& reader, Rule& rule) {
  const bool counted = claims::is_text(rule.type) && rule.type != Type::kConst && rule.type != Type::kEnum;
  only_if(counted, reader, "max_length", rule, [&] {
    std::optional<std::int64_t> value;
    reader.number("max_length", 1, kTextBytesMax, value);
    if (value) rule.length_max = static_cast<std::size_t>(*value);
  });
  for (const std::string& one : rule.values) rule.length_max = std::max(rule.length_max, one.size());
  only_if(rule.type == Type::kNumber, reader, "min", rule, [&] {
    std::optional<std::int64_t> value;
    reader.number("min", -claims::kWholeNumberMax, claims::kWholeNumberMax, value);
    rule.minimum = value.value_or(rule.minimum);
  });
  only_if(rule.type == Type::kNumber, reader, "max", rule, [&] {
    std::optional<std::int64_t> value;
    reader.number("max", -claims::kWholeNumberMax, claims::kWholeNumberMax, value);
    rule.maximum = value.value_or(rule.maximum);
    if (rule.maximum < rule.minimum) reader.problem("max", "is below min");
  });
  only_if(rule.type == Type::kArray, reader, "max_items", rule, [&] {
    std::optional<std::int64_t> value;
    reader.number("max_items", 1, kItemsMax, value);
    if (value) rule.items_max = static_cast<std::size_t>(*value);
  });
}

std::vector<Rule> read_list(TableReader& reader, std::string_view member, const std::string& path, Problems& problems,
                            int depth) {
  std::vector<Rule> rules;
  std::set<std::string> taken;
  for (const toml::table* table : reader.tables(member)) {
    Rule rule = read_rule(*table, path, problems, true, depth);
    if (!rule.name.empty() && !taken.insert(rule.name).second)
      problems.add(table->source().begin.line, path, "names '" + rule.name + "' twice");
    rules.push_back(std::move(rule));
  }
  return rules;
}

void read_parts(TableReader& reader, Rule& rule, const std::string& path, Problems& problems, int depth) {
  only_if(rule.type == Type::kArray, reader, "items", rule, [&] {
    const toml::table* items = reader.table("items");
    if (items == nullptr) {
      if (!reader.has("items"))
        reader.problem("items", "is missing; say what an element is, such as { type = \"uuid\" }");
      rule.parts.emplace_back();
      return;
    }
    rule.parts.push_back(read_rule(*items, path + ".items", problems, false, depth + 1));
  });
  only_if(rule.type == Type::kObject, reader, "members", rule, [&] {
    rule.parts = read_list(reader, "members", path + ".members", problems, depth + 1);
    if (rule.parts.empty())
      reader.problem("members", "is missing; list what the object may hold: [{ name = \"...\", type = \"...\" }]");
  });
}

Rule read_rule(const toml::table& table, const std::string& path, Problems& problems, bool named, int depth) {
  TableReader reader(table, path, problems);
  Rule rule;
  if (named) {
    read_claim_name(reader, rule);
    reader.flag("required", rule.required);
  }
  read_type(reader, rule);
  read_values(reader, rule);
  read_sizes(reader, rule);
  if (depth >= kDepthMax && (rule.type == Type::kArray || rule.type == Type::kObject)) {
    reader.problem("type", "nests deeper than 6 levels");
    reader.refuse("items", "is too deep");
    reader.refuse("members", "is too deep");
    rule.type = Type::kBoolean;
  } else {
    read_parts(reader, rule, path, problems, depth);
  }
  reader.finish();
  return rule;
}

}  // namespace

std::vector<Rule> read_claims(TableReader& reader, std::string_view member, const std::string& path,
                              Problems& problems) {
  return read_list(reader, member, path, problems, 1);
}

}  // namespace signer::config
