// SPDX-License-Identifier: Apache-2.0

#include "tests/support/daemon.h"

#include <signal.h>
#include <unistd.h>

#include <sstream>

#include "base/file.h"
#include "tests/support/eventually.h"

namespace signer::test {

TestDaemon::TestDaemon(Programs programs, DaemonOptions options)
    : programs_(std::move(programs)), options_(std::move(options)) {
  if (options_.device == Device::kSoftHsm) {
    softhsm_ = std::make_unique<SoftHsmToken>(programs_.signer_hsm);
  } else {
    tpm_ = std::make_unique<TpmToken>(programs_.signer_tpm, options_.endorsement);
  }
  if (options_.device == Device::kTpmBehindInterposer) interposer_ = std::make_unique<TpmInterposer>(tpm());
  write_configuration(options_.more);
}

std::string TestDaemon::token_table() const {
  std::ostringstream text;
  text << "[[token]]\nname = \"main\"\n";
  Environment environment = options_.environment;
  if (tpm_) {
    text << "driver = \"tpm2\"\ntcti = \"" << (interposer_ ? interposer_->tcti() : tpm_->tcti()) << "\"\nauth_file = \""
         << tpm_->auth_file() << "\"\n";
  } else {
    const std::string module = options_.module.empty() ? SoftHsmToken::module() : options_.module;
    const std::string uri = options_.driver_uri.empty() ? "pkcs11:token=" + softhsm_->label() : options_.driver_uri;
    text << "driver = \"pkcs11\"\nmodule = \"" << module << "\"\nuri = \"" << uri << "\"\npin_file = \""
         << softhsm_->pin_file() << "\"\nsessions = " << options_.sessions << "\n";
    environment.merge(softhsm_->environment());
  }
  text << options_.token_settings << "[token.environment]\n";
  for (const auto& [name, value] : environment) text << name << " = \"" << value << "\"\n";
  return text.str();
}

void TestDaemon::write_configuration(const std::string& more) {
  std::ostringstream text;
  text << "state_dir = \"" << state_directory() << "\"\n"
       << "[[listener]]\npath = \"" << socket() << "\"\n"
       << options_.listener_settings << token_table() << "[[key]]\nname = \"issuer\"\ntokens = [\"main\"]\n"
       << options_.key_settings
       << "[[profile]]\nname = \"access\"\ntyp = \"at+jwt\"\nissuer = \"https://idp.example\"\n"
       << "audiences = [\"https://api.example\"]\nmax_ttl = \"15m\"\n"
       << "[[profile.claim]]\nname = \"scope\"\ntype = \"scope\"\n"
       << "[[profile.claim]]\nname = \"client_id\"\ntype = \"opaque_id\"\n"
       << "[[grant]]\nname = \"tests\"\nmatch = { uid = " << ::getuid()
       << " }\nkeys = [\"issuer\"]\nprofiles = [\"access\"]\n"
       << "verbs = [\"issue\", \"create\", \"status\"]\n"
       << options_.grant_settings << more;
  write_text(config_file(), text.str());
}

void TestDaemon::add_environment(const Environment& more) {
  options_.environment.insert(more.begin(), more.end());
  write_configuration(options_.more);
}

bool TestDaemon::start() {
  process_ =
      std::make_unique<Background>(std::vector<std::string>{programs_.signerd, "--config", config_file()}, file("log"));
  return eventually([this] {
           if (process_->wait(std::chrono::milliseconds(0))) return true;
           HttpConnection connection(socket());
           const auto reply = connection.open() ? connection.get("/healthz") : std::nullopt;
           return reply && reply->status == 200;
         }) &&
         !process_->wait(std::chrono::milliseconds(0));
}

bool TestDaemon::ready(std::chrono::milliseconds limit) {
  return eventually(
      [this] {
        HttpConnection connection(socket());
        const auto reply = connection.open() ? connection.get("/readyz") : std::nullopt;
        return reply && reply->status == 200;
      },
      limit);
}

std::string TestDaemon::create_key(const std::string& key) {
  std::string kid;
  const bool made = eventually([&] {
    HttpConnection connection(socket());
    const auto reply = connection.post("/v1/keys/" + key, "{}");
    if (!reply || reply->status == 503) return false;  // the token is still being opened
    if (reply->status == 201) kid = reply->json()["kid"].get<std::string>();
    return true;
  });
  return made ? kid : "";
}

std::optional<HttpReply> TestDaemon::issue(const std::string& claims, const std::string& key) {
  HttpConnection connection(socket());
  if (!connection.open()) return std::nullopt;
  return connection.post("/v1/keys/" + key + "/tokens", R"({"claims":)" + claims + "}");
}

int TestDaemon::stop() {
  process_->signal(SIGTERM);
  return process_->wait(std::chrono::seconds(30)).value_or(-1);
}

pid_t TestDaemon::host_pid() const {
  HttpConnection connection(socket());
  const auto reply = connection.open() ? connection.get("/v1/tokens") : std::nullopt;
  if (!reply || reply->status != 200) return -1;
  return reply->json()["tokens"][0]["host_pid"].get<pid_t>();
}

std::vector<jose::Json> TestDaemon::audit_records() const {
  std::vector<jose::Json> records;
  const auto names = list_files(state_directory() + "/audit", ".jsonl");
  if (!names) return records;
  for (const std::string& name : *names) {
    const std::string content = read_text(state_directory() + "/audit/" + name);
    std::istringstream lines(content.substr(0, content.find('\0')));
    for (std::string line; std::getline(lines, line);) records.push_back(jose::Json::parse(line, nullptr, false));
  }
  return records;
}

}  // namespace signer::test
