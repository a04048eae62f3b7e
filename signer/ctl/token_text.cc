// SPDX-License-Identifier: Apache-2.0

#include "ctl/token_text.h"

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
  std::istringstream in(content);
  std::string header;
  std::string state;
  std::string attempts;
  std::string reason;
  in >> header >> state >> attempts >> reason;
  if (!in || header != "signer-login-latch-1") return "the latch cannot be read";
  if (state == "refused") return "the PIN was refused (" + printable(reason) + ")";
  return printable(attempts) + " login attempts were never answered";
}

}  // namespace signer::ctl
