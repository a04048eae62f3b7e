// SPDX-License-Identifier: Apache-2.0

#include "config/token_table.h"

#include <algorithm>

namespace signer::config {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A signature takes a TPM up to half a second, the kernel's resource manager repeats what the TPM is too busy for up to
// 2 s, and a context that is built anew does both several times.
constexpr seconds kTpmOperationTimeout{10};

// The rule of tpm/tcti.h, which this room may not include; a test compares the two.
bool is_explicit_tcti(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), allowed);
}

void secret_file(TableReader& reader, const char* name, Token& token) {
  std::string source;
  reader.text(name, source);
  if (source.empty()) return;
  if (source[0] != '/' && !source.starts_with("credential:"))
    reader.problem(name, "must be an absolute path, or credential:NAME");
  token.pin_file = std::move(source);
}

void pkcs11_members(TableReader& reader, Token& token) {
  secret_file(reader, "pin_file", token);
  std::optional<std::int64_t> sessions;
  reader.number("sessions", 1, 64, sessions);
  if (sessions) token.sessions = static_cast<std::uint16_t>(*sessions);
  reader.text("module", token.module, true);
  if (!token.module.empty() && token.module[0] != '/')
    reader.problem("module", "must be the absolute path of a PKCS#11 module");
  reader.text("uri", token.uri, true);
  if (!token.uri.empty() && !token.uri.starts_with("pkcs11:")) {
    reader.problem("uri", "must be an RFC 7512 URI such as \"pkcs11:token=NAME\"");
  }
  for (const std::string_view secret : {"pin-value", "pin-source"}) {
    if (token.uri.find(secret) != std::string::npos) {
      reader.problem("uri", std::string(secret) + " does not belong in a URI; use pin_file");
    }
  }
  reader.refuse("tcti", "is for driver = \"tpm2\"; a PKCS#11 token is named by module and uri");
  reader.refuse("auth_file", "is for driver = \"tpm2\"; the file of a PKCS#11 token's PIN is pin_file");
  reader.refuse("authorization", "is for driver = \"tpm2\"; a PKCS#11 token takes a PIN");
}

// A TPM does one thing at a time: one worker, and nothing to configure about it.
void tpm2_members(TableReader& reader, const std::string& state_dir, Token& token) {
  token.driver = DriverKind::kTpm2;
  token.sessions = 1;
  token.operation_timeout = kTpmOperationTimeout;
  reader.text("tcti", token.uri, true);
  if (!token.uri.empty() && !is_explicit_tcti(token.uri))
    reader.problem("tcti", "must name transport and place, such as \"device:/dev/tpmrm0\"");
  token.pin_file = state_dir + "/tpm/" + token.name + ".auth";
  secret_file(reader, "auth_file", token);
  reader.text("authorization", token.authorization);
  if (token.authorization != "hmac" && token.authorization != "password")
    reader.problem("authorization", "must be \"hmac\" or \"password\"");
  reader.refuse("module", "is for driver = \"pkcs11\"; a TPM is named by tcti");
  reader.refuse("uri", "is for driver = \"pkcs11\"; a TPM is named by tcti");
  reader.refuse("pin_file", "is for driver = \"pkcs11\"; the file of a TPM's auth value is auth_file");
  reader.refuse("sessions", "is for driver = \"pkcs11\"; a TPM does one thing at a time");
}

void environment_members(TableReader& reader, const toml::table& environment, Token& token) {
  for (const auto& [name, node] : environment) {
    const std::string_view variable = name;
    const auto* value = node.as_string();
    if (variable.empty() || variable.find_first_of(std::string_view("=\0", 2)) != std::string_view::npos) {
      reader.problem("environment", "must name variables, which are not empty and hold no '='");
    } else if (value != nullptr && value->get().find('\0') == std::string::npos) {
      token.environment[std::string(std::string_view(name))] = value->get();
    } else {
      reader.problem("environment", "must hold texts without a zero byte, such as { SOFTHSM2_CONF = \"/path\" }");
    }
  }
}

}  // namespace

void read_token(TableReader& reader, const std::string& state_dir, Token& token) {
  std::string driver;
  reader.text("driver", driver, true);
  if (driver == "pkcs11") {
    pkcs11_members(reader, token);
  } else if (driver == "tpm2") {
    tpm2_members(reader, state_dir, token);
  } else {
    if (!driver.empty()) reader.problem("driver", "must be \"pkcs11\" or \"tpm2\"");
    std::optional<std::int64_t> sessions;
    reader.number("sessions", 1, 64, sessions);
    for (const char* name : {"module", "uri", "pin_file", "tcti", "auth_file", "authorization"})
      reader.text(name, token.uri);  // not to be blamed for the driver
  }
  std::optional<milliseconds> timeout;
  reader.duration("operation_timeout", milliseconds(50), seconds(120), timeout);
  token.operation_timeout = timeout.value_or(token.operation_timeout);
  std::optional<milliseconds> check;
  reader.duration("key_check_every", seconds(10), std::chrono::hours(24), check);
  token.key_check_every = check.value_or(token.key_check_every);
  if (const toml::table* environment = reader.table("environment")) environment_members(reader, *environment, token);
}

}  // namespace signer::config
