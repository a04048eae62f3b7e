// SPDX-License-Identifier: Apache-2.0
//
// `signerctl policy` on a machine that lacks the files which the configuration names.  Without these a configuration
// could be tried on signerd's own machine alone, or one whose files are wrong would pass for good.
#include <gtest/gtest.h>

#include "jose/json.h"
#include "tests/support/signing_key.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/ctl/example.h"
#include "tests/unit/ctl/program.h"

namespace signer::test {
namespace {

using jose::Json;

class PolicyFiles : public testing::Test {
 protected:
  // What is asked of a profile that has these lines.
  Finished explain(const std::string& profile_lines, std::vector<std::string> more = {}) const {
    write_text(config_, kConfigurationHead + R"([[grant]]
name = "idp"
match = { uid = 0 }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue"]
[[recipient]]
name = "by-kid"
jwks_file = ")" + file_ + R"("
kid = "2026-11"
[[recipient]]
name = "the-only-one"
jwks_file = ")" + file_ + R"("
[[profile]]
name = "access"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "15m"
)" + profile_lines);
    std::vector<std::string> arguments = {"policy", "explain", "--config", config_, "--key", "issuer", "--user", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return signerctl(std::move(arguments), R"({"sub":"a"})");
  }

  Json verdict(const std::string& profile_lines, std::vector<std::string> more = {}) const {
    more.emplace_back("--json");
    return Json::parse(explain(profile_lines, std::move(more)).out);
  }

  TemporaryDirectory directory_;
  std::string config_ = directory_ / "signer.toml";
  std::string file_ = directory_ / "named-by-the-profile";
};

TEST_F(PolicyFiles, AKeySetThatCannotBeReadIsAssumed) {
  for (const char* recipient : {"by-kid", "the-only-one"}) {
    const std::string encrypt = std::string("encrypt_to = \"") + recipient + "\"\n";
    const Finished whole = explain(encrypt);
    EXPECT_EQ(whole.status, 0) << recipient << whole.out << whole.err;
    EXPECT_EQ(whole.err, "note: the key set " + file_ + " cannot be read; another key is assumed\n");
    EXPECT_EQ(verdict(encrypt + "encrypt_claims = [\"sub\"]\n")["claims"]["sub"], "encrypted") << recipient;
  }
  std::filesystem::create_directory(file_);  // is there, and no file: nobody can read it, not even root
  EXPECT_EQ(explain("encrypt_to = \"by-kid\"\n").status, 0);
}

TEST_F(PolicyFiles, AKeySetThatCanBeReadAndIsWrongIsAnError) {
  for (const std::string& text : {std::string("{}"), std::string(R"({"keys":[{"kty":"oct","k":"AAAA"}]})"),
                                  std::string(), std::string(1024UL * 1024 + 1, ' ')}) {
    write_text(file_, text);
    const Finished done = explain("encrypt_to = \"by-kid\"\n");
    EXPECT_EQ(done.status, 2) << text.substr(0, 100) << done.out;
    EXPECT_NE(done.err.find("profile 'access': "), std::string::npos) << done.err;
    EXPECT_NE(done.err.find(file_), std::string::npos) << done.err;
  }
}

TEST_F(PolicyFiles, CertificatesThatCannotBeReadAreLeftOut) {
  const std::string lines = "certificate_chain = \"" + file_ + "\"\n";
  const Finished done = explain(lines);
  EXPECT_EQ(done.status, 0) << done.out << done.err;
  EXPECT_EQ(done.err, "note: the certificates " + file_ + " cannot be read; they are not checked\n");
  const Json without = verdict(lines);
  write_text(file_, SigningKey::first().certificate_pem());
  EXPECT_EQ(verdict(lines)["profile_sha256"], without["profile_sha256"]) << "it is the same profile";
}

TEST_F(PolicyFiles, CertificatesThatCanBeReadAreChecked) {
  const std::string lines = "certificate_chain = \"" + file_ + "\"\n";
  write_text(file_, SigningKey::first().certificate_pem());
  const Finished good = explain(lines);
  EXPECT_EQ(good.status, 0) << good.out << good.err;
  EXPECT_EQ(good.err, "");
  for (const char* time : {"1000000000", "9000000000"}) {
    const Json refused = verdict(lines, {"--now", time});
    EXPECT_EQ(refused["verdict"], "token_unavailable") << refused;
  }
  for (const std::string& text : {std::string("no certificate"), std::string(), SigningKey::first().pkcs1_pem()}) {
    write_text(file_, text);
    const Finished wrong = explain(lines);
    EXPECT_EQ(wrong.status, 2) << text << wrong.out;
    EXPECT_NE(wrong.err.find(file_), std::string::npos) << wrong.err;
  }
}

}  // namespace
}  // namespace signer::test
