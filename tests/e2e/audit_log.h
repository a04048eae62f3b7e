// SPDX-License-Identifier: Apache-2.0
//
// signerd with an audit log whose checkpoints its token signs, and what an auditor does with it.
#pragma once

#include <unistd.h>

#include "tests/e2e/fixture.h"

namespace signer::test {

class AuditedDaemon : public RunningDaemon {
 protected:
  explicit AuditedDaemon(const std::string& settings = {}, DaemonOptions options = {})
      : RunningDaemon(with_checkpoints(settings, std::move(options))) {}

  // `settings`: more lines and tables of [audit].
  static DaemonOptions with_checkpoints(const std::string& settings, DaemonOptions options) {
    options.more += "[[grant]]\nname = \"auditors\"\nmatch = { uid = " + std::to_string(::getuid()) +
                    " }\nkeys = [\"audit-checkpoint\"]\nverbs = [\"create\", \"read-audit\"]\n"
                    "[audit]\ntoken = \"main\"\ncheckpoint_every = \"1s\"\n" +
                    settings;
    return options;
  }

  void SetUp() override {
    RunningDaemon::SetUp();
    ASSERT_FALSE(daemon_.create_key("audit-checkpoint").empty()) << daemon_.log();
    HttpConnection connection(daemon_.socket());
    const auto key = connection.get("/v1/audit/key");
    ASSERT_TRUE(key && key->status == 200);
    write_text(vkey_file(), key->body);
  }

  [[nodiscard]] std::string log_directory() const { return daemon_.state_directory() + "/audit"; }

  [[nodiscard]] std::string vkey_file() const { return daemon_.file("vkey"); }

  [[nodiscard]] std::string vkey() const {
    const std::string text = read_text(vkey_file());
    return text.substr(0, text.find('\n'));
  }

  // The file `checkpoint`, or "".
  [[nodiscard]] std::string checkpoint() const {
    const std::string path = log_directory() + "/checkpoint";
    return std::filesystem::exists(path) ? read_text(path) : std::string();
  }

  // Records that the newest checkpoint covers.
  [[nodiscard]] std::uint64_t covered() const {
    const std::string note = checkpoint();
    const std::size_t line = note.find('\n');
    return line == std::string::npos ? 0 : std::stoull(note.substr(line + 1));
  }

  // Until a checkpoint covers the record.
  [[nodiscard]] bool becomes_covered(std::uint64_t index) const {
    return eventually([&] { return covered() > index; });
  }

  [[nodiscard]] Finished audit(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), {daemon_.programs().signerctl, "audit"});
    return run(arguments, input);
  }

  // The offline checker's word on the log as it is now.
  [[nodiscard]] Finished verify(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"verify", log_directory(), "--key", vkey_file()});
    return audit(std::move(more));
  }

  [[nodiscard]] std::vector<jose::Json> records_of(const std::string& event) const {
    std::vector<jose::Json> found;
    for (jose::Json& record : daemon_.audit_records()) {
      if (record["event"] == event) found.push_back(std::move(record));
    }
    return found;
  }
};

}  // namespace signer::test
