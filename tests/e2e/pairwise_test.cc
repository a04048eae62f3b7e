// SPDX-License-Identifier: Apache-2.0
//
// Pairwise subjects by an HMAC key in the token, with real programs.  Without these a person could have two pseudonyms,
// or one that another system can match, and nobody would be told.

#include <signal.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "base/hex.h"
#include "jose/base64url.h"
#include "tests/e2e/fixture.h"
#include "tests/e2e/load.h"

namespace signer::test {

namespace {

constexpr const char* kImportedId = "a901f8b2";
constexpr const char* kImportedValue = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

// HMAC-SHA-256 by another implementation, in hexadecimal digits: of a text under a key in such digits.
std::string python_hmac(const std::string& key, const std::string& message_hex) {
  const Finished done =
      run({"/usr/bin/python3", "-c",
           "import hashlib,hmac,sys\n"
           "print(hmac.new(bytes.fromhex(sys.argv[1]),bytes.fromhex(sys.argv[2]),hashlib.sha256).hexdigest(),end='')",
           key, message_hex});
  EXPECT_EQ(done.status, 0) << done.err;
  return done.out;
}

std::string profile_table(const std::string& name, const std::string& sector) {
  return "[[profile]]\nname = \"" + name +
         "\"\ntyp = \"at+jwt\"\nissuer = \"https://idp.example\"\naudiences = [\"https://api.example\"]\n"
         "max_ttl = \"5m\"\npairwise = { sector = \"" +
         sector + "\", secret_key = \"pairwise\" }\n";
}

DaemonOptions pairwise_options() {
  const std::string uid = std::to_string(::getuid());
  DaemonOptions options;
  options.token_settings = "operation_timeout = \"1500ms\"\n";
  options.more =
      "[[hmac_key]]\nname = \"pairwise\"\ntoken = \"main\"\n" + profile_table("clinic", "clinic.example") +
      profile_table("clinic-too", "clinic.example") + profile_table("billing", "billing.example") +
      "[[grant]]\nname = \"pairwise\"\nmatch = { uid = " + uid +
      " }\nkeys = [\"issuer\"]\nprofiles = [\"clinic\", \"clinic-too\", \"billing\"]\nverbs = [\"issue\"]\n" +
      "[[grant]]\nname = \"operator\"\nmatch = { uid = " + uid + " }\nkeys = [\"pairwise\"]\nverbs = [\"create\"]\n";
  return options;
}

class Pairwise : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.log();
    ASSERT_NE(daemon_.create_key(), "") << daemon_.log();
  }

  void TearDown() override {
    if (!daemon_.process().wait(std::chrono::milliseconds(0))) {
      EXPECT_EQ(daemon_.stop(), 0) << daemon_.log();
    }
  }

  HttpReply post(const std::string& path, const std::string& body) {
    HttpConnection connection(daemon_.socket());
    return connection.post(path, body).value_or(HttpReply{});
  }

  HttpReply get(const std::string& path) {
    HttpConnection connection(daemon_.socket());
    return connection.get(path).value_or(HttpReply{});
  }

  HttpReply issue(const std::string& id, const std::string& profile = "clinic") {
    return post("/v1/keys/issuer/tokens", R"({"profile":")" + profile + R"(","claims":{"sub":")" + id + "\"}}");
  }

  static std::string subject_in(const std::string& token) {
    const std::size_t dot = token.find('.');
    const auto payload = jose::base64url_decode(std::string_view(token).substr(dot + 1, token.rfind('.') - dot - 1));
    return payload ? jose::Json::parse(text_of(*payload), nullptr, false)["sub"].get<std::string>() : "";
  }

  // The pseudonym, or the status and body of a refusal.
  std::string subject(const std::string& id, const std::string& profile = "clinic") {
    const HttpReply reply = issue(id, profile);
    if (reply.status != 200) return std::to_string(reply.status) + " " + reply.body;
    return subject_in(reply.json()["token"].get<std::string>());
  }

  [[nodiscard]] std::string metadata_file() const { return daemon_.state_directory() + "/hmac-keys/pairwise.json"; }

  [[nodiscard]] std::string key_id() const {
    return jose::Json::parse(read_text(metadata_file()), nullptr, false)["key_id"].get<std::string>();
  }

  Finished key_tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SECRET_KEY_TOOL, SoftHsmToken::module(), daemon_.token().pin_file()});
    return run(arguments, {}, daemon_.token().environment());
  }

  bool restart() { return daemon_.stop() == 0 && daemon_.start(); }

  // The key is stopped and says so wherever somebody looks; nothing is changed and nothing is made in its place.
  void expect_stopped(const std::string& why, const std::string& metadata) {
    const HttpReply refused = issue("id-1");
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_EQ(refused.code(), "token_unavailable");
    EXPECT_EQ(get("/v1/keys/pairwise").json()["state"], "stopped");
    EXPECT_EQ(get("/readyz").status, 503);
    EXPECT_NE(daemon_.log().find(why), std::string::npos) << why << "\n" << daemon_.log();
    EXPECT_EQ(post("/v1/keys/pairwise", "{}").status, 409);
    EXPECT_EQ(read_text(metadata_file()), metadata);
    EXPECT_EQ(issue("id-1", "access").status, 200) << "a profile without pseudonyms goes on";
    EXPECT_TRUE(eventually([&] {
      for (const jose::Json& record : daemon_.audit_records()) {
        if (record["event"] == "key_stopped" && record["key"] == "pairwise") return true;
      }
      return false;
    }));
  }

  TestDaemon daemon_{programs(), pairwise_options()};
};

class PairwiseWithKey : public Pairwise {
 protected:
  void SetUp() override {
    Pairwise::SetUp();
    const HttpReply made = post("/v1/keys/pairwise", "{}");
    ASSERT_EQ(made.status, 201) << made.body << daemon_.log();
    ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  }
};

TEST_F(Pairwise, AKeyThatWasNeverCreatedIsMadeByAnOperatorAlone) {
  const HttpReply refused = issue("id-1");
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.code(), "token_unavailable");
  EXPECT_NE(daemon_.log().find("signerctl key create pairwise"), std::string::npos) << daemon_.log();
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/v1/keys/pairwise").json()["state"], "absent");
  const Finished made = run({SIGNERCTL_PROGRAM, "--socket", daemon_.socket(), "key", "create", "pairwise"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_NE(made.out.find("HS256"), std::string::npos) << made.out;
  EXPECT_TRUE(daemon_.ready());
  EXPECT_EQ(subject("id-1").size(), 22U) << subject("id-1");
  EXPECT_EQ(post("/v1/keys/pairwise", "{}").status, 409);
  const HttpReply adopted = post("/v1/keys/pairwise", R"({"key_id":"a901"})");
  EXPECT_EQ(adopted.status, 409) << adopted.body;
  bool recorded = false;
  ASSERT_TRUE(eventually([&] {
    for (const jose::Json& record : daemon_.audit_records())
      recorded =
          recorded || (record["event"] == "key_created" && record["key"] == "pairwise" && !record.contains("kid"));
    return recorded;
  }));
}

TEST_F(PairwiseWithKey, AnIdHasOnePseudonymInEachSectorThatOutlivesARestart) {
  const std::string clinic = subject("id-1");
  const std::string billing = subject("id-1", "billing");
  ASSERT_EQ(clinic.size(), 22U) << clinic;
  EXPECT_EQ(subject("id-1"), clinic);
  EXPECT_EQ(subject("id-1", "clinic-too"), clinic) << "the sector decides, not the profile";
  EXPECT_NE(billing, clinic);
  EXPECT_NE(subject("id-2"), clinic);
  ASSERT_TRUE(restart());
  ASSERT_TRUE(daemon_.ready());
  EXPECT_EQ(subject("id-1"), clinic);
  EXPECT_EQ(subject("id-1", "billing"), billing);
}

TEST_F(PairwiseWithKey, ATokenWithAPseudonymVerifiesLikeAnyOther) {
  const Judge judge(daemon_);
  EXPECT_TRUE(judge.approves(issue("id-1")));
}

TEST_F(PairwiseWithKey, Invariant09_HostsThatAreKilledMeanwhileFailNoRequestAndChangeNoPseudonym) {
  const Judge judge(daemon_);
  const std::string expected = subject("id-1");
  std::atomic<bool> stopping{false};
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      HttpConnection connection(daemon_.socket());
      while (!stopping) {
        const auto reply = connection.post("/v1/keys/issuer/tokens", R"({"profile":"clinic","claims":{"sub":"id-1"}})");
        const bool same = judge.approves(reply) && subject_in(reply->json()["token"].get<std::string>()) == expected;
        ++(same ? good : bad);
        if (!reply) return;
      }
    });
  }
  for (const int signal_number : {SIGKILL, SIGSEGV, SIGKILL, SIGSTOP, SIGKILL}) {
    const int before = good;
    EXPECT_TRUE(eventually([&] { return good > before + 20; }));
    EXPECT_TRUE(replace_host(daemon_, signal_number));
  }
  const int before = good;
  EXPECT_TRUE(eventually([&] { return good > before + 20; }));
  stopping = true;
  callers.clear();
  EXPECT_EQ(bad, 0) << daemon_.log();
  std::printf("%d tokens, 5 hosts lost, 1 pseudonym\n", good.load());
}

TEST_F(PairwiseWithKey, Invariant06_TheHmacKeySignsNothingAndIsNowherePublished) {
  ASSERT_EQ(issue("id-1").status, 200);
  const jose::Json keys = get("/v1/jwks").json()["keys"];
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0]["kty"], "RSA");
  EXPECT_EQ(keys[0]["alg"], "RS256");
  EXPECT_EQ(get("/v1/keys/pairwise/jwks").status, 404);
  for (const char* call :
       {"/v1/keys/pairwise/tokens", "/v1/keys/pairwise/signatures", "/v1/keys/pairwise/tokens:batch"}) {
    const HttpReply reply = post(call, R"({"profile":"clinic","claims":{"sub":"id-1"}})");
    EXPECT_EQ(reply.status, 403) << call << reply.body;
    EXPECT_EQ(reply.code(), "denied") << call;
  }
  const jose::Json shown = get("/v1/keys/pairwise").json();
  EXPECT_EQ(shown["alg"], "HS256");
  EXPECT_EQ(shown["use"], "pairwise");
  EXPECT_FALSE(shown.contains("kid"));
  EXPECT_EQ(get("/v1/keys").json()["keys"].size(), 2U);
}

TEST_F(PairwiseWithKey, ABatchHasThePseudonymOfEachItemInItsPlace) {
  jose::Json items = jose::Json::array();
  for (int i = 0; i < 60; ++i) {
    items.push_back({{"profile", "clinic"}, {"claims", {{"sub", "id-" + std::to_string(i % 7)}}}});
  }
  items[30]["claims"]["sub"] = "123-45-6789";
  items[31]["profile"] = "access";
  const HttpReply reply = post("/v1/keys/issuer/tokens:batch", jose::Json{{"items", items}}.dump());
  ASSERT_EQ(reply.status, 200) << reply.body;
  const jose::Json answers = reply.json()["items"];
  ASSERT_EQ(answers.size(), 60U);
  for (std::size_t i = 0; i < 60; ++i) {
    if (i == 30) {
      EXPECT_EQ(answers[i]["status"], 422);
      EXPECT_EQ(answers[i]["rule"], "phi.ssn");
      continue;
    }
    ASSERT_EQ(answers[i]["status"], 200) << i << answers[i].dump();
    const std::string id = "id-" + std::to_string(i % 7);
    EXPECT_EQ(subject_in(answers[i]["token"].get<std::string>()), i == 31 ? id : subject(id)) << i;
  }
}

TEST_F(PairwiseWithKey, Invariant11_NoIdIsInALogARecordOrAMetric) {
  const std::string id = "internal-4711-0815";
  ASSERT_EQ(issue(id).status, 200);
  ASSERT_TRUE(replace_host(daemon_, SIGKILL));
  ASSERT_TRUE(daemon_.ready());
  ASSERT_EQ(key_tool({"destroy", key_id()}).status, 0);
  ASSERT_EQ(issue(id).status, 503);
  const std::string metrics = get("/metrics").body;
  ASSERT_EQ(daemon_.stop(), 0);
  std::string records;
  for (const jose::Json& record : daemon_.audit_records()) records += record.dump() + "\n";
  EXPECT_NE(records.find("\"refuse\""), std::string::npos);
  for (const std::string& text : {daemon_.log(), records, metrics}) {
    EXPECT_EQ(text.find("4711"), std::string::npos);
    EXPECT_EQ(text.find(jose::base64url_encode(bytes_of(id))), std::string::npos);
  }
}

TEST_F(PairwiseWithKey, Invariant08_AKeyThatIsGoneStopsItsProfilesAndIsNotReplaced) {
  const std::string metadata = read_text(metadata_file());
  const std::string before = subject("id-1");
  ASSERT_EQ(key_tool({"destroy", key_id()}).status, 0);
  EXPECT_EQ(issue("id-1").status, 503) << "found out by the request itself";
  expect_stopped("no secret key under this CKA_ID", metadata);
  EXPECT_EQ(key_tool({"count", key_id()}).out, "0\n");
  ASSERT_TRUE(restart());
  ASSERT_TRUE(eventually([&] { return get("/v1/keys/pairwise").json()["state"] == "stopped"; }));
  expect_stopped("no secret key under this CKA_ID", metadata);
  EXPECT_EQ(before.size(), 22U);
}

TEST_F(PairwiseWithKey, Invariant08_AnotherKeyInItsPlaceMakesNoPseudonym) {
  const std::string metadata = read_text(metadata_file());
  ASSERT_EQ(issue("id-1").status, 200);
  ASSERT_EQ(key_tool({"destroy", key_id()}).status, 0);
  ASSERT_EQ(key_tool({"import", key_id(), kImportedValue}).status, 0);
  EXPECT_EQ(issue("id-1").status, 503) << "found out by the request itself";
  expect_stopped("another HMAC key under this CKA_ID", metadata);
  ASSERT_TRUE(restart());
  ASSERT_TRUE(eventually([&] { return get("/v1/keys/pairwise").json()["state"] == "stopped"; }));
  expect_stopped("which would change every pseudonym", metadata);
}

TEST_F(PairwiseWithKey, Invariant08_TwoKeysUnderItsIdStopIt) {
  const std::string metadata = read_text(metadata_file());
  ASSERT_EQ(key_tool({"import", key_id(), kImportedValue}).status, 0);
  ASSERT_TRUE(restart());
  ASSERT_TRUE(eventually([&] { return get("/v1/keys/pairwise").json()["state"] == "stopped"; }));
  expect_stopped("2 secret keys under one CKA_ID", metadata);
}

// The operator restored the token and not the state directory, say.
TEST_F(PairwiseWithKey, Invariant08_WithoutItsMetadataNoSecondKeyIsMade) {
  const std::string before = subject("id-1");
  const std::string away = daemon_.file("away.json");
  ASSERT_EQ(daemon_.stop(), 0);
  std::filesystem::rename(metadata_file(), away);
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(issue("id-1").status, 503);
  HttpReply refused;
  ASSERT_TRUE(eventually([&] { return (refused = post("/v1/keys/pairwise", "{}")).status != 503; }));
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_NE(refused.body.find("would change every pseudonym"), std::string::npos) << refused.body;
  EXPECT_FALSE(std::filesystem::exists(metadata_file()));
  std::filesystem::rename(away, metadata_file());
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  EXPECT_EQ(subject("id-1"), before);
}

// A secret that the test knows, as a vendor's tool restores one: nothing of ours can put it there.
class PairwiseKnownSecret : public Pairwise {
 protected:
  void restore(std::vector<std::string> how) {
    how.insert(how.begin(), {"import", kImportedId, kImportedValue});
    ASSERT_EQ(key_tool(how).status, 0);
    const std::string answer =
        python_hmac(kImportedValue, to_hex(bytes_of("signer: known answer of an HMAC key, version 1")));
    const jose::Json metadata = {{"alg", "HS256"},
                                 {"created", "2026-11-26T10:00:00Z"},
                                 {"format", 1},
                                 {"key_id", kImportedId},
                                 {"known_answer", answer},
                                 {"name", "pairwise"},
                                 {"token", "main"}};
    std::filesystem::create_directories(daemon_.state_directory() + "/hmac-keys");
    write_text(metadata_file(), metadata.dump());
    ASSERT_TRUE(restart());
  }
};

TEST_F(PairwiseKnownSecret, ThePseudonymIsTheOneThatPythonComputes) {
  restore({});
  ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  for (const std::string& id : {std::string("id-1"), std::string("8f2c-4711"), std::string(128, 'i')}) {
    for (const auto& [profile, sector] :
         {std::pair{"clinic", "clinic.example"}, std::pair{"billing", "billing.example"}}) {
      const std::string message = std::string(sector) + '\0' + id;
      const auto mac = from_hex(python_hmac(kImportedValue, to_hex(bytes_of(message))));
      ASSERT_TRUE(mac && mac->size() == 32);
      EXPECT_EQ(subject(id, profile), jose::base64url_encode(*mac).substr(0, 22)) << sector;
    }
  }
}

TEST_F(PairwiseKnownSecret, Invariant04_AKeyThatCouldBeReadOutIsNotUsed) {
  restore({"extractable"});
  ASSERT_TRUE(eventually([&] { return get("/v1/keys/pairwise").json()["state"] == "stopped"; }));
  expect_stopped("the HMAC key could be read out of the token: CKA_EXTRACTABLE=1", read_text(metadata_file()));
}

}  // namespace

}  // namespace signer::test
