// SPDX-License-Identifier: Apache-2.0

#include "ctl/config_check.h"

#include <charconv>
#include <sstream>

#include "config/config.h"
#include "ctl/text.h"

namespace signer::ctl {

jose::Json problem_members(std::string_view file, std::string_view line) {
  jose::Json whole = {{"problem", printable(line)}};
  if (!line.starts_with(file) || line.substr(file.size(), 1) != ":") return whole;
  const std::string_view rest = line.substr(file.size() + 1);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  const std::string_view after = rest.substr(static_cast<std::size_t>(end - rest.data()));
  const std::size_t colon = after.find(": ", 2);
  if (error != std::errc() || !after.starts_with(": ") || colon == std::string_view::npos) return whole;
  return {{"file", printable(file)},
          {"line", number},
          {"key", printable(after.substr(2, colon - 2))},
          {"problem", printable(after.substr(colon + 2))}};
}

Outcome check_config(const Context& context, const std::string& file) {
  const auto config = config::load(file);
  if (!config && config.error().code != ErrorCode::kInvalidRequest)
    return failed(context, Exit::kUsage, config.error());
  if (!context.json) {
    if (!config) return {Exit::kNo, "", printable_lines(config.error().text) + "\n"};
    std::string notes;
    for (const std::string& note : config->notes) notes += "note: " + printable(note) + "\n";
    return {Exit::kYes, "OK\n", notes};
  }
  jose::Json problems = jose::Json::array();
  if (!config) {
    std::istringstream lines(config.error().text);
    for (std::string line; std::getline(lines, line);) problems.push_back(problem_members(file, line));
    return {Exit::kNo, machine({{"ok", false}, {"problems", problems}}), ""};
  }
  jose::Json notes = jose::Json::array();
  for (const std::string& note : config->notes) notes.push_back(note);
  return {Exit::kYes, machine({{"ok", true}, {"problems", problems}, {"notes", notes}}), ""};
}

}  // namespace signer::ctl
