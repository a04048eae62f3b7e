// SPDX-License-Identifier: Apache-2.0
//
// Lose these and an operator is told that all is well, or is sent to mend what is not broken.

#include "ctl/doctor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "evidence/bundle.h"
#include "tests/support/signing_key.h"
#include "tests/unit/ctl/program.h"

namespace signer::ctl {
namespace {

using jose::Json;
using Weight = Finding::Weight;

const Finding* finding_in(const Findings& findings, const std::string& about, std::string_view found) {
  for (const Finding& one : findings) {
    if (one.about == about && one.found.find(found) != std::string::npos) return &one;
  }
  return nullptr;
}

std::string text_of(const Findings& findings) {
  std::string text;
  for (const Finding& one : findings) text += one.about + ": " + one.found + " -> " + one.advice + "\n";
  return text;
}

void expect_finding(const Findings& findings, Weight weight, const std::string& about, std::string_view found) {
  const Finding* one = finding_in(findings, about, found);
  ASSERT_NE(one, nullptr) << about << ": " << found << " in\n" << text_of(findings);
  EXPECT_EQ(one->weight, weight) << one->found;
}

// A machine in a directory: configuration, state, PIN, module and key, all as they should be.
class Doctor : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(directory_ / "state");
    std::filesystem::permissions(directory_ / "state", std::filesystem::perms::owner_all);
    test::write_text(directory_ / "pin", "1234\n");
    std::filesystem::permissions(directory_ / "pin", std::filesystem::perms(0600));
    test::write_text(directory_ / "m.so", "");
    version_.name = "issuer";
    version_.public_key = test::SigningKey::first().public_key();
    version_.kid = jose::thumbprint(version_.public_key);
    version_.token = "main";
    version_.key_id = {0x0a, 0xff};
    version_.created = std::chrono::system_clock::from_time_t(1'700'000'000);
  }

  config::Config configuration(const std::string& more = "") {
    test::write_text(directory_ / "s.toml", toml() + more);
    auto config = config::load(directory_ / "s.toml");
    EXPECT_TRUE(config) << config.error().text;
    return config ? *config : config::Config{};
  }

  std::string toml() {
    return "state_dir = \"" + (directory_ / "state") + "\"\n[[listener]]\npath = \"" + socket_ +
           "\"\nmode = \"0755\"\n[[token]]\nname = \"main\"\ndriver = \"pkcs11\"\nmodule = \"" + (directory_ / "m.so") +
           "\"\nuri = \"pkcs11:token=demo\"\npin_file = \"" + (directory_ / "pin") +
           "\"\n[[key]]\nname = \"issuer\"\ntokens = [\"main\"]\n";
  }

  void save() { ASSERT_TRUE(keyring::save_version(directory_ / "state", version_)); }

  Json key_json() {
    return {{"name", "issuer"}, {"alg", "RS256"}, {"state", "active"}, {"kid", version_.kid}, {"ready", true}};
  }

  Status status() {
    Status made;
    made.readiness = {{"ready", true}};
    made.keys = Json::array({key_json()});
    made.tokens = Json::array({{{"name", "main"}, {"driver", "pkcs11"}, {"state", "ready"}, {"software", false}}});
    return made;
  }

  // The bundle of a signerd that signs well.
  std::string bundle(const std::string& nonce = "AAAAAAAAAAAAAAAAAAAAAA") {
    const std::string input = evidence::signing_input("RS256", version_.kid, nonce, "{}");
    return evidence::write_bundle(input + "." + test::SigningKey::first().signature(input), "{}");
  }

  const policy::Accounts nobody_{[](const std::string&) { return std::nullopt; },
                                 [](const std::string&) { return std::nullopt; }};
  test::TemporaryDirectory directory_;
  std::string socket_ = directory_ / "none";
  keyring::KeyVersion version_;
};

TEST_F(Doctor, SaysOfFilesWhatIsMissingAndWhatIsTooOpen) {
  const config::Config good = configuration();
  Findings findings = look_at_files(good, nobody_);
  expect_finding(findings, Weight::kWrong, "listener " + socket_, "does not exist");
  expect_finding(findings, Weight::kNote, "audit log", "no key signs it");
  EXPECT_EQ(findings.size(), 2U) << text_of(findings);

  std::filesystem::permissions(directory_ / "pin", std::filesystem::perms(0640));
  std::filesystem::permissions(directory_ / "state", std::filesystem::perms(0770));
  std::filesystem::remove(directory_ / "m.so");
  std::filesystem::create_directory(directory_ / "state/latch");
  test::write_text(directory_ / "state/latch/main.json",
                   "signer-login-latch-2\nrefused 1 CKR_PIN_INCORRECT 1 2 3 4 5 \"" + (directory_ / "pin") + "\"\n");
  test::write_text(socket_, "");
  findings = look_at_files(good, nobody_);
  expect_finding(findings, Weight::kWrong, "token main", "pin has mode 0640");
  expect_finding(findings, Weight::kWrong, "state directory", "has mode 0770");
  expect_finding(findings, Weight::kWrong, "token main", "m.so: No such file");
  expect_finding(findings, Weight::kWrong, "token main", "the PIN was refused (CKR_PIN_INCORRECT)");
  expect_finding(findings, Weight::kWrong, "listener " + socket_, "is no socket");
  for (const Finding& one : findings) EXPECT_FALSE(one.advice.empty()) << one.found;
  EXPECT_EQ(text_of(findings).find("1234"), std::string::npos) << "a PIN was read";
}

TEST_F(Doctor, SaysWhichAccountsDoNotExist) {
  const config::Config config = configuration(
      "[[profile]]\nname = \"access\"\nissuer = \"https://i\"\naudiences = [\"https://a\"]\nmax_ttl = "
      "\"5m\"\n[[grant]]\nname = \"g\"\n"
      "match = { user = \"ghost\", group = \"ghosts\" }\nkeys = [\"issuer\"]\nprofiles = [\"access\"]\nverbs = "
      "[\"issue\"]\n");
  const Findings findings = look_at_files(config, nobody_);
  expect_finding(findings, Weight::kWrong, "grant g", "no user 'ghost'");
  expect_finding(findings, Weight::kWrong, "grant g", "no group 'ghosts'");
  const policy::Accounts everybody{[](const std::string&) { return uid_t{1}; },
                                   [](const std::string&) { return gid_t{1}; }};
  EXPECT_EQ(finding_in(look_at_files(config, everybody), "grant g", ""), nullptr);
}

TEST_F(Doctor, ComparesTheMetadataWithTheConfiguration) {
  const config::Config config = configuration();
  const WallTime now = version_.created + std::chrono::hours(1);
  EXPECT_TRUE(compare_metadata(config, {{version_}, {}}, now).empty());
  expect_finding(compare_metadata(config, {}, now), Weight::kWrong, "key issuer", "it has no metadata");

  keyring::KeyVersion larger = version_;
  larger.public_key.modulus.assign(512, 0xff);
  expect_finding(compare_metadata(config, {{larger}, {}}, now), Weight::kWrong, "key issuer",
                 "it has 4096 bits, and the configuration says 2048");

  keyring::KeyVersion stray = version_;
  stray.name = "old";
  keyring::KeyVersion lost = version_;
  lost.token = "gone";
  lost.created = now + std::chrono::seconds(1);
  const Findings findings = compare_metadata(config, {{version_, stray, lost}, {}}, now);
  expect_finding(findings, Weight::kNote, "key old", "no [[key]] names it");
  expect_finding(findings, Weight::kWrong, "key issuer", "names token gone, which is not configured");
  expect_finding(findings, Weight::kWrong, "key issuer", "made in the future");
  expect_finding(findings, Weight::kWrong, "key issuer", "several of its versions");
  expect_finding(compare_metadata(config, {{}, {{"issuer", "/x.json: not format 1"}}}, now), Weight::kWrong,
                 "key issuer", "/x.json: not format 1");
}

TEST_F(Doctor, TellsWhatSignerdSaysOfItself) {
  EXPECT_TRUE(look_at_daemon(status()).empty());
  Status bad = status();
  bad.keys[0]["state"] = "stopped";
  bad.keys[0]["ready"] = false;
  (*bad.tokens)[0]["software"] = true;
  (*bad.tokens)[0]["stopped_keys"] = {{"issuer", "token main: CKA_EXTRACTABLE=1; nothing was changed: look"}};
  Findings findings = look_at_daemon(bad);
  expect_finding(findings, Weight::kWrong, "key issuer", "is stopped: token main: CKA_EXTRACTABLE=1");
  EXPECT_EQ(findings.front().advice, "look");
  expect_finding(findings, Weight::kNote, "token main", "software stand-in");
  bad.tokens.reset();
  bad.tokens_refusal = "denied";
  expect_finding(look_at_daemon(bad), Weight::kSkipped, "tokens", "denied");
}

TEST_F(Doctor, ComparesWhatRunsWithWhatTheFileSays) {
  const config::Config config = configuration();
  const keyring::LoadedVersions loaded{{version_}, {}};
  EXPECT_TRUE(compare_with_daemon(config, loaded, status()).empty());
  Status other = status();
  other.keys[0]["kid"] = "another";
  other.keys.push_back({{"name", "left"}});
  (*other.tokens)[0]["driver"] = "tpm2";
  other.tokens->push_back({{"name", "second"}});
  Findings findings = compare_with_daemon(config, loaded, other);
  expect_finding(findings, Weight::kWrong, "key issuer", "signerd signs with kid another");
  expect_finding(findings, Weight::kWrong, "key left", "the file does not");
  expect_finding(findings, Weight::kWrong, "token main", "another driver");
  expect_finding(findings, Weight::kWrong, "token second", "the file does not");
  other.keys = Json::array();
  expect_finding(compare_with_daemon(config, loaded, other), Weight::kWrong, "key issuer", "running signerd does not");
}

TEST_F(Doctor, ReadsTheMetricsThatTellOfTheLog) {
  EXPECT_TRUE(look_at_metrics("").empty());
  EXPECT_TRUE(look_at_metrics("# HELP signer_audit_healthy 0\nsigner_audit_healthy 1\n"
                              "signer_audit_uncovered_records 7\nsigner_audit_checkpoint_failures_total 0\n")
                  .empty())
      << "records that were just written are covered soon";
  const Findings findings = look_at_metrics(
      "signer_audit_healthy 0\nsigner_audit_uncovered_records 7\nsigner_audit_checkpoint_failures_total 2\n");
  expect_finding(findings, Weight::kWrong, "audit log", "records cannot be written");
  expect_finding(findings, Weight::kWrong, "audit log", "7 records are covered by no checkpoint");
}

TEST_F(Doctor, AnotherSignatureIsWrongAndTheSameIsSaid) {
  EXPECT_EQ(compare_signatures("k", "a.b.c", "c").weight, Weight::kNote);
  EXPECT_EQ(compare_signatures("k", "a.b.c", "d").weight, Weight::kWrong);
  EXPECT_EQ(compare_signatures("k", "a.b.c", "cc").weight, Weight::kWrong);
  EXPECT_EQ(compare_signatures("k", "a.b.", "").weight, Weight::kSkipped) << "nothing equals nothing";
  EXPECT_EQ(compare_signatures("k", "", "c").weight, Weight::kSkipped);
}

TEST_F(Doctor, CrossesEveryReadyKeyOfATokenWithOneStartOfTheHelper) {
  const config::Config config = configuration();
  keyring::KeyVersion second = version_;
  second.name = "second";
  keyring::KeyVersion waiting = version_;
  waiting.name = "waiting";
  Status both = status();
  both.keys.push_back(key_json());
  both.keys[1]["name"] = "second";
  both.keys.push_back(key_json());
  both.keys[2]["name"] = "waiting";
  both.keys[2]["ready"] = false;
  test::write_script(directory_ / "csr", "for a in \"$@\"; do echo \"$a\"; done >> '" + (directory_ / "args") +
                                             "'; echo right; echo wrong\n");
  const auto jws_of = [](const std::string& key) -> Result<std::string> { return key + ".in.right"; };
  Findings findings = cross_with_libp11(config, {{version_, second, waiting}, {}}, both, jws_of, directory_ / "csr");
  ASSERT_EQ(findings.size(), 2U) << text_of(findings);
  expect_finding(findings, Weight::kNote, "key issuer", "the same bytes");
  expect_finding(findings, Weight::kWrong, "key second", "differ");
  EXPECT_EQ(test::read_text(directory_ / "args"),
            "--module\n" + (directory_ / "m.so") + "\n--token-uri\npkcs11:token=demo\n--pin-file\n" +
                (directory_ / "pin") + "\n--latch-file\n" + (directory_ / "state/latch/main.json") +
                "\n--sign\n0aff:" + version_.kid + ":issuer.in\n--sign\n0aff:" + version_.kid + ":second.in\n");

  test::write_script(directory_ / "csr", "echo 'signer-p11-csr: libp11: login not tried' >&2; exit 77\n");
  findings = cross_with_libp11(config, {{version_}, {}}, both, jws_of, directory_ / "csr");
  expect_finding(findings, Weight::kSkipped, "token main", "login not tried");
  std::filesystem::remove(directory_ / "pin");
  findings = cross_with_libp11(config, {{version_}, {}}, both, jws_of, directory_ / "csr");
  expect_finding(findings, Weight::kSkipped, "token main", "its PIN file");
  findings = cross_with_libp11(
      config, {{version_}, {}}, both, [](const auto&) { return fail(ErrorCode::kNotFound, "no bundle"); }, "");
  expect_finding(findings, Weight::kSkipped, "key issuer", "no bundle");
}

// The program, with and without a signerd.
TEST_F(Doctor, WithoutSignerdSaysWhatCanBeSeenAndExitsWith3) {
  configuration();
  const test::Finished ran = test::signerctl({"doctor", "--config", directory_ / "s.toml", "--socket", socket_});
  EXPECT_EQ(ran.status, 3) << ran.out;
  EXPECT_NE(ran.out.find("signerd does not answer on " + socket_), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("wrong  key issuer: it has no metadata"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("       do: restore "), std::string::npos) << ran.out;
  const Json json =
      Json::parse(test::signerctl({"doctor", "--config", directory_ / "s.toml", "--socket", socket_, "--json"}).out);
  EXPECT_FALSE(json["ok"].get<bool>());
  EXPECT_FALSE(json["daemon_answers"].get<bool>());
  EXPECT_EQ(test::signerctl({"doctor", "--config", directory_ / "absent.toml", "--socket", socket_}).status, 2);
}

TEST_F(Doctor, AnswersYesWhenNothingIsWrongAndNoWhenSomethingIs) {
  save();
  std::string signed_bundle = bundle();
  bool ready = true;
  test::FakeServer server([&](const test::Request& request) {
    std::string body = R"({"code":"not_found"})";
    if (request.line.starts_with("GET /readyz")) body = ready ? R"({"ready":true})" : R"({"ready":false})";
    Json key = key_json();
    key["ready"] = ready;
    if (request.line.starts_with("GET /v1/keys ")) body = Json{{"keys", Json::array({key})}}.dump();
    if (request.line.starts_with("GET /v1/tokens ")) body = Json{{"tokens", *status().tokens}}.dump();
    if (request.line.starts_with("GET /metrics")) body = "signer_audit_healthy 1\n";
    if (request.line.starts_with("GET /v1/evidence?key=issuer&nonce=")) body = signed_bundle;
    return test::Answer{test::http(200, body), test::Answer::Then::kKeepOpen};
  });
  socket_ = server.socket();
  std::filesystem::permissions(socket_, std::filesystem::perms(0755));
  configuration();
  const std::string input = evidence::signing_input("RS256", version_.kid, "AAAAAAAAAAAAAAAAAAAAAA", "{}");
  test::write_script(directory_ / "csr", "echo " + test::SigningKey::first().signature(input) + "\n");
  const std::vector<std::string> command = {
      "doctor", "--config", directory_ / "s.toml", "--csr-program", directory_ / "csr", "--socket", socket_};
  test::Finished ran = test::signerctl(command);
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("made through libp11 are the same bytes"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("Nothing is wrong.\n"), std::string::npos);

  signed_bundle = bundle("BBBBBBBBBBBBBBBBBBBBBB");  // whatever signed this, the helper's signature is another
  ran = test::signerctl(command);
  EXPECT_EQ(ran.status, 1) << ran.out;
  EXPECT_NE(ran.out.find("differ, though RS256"), std::string::npos) << ran.out;
  ready = false;
  ran = test::signerctl(command);
  EXPECT_EQ(ran.status, 1) << ran.out;
  EXPECT_NE(ran.out.find("1 thing is wrong.\n"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace signer::ctl
