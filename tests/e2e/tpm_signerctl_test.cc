// SPDX-License-Identifier: Apache-2.0
//
// signerctl against a real daemon that has a TPM beside its PKCS#11 token.  Lose these and an operator may take a
// simulator for hardware, or be told a way to a certificate request that does not work.

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "tests/e2e/fixture.h"
#include "tests/support/signal_process.h"
#include "tests/support/swtpm.h"

namespace signer::test {

namespace {

// A TPM token beside the usual one, with a key and a grant of its own.
DaemonOptions with_tpm(const std::string& tcti) {
  DaemonOptions options;
  options.more = "[[token]]\nname = \"tpm0\"\ndriver = \"tpm2\"\ntcti = \"" + tcti +
                 "\"\n[[key]]\nname = \"small\"\ntokens = [\"tpm0\"]\n[[grant]]\nname = \"small\"\nmatch = { uid = " +
                 std::to_string(::getuid()) +
                 " }\nkeys = [\"small\"]\nprofiles = [\"access\"]\nverbs = [\"issue\", \"create\"]\n";
  return options;
}

class TpmSignerctl : public testing::Test {
 protected:
  TpmSignerctl() : daemon_(programs(), with_tpm(tpm_.tcti())) {}

  Finished ctl(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), {daemon_.programs().signerctl, "--socket", daemon_.socket()});
    return run(arguments, input, daemon_.token().environment());
  }

  Finished init() { return ctl({"token", "init", "--config", daemon_.config_file(), "tpm0", "--generate-auth"}); }

  // The token may still be starting.
  [[nodiscard]] bool create_small() {
    return eventually([this] { return ctl({"key", "create", "small"}).status != 3; });
  }

  // What signerd says of the token.
  jose::Json tpm0() {
    const jose::Json said = jose::Json::parse(ctl({"status", "--json"}).out, nullptr, false);
    for (const jose::Json& token : said.value("tokens", jose::Json::array())) {
      if (token.at("name") == "tpm0") return token;
    }
    return {};
  }

  // Every file of the token and its keys, with its content.
  std::map<std::string, std::string> files() {
    std::map<std::string, std::string> all;
    for (const char* folder : {"/tpm", "/keys"}) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon_.state_directory() + folder)) {
        if (entry.is_regular_file()) all[entry.path()] = read_text(entry.path());
      }
    }
    return all;
  }

  Swtpm tpm_;  // outlives the daemon
  TestDaemon daemon_;
};

class ReadyTpmSignerctl : public TpmSignerctl {
 protected:
  void SetUp() override {
    const Finished made = init();
    ASSERT_EQ(made.status, 0) << made.err;
    ASSERT_TRUE(daemon_.start()) << daemon_.log();
    ASSERT_FALSE(daemon_.create_key().empty()) << daemon_.log();
    ASSERT_TRUE(create_small());
    ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  }
};

TEST_F(ReadyTpmSignerctl, StatusSaysThatTheSimulatorIsSoftware) {
  const Finished status = ctl({"status"});
  EXPECT_EQ(status.status, 0) << status.err;
  const std::size_t line = status.out.find("\ntpm0  ");
  ASSERT_NE(line, std::string::npos) << status.out;
  const std::string row = status.out.substr(line + 1, status.out.find('\n', line + 1) - line);
  EXPECT_NE(row.find("tpm2"), std::string::npos) << row;
  EXPECT_NE(row.find("IBM SW TPM"), std::string::npos) << row;
  EXPECT_NE(row.find("software stand-in"), std::string::npos) << row;
  EXPECT_EQ(row.find("hardware"), std::string::npos) << row;
}

TEST_F(ReadyTpmSignerctl, ItsTokensVerifyWithTheKeySetThatItPrints) {
  const Finished token = ctl({"sign", "small"}, R"({"sub":"client-1"})");
  ASSERT_EQ(token.status, 0) << token.err;
  const auto verify = [&](const std::string& key) {
    write_text(daemon_.file("jwks"), ctl({"jwks", key}).out);
    return ctl({"verify", "--jwks", daemon_.file("jwks"), "--issuer", "https://idp.example", "--audience",
                "https://api.example", "--typ", "at+jwt"},
               token.out)
        .status;
  };
  EXPECT_EQ(verify("small"), 0);
  EXPECT_EQ(verify("issuer"), 1) << "the key in the other token made it";
}

// Without a resource manager whoever looks could take the place of what signerd has loaded.
TEST_F(ReadyTpmSignerctl, LookingAtTheTpmDisturbsNoSignature) {
  for (int i = 0; i < 3; ++i) {
    const Finished list = ctl({"token", "list", "--config", daemon_.config_file(), "--json"});
    ASSERT_EQ(list.status, 0) << list.err;
    const jose::Json said = jose::Json::parse(list.out);
    EXPECT_EQ(said.at("modules").size(), 1U);
    EXPECT_EQ(said.at("tpms").at(0).at("persistent_handles"), (jose::Json{"0x81000001", "0x81000100"}));
    EXPECT_EQ(ctl({"sign", "small"}, R"({"sub":"client-1"})").status, 0);
  }
}

// What docs/tpm.md says to do, word by word.
TEST_F(ReadyTpmSignerctl, TheRefusalOfACertificateRequestNamesAWayThatWorks) {
  const Finished refused = ctl({"key", "csr", "small", "--subject", "/CN=small", "--config", daemon_.config_file()});
  EXPECT_EQ(refused.status, 2);
  const std::size_t start = refused.err.find(daemon_.state_directory());
  ASSERT_NE(start, std::string::npos) << refused.err;
  const std::string key = refused.err.substr(start, refused.err.find(".pem", start) + 4 - start);
  ASSERT_TRUE(std::filesystem::exists(key)) << refused.err;
  const std::string script = "tr a-f A-F < '" + daemon_.state_directory() +
                             "/tpm/tpm0.auth' | basenc --base16 -d | "
                             "openssl req -provider tpm2 -provider default -propquery '?provider=tpm2' -new -key '" +
                             key + "' -passin stdin -subj /CN=small/O=Example";
  const Finished request = run({"/bin/sh", "-c", script}, "", {{"TPM2OPENSSL_TCTI", tpm_.tcti()}});
  ASSERT_EQ(request.status, 0) << request.err;
  const Finished checked = run({"openssl", "req", "-verify", "-noout", "-pubkey"}, request.out);
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_NE((checked.out + checked.err).find("verify OK"), std::string::npos) << checked.out << checked.err;
}

// A TPM that was cleared looks like this too.  Whoever made new keys in it, or forgot the old ones, would turn a
// mistake that can be mended into one that cannot.
TEST_F(ReadyTpmSignerctl, Invariant08_AnotherTpmIsNotUsedAndNothingIsRewritten) {
  const auto before = files();
  ASSERT_GE(before.size(), 6U);  // auth file, pinned root, blob, place, two keys' metadata
  tpm_.fail();
  tpm_.restart();
  ASSERT_EQ(init().status, 0);
  // The host that knew the old one stops the key, the next one does not even open the token.
  ASSERT_TRUE(eventually([&] {
    static_cast<void>(ctl({"sign", "small"}, R"({"sub":"client-1"})"));
    return ctl({"status"}).out.find("key small is stopped") != std::string::npos;
  })) << ctl({"status"}).out;
  // What was refused may have cost the host its place: then there is none for a moment.
  ASSERT_TRUE(eventually([&] { return signal_process(tpm0().at("host_pid").get<pid_t>(), SIGKILL); }));
  const std::string pinned = daemon_.state_directory() + "/tpm/tpm0/storage-root.json";
  // The reason alone is also that of the refusals before, while nobody has noticed yet that the host is gone.
  ASSERT_TRUE(eventually([&] {
    const jose::Json token = tpm0();
    return token.at("state") == "unavailable" && token.value("reason", "").find("as in " + pinned) != std::string::npos;
  })) << ctl({"status"}).out;
  EXPECT_EQ(ctl({"sign", "small"}, R"({"sub":"client-1"})").status, 3);
  EXPECT_EQ(ctl({"sign", "issuer"}, R"({"sub":"client-1"})").status, 0) << "the other token goes on";
  EXPECT_EQ(files(), before);
  // It does not mend itself: hosts are not started one after the other.
  const jose::Json restarts = tpm0().at("restarts");
  EXPECT_FALSE(eventually([&] { return tpm0().at("restarts") != restarts; }, std::chrono::seconds(2)));
}

TEST_F(TpmSignerctl, Invariant09_AnAuthFileMadeLaterIsUsedAfterAReload) {
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  ASSERT_TRUE(eventually([this] {
    return ctl({"status"}).out.find("token tpm0 is unavailable: tpm: auth file") != std::string::npos;
  })) << ctl({"status"}).out;
  EXPECT_NE(ctl({"status"}).out.find("--generate-auth makes one"), std::string::npos) << ctl({"status"}).out;
  EXPECT_EQ(tpm0().at("software"), false) << "nothing is known of a TPM that was not opened";
  EXPECT_EQ(tpm0().at("hardware"), false);
  ASSERT_EQ(init().status, 0);
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([this] { return ctl({"key", "create", "small"}).status == 0; })) << daemon_.log();
  EXPECT_EQ(ctl({"sign", "small"}, R"({"sub":"client-1"})").status, 0);
}

}  // namespace
}  // namespace signer::test
