// SPDX-License-Identifier: Apache-2.0
//
// What a good configuration means.  Without these a default could change under an operator.
#include "config/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.h"
#include "tests/unit/config/example.h"

namespace signer::config {
namespace {

using namespace std::chrono_literals;
using test::kConfigText;
using test::with;

// DESIGN §6.2 without its tpm2 token.
constexpr std::string_view kDesignExample = R"(state_dir = "/var/lib/signer"

[[listener]]
path = "/run/signer/signer.sock"
mode = "0660"
group = "signer-clients"

[[token]]
name = "main"
driver = "pkcs11"
module = "/usr/lib/softhsm/libsofthsm2.so"
uri = "pkcs11:token=demo"          # RFC 7512; never a slot number
pin_file = "/etc/signer/main.pin"  # or a systemd credential
sessions = 2

[[key]]
name = "issuer"
tokens = ["main"]                  # several: one hardware key on each, spread and failed over
alg = "RS256"
bits = 2048
rotate_every = "90d"
lead_in = "1h"

[[profile]]
name = "access"
typ = "at+jwt"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "15m"

[[grant]]
name = "idp"
match = { user = "idp" }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue"]
rate = "500/s"

[audit]
dir = "/var/lib/signer/audit"
token = "main"
checkpoint_every = "10s"
)";

constexpr std::string_view kTpmToken = R"(
[[token]]
name = "tpm0"
driver = "tpm2"
tcti = "device:/dev/tpmrm0"        # explicit, always
)";

TEST(Configuration, ReadsTheExampleOfTheDesign) {
  const auto config = parse(kDesignExample, "signer.toml");
  ASSERT_TRUE(config) << config.error().text;

  EXPECT_EQ(config->file, "signer.toml");
  EXPECT_EQ(config->state_dir, "/var/lib/signer");
  ASSERT_EQ(config->listeners.size(), 1U);
  EXPECT_EQ(config->listeners[0], (Listener{"/run/signer/signer.sock", 0660, "signer-clients"}));
  ASSERT_EQ(config->tokens.size(), 1U);
  EXPECT_EQ(config->tokens[0], (Token{"main",
                                      DriverKind::kPkcs11,
                                      "/usr/lib/softhsm/libsofthsm2.so",
                                      "pkcs11:token=demo",
                                      "/etc/signer/main.pin",
                                      2,
                                      2000ms,
                                      {}}));
  ASSERT_EQ(config->keys.size(), 2U) << "and the one that signs checkpoints";
  EXPECT_EQ(config->keys[0], (Key{"issuer", {"main"}, jose::KeyKind::kRsa2048, false, 90 * 24h, 1h}));
  ASSERT_EQ(config->profiles.size(), 1U);
  EXPECT_EQ(config->profiles[0].typ, "at+jwt");
  EXPECT_EQ(config->profiles[0].issuer, "https://idp.example");
  EXPECT_EQ(config->profiles[0].audiences, std::vector<std::string>{"https://api.example"});
  EXPECT_EQ(config->profiles[0].max_ttl, 15min);
  ASSERT_EQ(config->grants.size(), 1U);
  EXPECT_EQ(config->grants[0].match.user, "idp");
  EXPECT_EQ(config->grants[0].verbs, std::vector<Verb>{Verb::kIssue});
  EXPECT_EQ(config->grants[0].rate, 500.0);
  EXPECT_EQ(config->audit.dir, "/var/lib/signer/audit");
  EXPECT_EQ(config->audit.token, "main");
  EXPECT_EQ(config->audit.checkpoint_every, 10s);
  // What this version reads and does not act on is said, not swallowed.
  EXPECT_EQ(config->notes.size(), 1U);
}

TEST(Configuration, ReadsTheTpmTokenOfTheDesign) {
  const auto config = parse(std::string(kDesignExample) + std::string(kTpmToken), "signer.toml");
  ASSERT_TRUE(config) << config.error().text;
  const Token& token = config->tokens.back();
  EXPECT_EQ(token.driver, DriverKind::kTpm2);
  EXPECT_EQ(token.uri, "device:/dev/tpmrm0");
  EXPECT_EQ(token.pin_file, "/var/lib/signer/tpm/tpm0.auth");
  EXPECT_EQ(token.authorization, "hmac");
  EXPECT_EQ(token.sessions, 1) << "a TPM does one thing at a time";
  EXPECT_EQ(token.operation_timeout, 10s) << "the kernel alone repeats a command for up to 2 s";
  EXPECT_EQ(token.module, "");
}

TEST(Configuration, DefaultsAreTheCautiousOnes) {
  const auto config = parse(kConfigText, "f");
  ASSERT_TRUE(config) << config.error().text;

  EXPECT_EQ(config->listeners[0].mode, 0600U);
  EXPECT_EQ(config->listeners[0].group, "");
  EXPECT_EQ(config->tokens[0].sessions, 2);
  EXPECT_EQ(config->tokens[0].operation_timeout, 2s);
  EXPECT_EQ(config->tokens[0].key_check_every, 10min) << "keys are inspected though nobody asked for it";
  EXPECT_EQ(config->keys[0].kind, jose::KeyKind::kRsa2048);
  EXPECT_FALSE(config->keys[0].mechanism_lock);
  EXPECT_EQ(config->profiles[0].typ, "JWT");
  EXPECT_EQ(config->grants[0].match.uid, 1001U);
  EXPECT_FALSE(config->grants[0].rate);
  EXPECT_EQ(config->audit.dir, "/var/lib/signer/audit");
  EXPECT_TRUE(config->notes.empty());
}

TEST(Configuration, ReadsEveryChoiceOfASize) {
  const std::pair<const char*, jose::KeyKind> sizes[] = {
      {"2048", jose::KeyKind::kRsa2048}, {"3072", jose::KeyKind::kRsa3072}, {"4096", jose::KeyKind::kRsa4096}};
  for (const auto& [bits, kind] : sizes) {
    const auto config =
        parse(with(kConfigText, "tokens = [\"main\"]", "tokens = [\"main\"]\nbits = " + std::string(bits)), "f");
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_EQ(config->keys[0].kind, kind);
  }
}

TEST(Configuration, ReadsRatesBySecondAndMinute) {
  const std::pair<const char*, double> rates[] = {
      {"1/s", 1}, {"500/s", 500}, {"30/m", 0.5}, {"4294967295/s", 4294967295.0}};
  for (const auto& [text, rate] : rates) {
    const auto config = parse(std::string(kConfigText) + "rate = \"" + text + "\"\n", "f");
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_DOUBLE_EQ(config->grants[0].rate.value(), rate) << text;
  }
}

TEST(Configuration, KeepsTheHostsEnvironmentAndEveryMatch) {
  std::string text = with(kConfigText, "uri =", "environment = { SOFTHSM2_CONF = \"/x\", EMPTY = \"\" }\nuri =");
  text = with(text, "{ uid = 1001 }",
              "{ uid = 0, gid = 4294967294, user = \"u\", group = \"g\", listener = \"/run/signer/signer.sock\" }");
  const auto config = parse(text, "f");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->tokens[0].environment,
            (std::map<std::string, std::string>{{"SOFTHSM2_CONF", "/x"}, {"EMPTY", ""}}));
  const Match& match = config->grants[0].match;
  EXPECT_EQ(match.uid, 0U);
  EXPECT_EQ(match.gid, 4294967294U);
  EXPECT_EQ(match.user, "u");
  EXPECT_EQ(match.group, "g");
  EXPECT_EQ(match.listener, "/run/signer/signer.sock");
}

TEST(Duration, IsAWholeNumberAndAUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("0s"), 0ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("15m"), 15min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("90d"), 90 * 24h);
  EXPECT_EQ(parse_duration("36525d"), 36525 * 24h);
  EXPECT_EQ(parse_duration("3155760000000ms"), 36525 * 24h);
  for (const std::string_view bad : {"",
                                     "s",
                                     "10",
                                     "10 s",
                                     " 10s",
                                     "10s ",
                                     "1.5h",
                                     "1h30m",
                                     "-1s",
                                     "+1s",
                                     "10S",
                                     "10min",
                                     "10sec",
                                     "ten s",
                                     "1e3s",
                                     "0x10s",
                                     "36526d",
                                     "3155760000001ms",
                                     "9223372036854775807d",
                                     "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(ConfigurationFile, IsReadFromDiskAndNamedInItsProblems) {
  const test::TemporaryDirectory directory;
  std::ofstream(directory / "good.toml") << kConfigText;
  std::ofstream(directory / "bad.toml") << "state_dir = 1\n";

  EXPECT_TRUE(load(directory / "good.toml"));
  const auto bad = load(directory / "bad.toml");
  const auto absent = load(directory / "none.toml");

  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().text.starts_with(directory / "bad.toml:1: state_dir: ")) << bad.error().text;
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
}

TEST(ConfigurationFile, EndsAtOneMebibyte) {
  const test::TemporaryDirectory directory;
  const std::size_t room = 1024 * 1024 - kConfigText.size();
  std::ofstream(directory / "full.toml") << kConfigText << '#' << std::string(room - 1, 'x');
  std::ofstream(directory / "over.toml") << kConfigText << '#' << std::string(room, 'x');

  EXPECT_TRUE(load(directory / "full.toml"));
  const auto over = load(directory / "over.toml");

  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kInvalidRequest);
  EXPECT_NE(over.error().text.find("larger than 1048576 bytes"), std::string::npos) << over.error().text;
}

}  // namespace
}  // namespace signer::config
