// SPDX-License-Identifier: Apache-2.0

#include "ctl/token_text.h"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <sstream>
#include <vector>

#include "ctl/text.h"

namespace signer::ctl {

namespace {

std::string joined(const jose::Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || !found->is_array()) return "-";
  std::string text;
  for (const jose::Json& word : *found) {
    if (const auto* value = word.get_ptr<const std::string*>()) text += (text.empty() ? "" : "; ") + *value;
  }
  return text.empty() ? "-" : text;
}

struct LatchLine {
  bool refused = false;
  std::string attempts;
  std::string reason;
  std::string pin_file;
};

// None if the latch is not as hsm/login_latch.cc writes it.
std::vector<LatchLine> latch_lines(const std::string& content) {
  std::istringstream in(content);
  std::string word;
  std::getline(in, word);
  if (word != "signer-login-latch-2") return {};
  std::vector<LatchLine> lines;
  while (in >> word) {
    LatchLine line;
    line.refused = word == "refused";
    in >> line.attempts >> line.reason;
    for (int i = 0; i < 5; ++i) in >> word;  // the file's fingerprint
    if (!(in >> std::quoted(line.pin_file))) return {};
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::string token_table(const jose::Json& tokens) {
  std::vector<Row> rows = {{"LABEL", "SERIAL", "MANUFACTURER", "MODEL", "SAYS IT IS HARDWARE", "FLAGS", "URI"}};
  for (const jose::Json& token : tokens) {
    rows.push_back({cell(token, "label"), cell(token, "serial"), cell(token, "manufacturer"), cell(token, "model"),
                    cell(token, "claims_hardware"), joined(token, "flags"),
                    cell(token, "uri", "blank: signerctl token init")});
  }
  return rows.size() == 1 ? "The module shows no token.\n" : table(rows);
}

std::string initialized_text(const jose::Json& token, const PinFiles& files) {
  return "Initialised the token " + printable(cell(token, "label")) + " (serial " + printable(cell(token, "serial")) +
         ").\n\nFor signerd's configuration:\n  uri = \"" + printable(cell(token, "uri")) + "\"\n  pin_file = \"" +
         printable(files.user) + "\"\nThe security officer's PIN is in " + printable(files.security_officer) +
         "; keep it away from this machine.\n";
}

std::string latch_reason(const std::string& content) {
  const auto lines = latch_lines(content);
  if (lines.empty()) return "the latch cannot be read";
  std::string text;
  for (const LatchLine& line : lines) {
    if (!text.empty()) text += "; ";
    text += line.refused ? "the PIN was refused (" + printable(line.reason) + ")"
                         : printable(line.attempts) + " login attempts were never answered";
    text += " with " + printable(line.pin_file);
  }
  return text;
}

bool is_latched(const std::string& content, const std::string& pin_file) {
  const auto lines = latch_lines(content);
  const bool credential = pin_file.starts_with("credential:");
  const std::string named = credential ? pin_file : std::filesystem::path(pin_file).lexically_normal().string();
  return lines.empty() || std::ranges::any_of(lines, [&](const LatchLine& line) {
           return (line.refused || line.attempts != "1") && line.pin_file == named;
         });
}

}  // namespace signer::ctl
