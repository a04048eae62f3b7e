// SPDX-License-Identifier: Apache-2.0
//
// signerd with its key in a TPM, as PKCS#11 users know it: tokens that others accept, a key that survives what an
// administrator does to the TPM, or stops loudly with every file in place, and an auth file whose faults are told in
// plain words.  Without these a TPM could be a second-class token that nobody notices.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "jose/base64url.h"
#include "tests/e2e/fixture.h"
#include "tests/e2e/load.h"

namespace signer::test {

namespace {

DaemonOptions on_tpm(Device device = Device::kTpm, const std::string& key_settings = {}) {
  DaemonOptions options;
  options.device = device;
  options.key_settings = key_settings;
  return options;
}

std::string token_in(const std::optional<HttpReply>& reply) {
  return reply && reply->status == 200 ? reply->json()["token"].get<std::string>() : "";
}

class Tpm : public RunningDaemon {
 protected:
  explicit Tpm(DaemonOptions options = on_tpm()) : RunningDaemon(std::move(options)) {}

  jose::Json published() {
    HttpConnection connection(daemon_.socket());
    return connection.get("/v1/jwks")->json();
  }

  // The parameters of TPM2_EvictControl for the key: its persistent handle.
  std::uint32_t handle_of_key() {
    for (const auto& file : std::filesystem::directory_iterator(daemon_.state_directory() + "/tpm/main")) {
      const std::string name = file.path().filename();
      if (name == "storage-root.json" || !name.ends_with(".json")) continue;
      const jose::Json place = jose::Json::parse(read_text(file.path()), nullptr, false);
      return static_cast<std::uint32_t>(std::stoul(place["handle"].get<std::string>(), nullptr, 16));
    }
    return 0;
  }
};

TEST_F(Tpm, OpensslPyJwtSignerctlAndTheLibraryVerifyItsTokens) {
  const std::string token = token_in(daemon_.issue());
  ASSERT_NE(token, "") << daemon_.log();
  EXPECT_TRUE(Judge(daemon_).verifies(token));
  write_text(daemon_.file("t"), token);
  write_text(daemon_.file("jwks"), published().dump());
  const Finished openssl = run({OPENSSL_VERIFY, daemon_.file("t"), daemon_.file("jwks"), daemon_.file("")});
  EXPECT_EQ(openssl.status, 0) << openssl.out << openssl.err;
  const Finished pyjwt = run({"/usr/bin/python3", PYJWT_VERIFY, daemon_.file("t"), daemon_.file("jwks"),
                              "https://idp.example", "https://api.example"});
  EXPECT_EQ(pyjwt.status, 0) << pyjwt.err;
  EXPECT_EQ(jose::Json::parse(pyjwt.out, nullptr, false)["sub"], "client-1");
  const Finished ours = run({daemon_.programs().signerctl, "verify", "--jwks", daemon_.file("jwks"), "--issuer",
                             "https://idp.example", "--audience", "https://api.example", "--typ", "at+jwt"},
                            token);
  EXPECT_EQ(ours.status, 0) << ours.err;
}

TEST_F(Tpm, AChangedTokenIsRefusedByAll) {
  std::string token = token_in(daemon_.issue());
  ASSERT_NE(token, "") << daemon_.log();
  char& middle = token[token.size() / 2];
  middle = middle == 'A' ? 'B' : 'A';
  EXPECT_FALSE(Judge(daemon_).verifies(token));
  write_text(daemon_.file("t"), token);
  write_text(daemon_.file("jwks"), published().dump());
  EXPECT_NE(run({OPENSSL_VERIFY, daemon_.file("t"), daemon_.file("jwks"), daemon_.file("")}).status, 0);
  EXPECT_NE(run({"/usr/bin/python3", PYJWT_VERIFY, daemon_.file("t"), daemon_.file("jwks"), "https://idp.example",
                 "https://api.example"})
                .status,
            0);
}

TEST_F(Tpm, TheKeySurvivesRestartsOfTheDaemonAndOfTheTpm) {
  const jose::Json keys = published();
  const Judge judge(daemon_);
  ASSERT_EQ(daemon_.stop(), 0);
  daemon_.tpm().restart();
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  EXPECT_TRUE(judge.approves(daemon_.issue()));
  EXPECT_EQ(published(), keys);
}

TEST_F(Tpm, AnEvictedKeyIsRestoredFromItsBlobAndSigningGoesOn) {
  const Judge judge(daemon_);
  ASSERT_TRUE(judge.approves(daemon_.issue())) << daemon_.log();
  const std::uint32_t handle = handle_of_key();
  ASSERT_NE(handle, 0U);
  const pid_t host = daemon_.host_pid();
  ASSERT_TRUE(daemon_.tpm().run(evict_control(handle, handle)).ok());
  EXPECT_TRUE(judge.approves(daemon_.issue())) << daemon_.log();
  EXPECT_EQ(daemon_.host_pid(), host);
  EXPECT_TRUE(daemon_.tpm().run(TpmCommand(cc::kReadPublic).number(handle_of_key())).ok()) << "persistent again";
}

TEST_F(Tpm, TheCallAboutTokensDoesNotTakeTheSimulatorForHardware) {
  HttpConnection connection(daemon_.socket());
  const jose::Json token = connection.get("/v1/tokens")->json()["tokens"][0];
  EXPECT_EQ(token["driver"], "tpm2");
  EXPECT_EQ(token["state"], "ready");
  EXPECT_EQ(token["degraded"], false);
  EXPECT_EQ(token["software"], true);
  EXPECT_EQ(token["hardware"], false);
}

class LargeTpmKey : public Tpm {
 protected:
  LargeTpmKey() : Tpm(on_tpm(Device::kTpm, "bits = 3072\n")) {}
};

TEST_F(LargeTpmKey, Has3072BitsAndItsTokensVerify) {
  const auto modulus = jose::base64url_decode(published()["keys"][0]["n"].get<std::string>());
  ASSERT_TRUE(modulus);
  EXPECT_EQ(modulus->size(), 384U);
  EXPECT_TRUE(Judge(daemon_).approves(daemon_.issue())) << daemon_.log();
}

class CountedTpm : public Tpm {
 protected:
  CountedTpm() : Tpm(on_tpm(Device::kTpmBehindInterposer)) {}
};

TEST_F(CountedTpm, ASignatureCostsOneCommand) {
  ASSERT_EQ(daemon_.issue()->status, 200);
  daemon_.interposer().forget_counts();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(daemon_.issue()->status, 200);
  EXPECT_EQ(daemon_.interposer().count(cc::kSign), 20U);
  EXPECT_EQ(daemon_.interposer().count(), 20U);
}

// A second key "spare" on a SoftHSM2 token of the same daemon.
class TpmAndSoftHsm : public Tpm {
 protected:
  TpmAndSoftHsm() : Tpm(on_tpm(Device::kTpmBehindInterposer)) {
    daemon_.write_configuration("[[token]]\nname = \"other\"\ndriver = \"pkcs11\"\nmodule = \"" +
                                SoftHsmToken::module() + "\"\nuri = \"pkcs11:token=" + softhsm_.label() +
                                "\"\npin_file = \"" + softhsm_.pin_file() +
                                "\"\n[token.environment]\nSOFTHSM2_CONF = \"" + softhsm_.configuration() +
                                "\"\n[[key]]\nname = \"spare\"\ntokens = [\"other\"]\n"
                                "[[grant]]\nname = \"spare\"\nmatch = { uid = " +
                                std::to_string(::getuid()) +
                                " }\nkeys = [\"spare\"]\nprofiles = [\"access\"]\nverbs = [\"issue\", \"create\"]\n");
  }

  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.log();
    ASSERT_NE(daemon_.create_key(), "") << daemon_.log();
    ASSERT_NE(daemon_.create_key("spare"), "") << daemon_.log();
    ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  }

  bool spare_signs() { return Judge(daemon_).approves(daemon_.issue(R"({"sub":"x"})", "spare")); }

  // Member of /v1/tokens for the TPM.
  jose::Json tpm_status() {
    HttpConnection connection(daemon_.socket());
    const auto reply = connection.get("/v1/tokens");
    return reply ? reply->json()["tokens"][0] : jose::Json();
  }

  bool refuses() {
    const auto reply = daemon_.issue();
    return reply && reply->status == 503 && reply->code() == "token_unavailable" &&
           reply->headers.contains("retry-after");
  }

  // Key metadata, blobs and places, by path.
  std::map<std::string, std::string> key_files() {
    std::map<std::string, std::string> files;
    for (const char* room : {"/keys", "/tpm"}) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon_.state_directory() + room)) {
        if (entry.is_regular_file()) files[entry.path()] = read_text(entry.path());
      }
    }
    return files;
  }

  bool is_recorded(const std::string& event, const std::string& key) {
    return std::ranges::any_of(daemon_.audit_records(), [&](const jose::Json& record) {
      return record.value("event", "") == event && record.value("key", "") == key;
    });
  }

  bool restart() { return daemon_.stop() == 0 && daemon_.start(); }

  void reload() { daemon_.process().signal(SIGHUP); }

 private:
  SoftHsmToken softhsm_{programs().signer_hsm};
};

TEST_F(TpmAndSoftHsm, Invariant08_AClearedTpmStopsItsKeyAndEveryFileStaysAsItIs) {
  ASSERT_TRUE(Judge(daemon_).approves(daemon_.issue())) << daemon_.log();
  const auto before = key_files();
  ASSERT_GE(before.size(), 5U);  // metadata of two keys, a blob, its place, the storage root
  ASSERT_TRUE(daemon_.tpm().run(clear_owner()).ok());
  EXPECT_TRUE(refuses()) << daemon_.log();
  HttpConnection connection(daemon_.socket());
  const jose::Json key = connection.get("/v1/keys/issuer")->json();
  EXPECT_EQ(key["state"], "stopped") << daemon_.log();
  EXPECT_NE(daemon_.log().find("key_stopped"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return is_recorded("key_stopped", "issuer"); }));
  EXPECT_TRUE(spare_signs()) << daemon_.log();
  EXPECT_EQ(published()["keys"].size(), 2U) << "tokens that are out must still verify";
  EXPECT_EQ(key_files(), before);
  ASSERT_TRUE(restart()) << daemon_.log();
  ASSERT_TRUE(eventually([&] { return spare_signs(); })) << daemon_.log();
  EXPECT_TRUE(eventually([&] { return refuses(); })) << daemon_.log();
  EXPECT_TRUE(eventually([&] {
    return tpm_status().value("reason", "").find("one that was cleared, and with it all its keys") != std::string::npos;
  })) << tpm_status();
  EXPECT_EQ(key_files(), before);
}

TEST_F(TpmAndSoftHsm, Invariant08_ATpmInitialisedAnewIsNotTakenForTheOldOne) {
  const auto before = key_files();
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.tpm().run(clear_owner()).ok());
  const Finished made = run({programs().signer_tpm, "token-init", "--tcti", daemon_.tpm_token().tcti(), "--auth-file",
                             daemon_.tpm_token().auth_file()});
  ASSERT_EQ(made.status, 0) << made.err;
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  ASSERT_TRUE(
      eventually([&] { return daemon_.log().find("another TPM, or this one was cleared") != std::string::npos; }));
  EXPECT_TRUE(refuses()) << daemon_.log();
  EXPECT_TRUE(eventually([&] { return spare_signs(); })) << daemon_.log();
  EXPECT_EQ(key_files(), before);
}

// Keys are exempt from lockout, so a wrong value costs nothing, and whoever puts the file right need not also come by.
TEST_F(TpmAndSoftHsm, Invariant09_AWrongAuthValueIsToldAndMendedByTheFileAlone) {
  const std::string file = daemon_.tpm_token().auth_file();
  const std::string right = read_text(file);
  ASSERT_EQ(daemon_.stop(), 0);
  write_text(file, std::string(64, 'a') + "\n");
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  daemon_.interposer().forget_counts();
  EXPECT_TRUE(refuses()) << daemon_.log();
  EXPECT_EQ(daemon_.interposer().count(cc::kSign), 2U) << "the second with a fresh session";
  HttpConnection watcher(daemon_.socket());
  EXPECT_EQ(watcher.get("/readyz?key=issuer")->status, 503) << "what cannot sign must not say that it can";
  EXPECT_EQ(watcher.get("/readyz?key=spare")->status, 200);
  // A caller that does not let go costs the disk no record of an intent for each try.
  const auto intents = [this] {
    const auto records = daemon_.audit_records();
    return std::ranges::count_if(
        records, [](const auto& record) { return record.value("event", "") == "issue" && record["key"] == "issuer"; });
  };
  const auto before = intents();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(refuses());
  const auto holds = (std::chrono::steady_clock::now() - start) / std::chrono::milliseconds(200);
  EXPECT_LE(intents() - before, holds + 1);
  EXPECT_EQ(tpm_status()["degraded"], true) << tpm_status();
  EXPECT_NE(tpm_status()["reason"].get<std::string>().find("restore the file, it is read again"), std::string::npos)
      << tpm_status();
  EXPECT_TRUE(spare_signs()) << daemon_.log();
  write_text(file, right);
  EXPECT_TRUE(eventually([&] { return Judge(daemon_).approves(daemon_.issue()); })) << daemon_.log();
  EXPECT_EQ(daemon_.log().find(right.substr(0, 64)), std::string::npos);
  EXPECT_EQ(daemon_.log().find("key_stopped"), std::string::npos) << "the auth value was wrong, not the key";
}

struct BadAuthFile {
  const char* name;
  void (*spoil)(const std::string& file);
  const char* advice;
};

class AuthFile : public TpmAndSoftHsm, public testing::WithParamInterface<BadAuthFile> {};

TEST_P(AuthFile, IsRefusedWithAdviceOthersGoOnAndAReloadMendsIt) {
  const std::string file = daemon_.tpm_token().auth_file();
  const std::string right = read_text(file);
  ASSERT_EQ(daemon_.stop(), 0);
  GetParam().spoil(file);
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  ASSERT_TRUE(eventually([&] { return tpm_status()["state"] == "unavailable"; })) << daemon_.log();
  const std::string reason = tpm_status()["reason"];
  EXPECT_NE(reason.find(file), std::string::npos) << reason;
  EXPECT_NE(reason.find(GetParam().advice), std::string::npos) << reason;
  EXPECT_TRUE(refuses()) << daemon_.log();
  EXPECT_TRUE(eventually([&] { return spare_signs(); })) << daemon_.log();
  write_text(file, right);
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  reload();
  ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  EXPECT_TRUE(Judge(daemon_).approves(daemon_.issue())) << daemon_.log();
}

INSTANTIATE_TEST_SUITE_P(
    All, AuthFile,
    testing::Values(
        BadAuthFile{"Missing", [](const std::string& file) { std::filesystem::remove(file); }, "restore it"},
        BadAuthFile{"WorldReadable",
                    [](const std::string& file) {
                      std::filesystem::permissions(file, std::filesystem::perms::others_read,
                                                   std::filesystem::perm_options::add);
                    },
                    "chmod 600"},
        BadAuthFile{"Empty", [](const std::string& file) { write_text(file, ""); }, "is empty"},
        BadAuthFile{"OfTheWrongLength", [](const std::string& file) { write_text(file, std::string(63, 'a')); },
                    "64 hexadecimal digits"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace

}  // namespace signer::test
