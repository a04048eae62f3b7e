// SPDX-License-Identifier: Apache-2.0
//
// Somebody with the PIN does something to a key behind signerd's back.  Without these, tokens would go on being signed
// by a key of which there may be a copy, and no record would say so.

#include <filesystem>

#include "base/hex.h"
#include "keyring/key_version.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

namespace {

constexpr const char* kKeyId = "a901f8b2";
constexpr const char* kCopyId = "0badc0de";

DaemonOptions inspected_options() {
  DaemonOptions options;
  options.token_settings = "key_check_every = \"24h\"\n";  // what is found is found by what the test does
  return options;
}

// signerd with a key that can be copied, which `key create` never makes.
class CopiedKey : public testing::Test {
 protected:
  CopiedKey() : daemon_(programs(), inspected_options()) {}

  void SetUp() override {
    const Finished made = tool({"make", kKeyId});
    ASSERT_EQ(made.status, 0) << made.err;
    keyring::KeyVersion version;
    version.name = "issuer";
    version.public_key.modulus = from_hex(made.out).value();
    version.public_key.exponent = {1, 0, 1};
    version.kid = kid_ = jose::thumbprint(version.public_key);
    version.token = "main";
    version.key_id = from_hex(kKeyId).value();
    version.created = std::chrono::system_clock::from_time_t(1'790'000'000);
    std::filesystem::create_directory(daemon_.state_directory());
    ASSERT_TRUE(keyring::save_version(daemon_.state_directory(), version));
    ASSERT_TRUE(daemon_.start() && daemon_.ready()) << daemon_.log();
  }

  Finished tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {KEY_PAIR_TOOL, SoftHsmToken::module(), daemon_.token().pin_file()});
    return run(arguments, {}, daemon_.token().environment());
  }

  void reload() {
    const std::size_t before = records_of("reload").size();
    daemon_.process().signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return records_of("reload").size() > before; })) << daemon_.log();
  }

  std::vector<jose::Json> records_of(const std::string& event) {
    std::vector<jose::Json> found;
    for (jose::Json& record : daemon_.audit_records()) {
      if (record["event"] == event) found.push_back(std::move(record));
    }
    return found;
  }

  std::string page(const std::string& path) {
    HttpConnection connection(daemon_.socket());
    const auto reply = connection.get(path);
    return reply ? reply->body : "";
  }

  std::string status() { return run({SIGNERCTL_PROGRAM, "status", "--socket", daemon_.socket()}).out; }

  TestDaemon daemon_;
  std::string kid_;
};

TEST_F(CopiedKey, Invariant08_StopsWithARecordAndSignsAgainWithOneWhenTheCopyIsGone) {
  ASSERT_EQ(daemon_.issue()->status, 200);
  EXPECT_NE(page("/metrics").find("signer_key_stopped{key=\"issuer\"} 0\n"), std::string::npos);
  ASSERT_EQ(tool({"copy", kKeyId, kCopyId}).status, 0);
  reload();
  ASSERT_TRUE(eventually([this] { return records_of("key_stopped").size() == 1; })) << daemon_.log();
  const jose::Json stopped = records_of("key_stopped").front();
  EXPECT_EQ(stopped["key"], "issuer");
  EXPECT_EQ(stopped["kid"], kid_);
  const std::string reason = stopped["detail"].get<std::string>();
  EXPECT_TRUE(reason.starts_with("token main: ")) << reason;
  EXPECT_NE(reason.find("nothing was changed"), std::string::npos) << reason;
  const auto refused = daemon_.issue();
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->code(), "token_unavailable");
  EXPECT_EQ(refused->body.find("CKA_"), std::string::npos) << "callers hear nothing of the token";
  EXPECT_NE(page("/metrics").find("\nsigner_keys_stopped_total 1\n"), std::string::npos);
  EXPECT_NE(page("/metrics").find("signer_key_stopped{key=\"issuer\"} 1\n"), std::string::npos);
  EXPECT_NE(status().find("key issuer is stopped: " + reason), std::string::npos) << status();
  EXPECT_EQ(page("/v1/keys").find("nothing was changed"), std::string::npos)
      << "that is for those with the verb status";
  EXPECT_NE(daemon_.log().find("key_stopped"), std::string::npos);
  const Finished doctor =
      run({SIGNERCTL_PROGRAM, "doctor", "--config", daemon_.config_file(), "--socket", daemon_.socket()});
  EXPECT_EQ(doctor.status, 1) << doctor.out;
  EXPECT_NE(doctor.out.find("wrong  key issuer: is stopped: token main: "), std::string::npos) << doctor.out;

  ASSERT_EQ(tool({"destroy", kCopyId}).status, 0);
  EXPECT_EQ(daemon_.issue()->status, 503) << "nobody has looked";
  reload();
  ASSERT_TRUE(eventually([this] { return records_of("key_ready").size() == 1; })) << daemon_.log();
  EXPECT_EQ(records_of("key_ready").front()["kid"], kid_);
  EXPECT_EQ(daemon_.issue()->status, 200);
  EXPECT_EQ(records_of("key_stopped").size(), 1U);
  EXPECT_EQ(daemon_.stop(), 0);
}

TEST_F(CopiedKey, Invariant08_OfWhichTheCopyWasMadeWhileSignerdWasAwaySignsNothing) {
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_EQ(tool({"copy", kKeyId, kCopyId}).status, 0);
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  EXPECT_EQ(daemon_.issue()->status, 503) << "it waited for the token, and the token for the inspection";
  EXPECT_NE(page("/metrics").find("signer_tokens_issued_total 0\n"), std::string::npos);
  ASSERT_TRUE(eventually([this] { return !records_of("key_stopped").empty(); })) << daemon_.log();
  EXPECT_EQ(daemon_.stop(), 0);
}

}  // namespace

}  // namespace signer::test
