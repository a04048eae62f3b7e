// SPDX-License-Identifier: Apache-2.0
//
// Lose these and signerctl initialises another token than the one that was meant.

#include "ctl/token.h"

#include <gtest/gtest.h>

#include "ctl/tpm_token.h"

namespace signer::ctl {
namespace {

TEST(LabelOf, IsTheTokenAttributeOfTheUri) {
  EXPECT_EQ(label_of("pkcs11:token=demo"), "demo");
  EXPECT_EQ(label_of("pkcs11:serial=01;token=my%20token;model=x?module-name=y"), "my token");
  EXPECT_EQ(label_of("pkcs11:token=a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(label_of("pkcs11:token="), "");
}

TEST(LabelOf, IsNothingWithoutOne) {
  for (const char* uri : {"", "pkcs11:", "pkcs11:serial=01", "pkcs11:mytoken=a", "pkcs11:serial=1?token=demo",
                          "http:token=demo", "pkcs11:token=%", "pkcs11:token=%4", "pkcs11:token=%4g", "pkcs11:;;;"}) {
    EXPECT_EQ(label_of(uri), std::nullopt) << uri;
  }
}

TokenOptions complete() {
  TokenOptions options;
  options.module = "/m.so";
  options.label = "demo";
  options.pin_file = "/p";
  options.so_pin_file = "/s";
  return options;
}

TEST(InitArguments, AreThoseOfTheHost) {
  EXPECT_EQ(init_arguments(complete()).value(),
            (std::vector<std::string>{"token-init", "--module", "/m.so", "--label", "demo", "--pin-file", "/p",
                                      "--so-pin-file", "/s"}));
  TokenOptions options = complete();
  options.generate_secrets = true;
  options.slot_index = 2;
  const auto arguments = init_arguments(options).value();
  EXPECT_EQ((std::vector<std::string>(arguments.end() - 3, arguments.end())),
            (std::vector<std::string>{"--slot-index", "2", "--generate-pins"}));
}

TEST(InitArguments, NameTheOptionThatIsMissing) {
  const std::vector<std::pair<std::string TokenOptions::*, std::string>> members = {
      {&TokenOptions::module, "--module"},
      {&TokenOptions::label, "--label"},
      {&TokenOptions::pin_file, "--pin-file"},
      {&TokenOptions::so_pin_file, "--so-pin-file"}};
  for (const auto& [member, name] : members) {
    TokenOptions options = complete();
    (options.*member).clear();
    const auto arguments = init_arguments(options);
    ASSERT_FALSE(arguments);
    EXPECT_NE(arguments.error().text.find(name + " is missing"), std::string::npos);
  }
}

TEST(CheckOptionsOf, RefusesEachOptionOfTheOtherKindOfToken) {
  using config::DriverKind;
  const std::vector<std::pair<std::string TokenOptions::*, std::string>> foreign_to_a_tpm = {
      {&TokenOptions::module, "--module"},
      {&TokenOptions::label, "--label"},
      {&TokenOptions::pin_file, "--pin-file"},
      {&TokenOptions::so_pin_file, "--so-pin-file"}};
  const std::vector<std::pair<std::string TokenOptions::*, std::string>> foreign_to_pkcs11 = {
      {&TokenOptions::tcti, "--tcti"}, {&TokenOptions::auth_file, "--auth-file"}};
  const auto expect_refused = [](DriverKind driver, const TokenOptions& options, const std::string& name) {
    const auto checked = check_options_of(driver, options);
    ASSERT_FALSE(checked) << name;
    EXPECT_NE(checked.error().text.find("token init: " + name + " is for "), std::string::npos) << checked.error().text;
    EXPECT_NE(checked.error().text.find(driver == DriverKind::kTpm2 ? "takes --tcti" : "takes --module"),
              std::string::npos)
        << checked.error().text;
  };
  for (const auto& [member, name] : foreign_to_a_tpm) {
    TokenOptions options;
    options.*member = "x";
    expect_refused(DriverKind::kTpm2, options, name);
    EXPECT_TRUE(check_options_of(DriverKind::kPkcs11, options)) << name;
  }
  for (const auto& [member, name] : foreign_to_pkcs11) {
    TokenOptions options;
    options.*member = "x";
    expect_refused(DriverKind::kPkcs11, options, name);
    EXPECT_TRUE(check_options_of(DriverKind::kTpm2, options)) << name;
  }
  TokenOptions slot;
  slot.slot_index = 0;
  expect_refused(DriverKind::kTpm2, slot, "--slot-index");
  EXPECT_TRUE(check_options_of(DriverKind::kPkcs11, slot));
}

TEST(TpmInitArguments, AreThoseOfTheHost) {
  TokenOptions options;
  options.tcti = "device:/dev/tpmrm0";
  options.auth_file = "/a";
  EXPECT_EQ(tpm_init_arguments(options).value(),
            (std::vector<std::string>{"token-init", "--tcti", "device:/dev/tpmrm0", "--auth-file", "/a"}));
  options.generate_secrets = true;
  EXPECT_EQ(tpm_init_arguments(options).value().back(), "--generate-auth");
}

TEST(TpmInitArguments, NameTheOptionThatIsMissing) {
  TokenOptions options;
  options.auth_file = "/a";
  EXPECT_NE(tpm_init_arguments(options).error().text.find("--tcti is missing"), std::string::npos);
  options = {};
  options.tcti = "device:/dev/tpmrm0";
  EXPECT_NE(tpm_init_arguments(options).error().text.find("--auth-file is missing"), std::string::npos);
}

// signer-tpm would look for the credential of a unit that we are not in.
TEST(TpmInitArguments, MakeNoCredentialAndSayWhatDoes) {
  TokenOptions options;
  options.tcti = "device:/dev/tpmrm0";
  options.auth_file = "credential:tpm0.auth";
  const auto arguments = tpm_init_arguments(options);
  ASSERT_FALSE(arguments);
  EXPECT_NE(arguments.error().text.find("systemd-creds encrypt --name=tpm0.auth PATH"), std::string::npos)
      << arguments.error().text;
}

jose::Json described() {
  return jose::Json::parse(R"({"manufacturer":"IFX","vendor":"SLB9672","firmware":"15.20.1.2","simulator":false,
      "storage_root":{"handle":"0x81000001","name":"000b01","type":"ECC","is_storage_key":true},
      "key_kinds":["RSA-2048","P-256"],"persistent_handles":["0x81000001","0x81000100"],"persistent_room":5,
      "lockout":{"failed_tries":1,"tries_max":32,"recovery_seconds":7200,"in_lockout":false},
      "owner_auth_set":true,"lockout_auth_set":false,"endorsement_auth_set":false,"clear_disabled":true,
      "advice":["first","second"]})");
}

TEST(TpmText, SaysWhatAnOperatorAsksForEachOnALineOfItsOwn) {
  const std::string text = tpm_text(described());
  for (const char* line :
       {"made by          IFX SLB9672, firmware 15.20.1.2\n",
        "keys live in     hardware or firmware, not proven here\n", "storage root     ECC at 0x81000001, Name 000b01\n",
        "key kinds        RSA-2048, P-256\n", "persistent keys  0x81000001, 0x81000100; room for 5 more\n",
        "in lockout       no, 1 failed tries of 32, one is forgiven every 7200 s\n",
        "owner set, endorsement not set, lockout not set; TPM2_Clear is disabled\n",
        "  advice: first\n  advice: second\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "is not in:\n" << text;
  }
}

TEST(TpmText, SaysAloudWhatIsWrong) {
  jose::Json tpm = described();
  tpm["simulator"] = true;
  tpm["lockout"]["in_lockout"] = true;
  tpm["storage_root"]["is_storage_key"] = false;
  const std::string text = tpm_text(tpm);
  EXPECT_NE(text.find("keys live in     SOFTWARE"), std::string::npos) << text;
  EXPECT_NE(text.find("in lockout       YES"), std::string::npos) << text;
  EXPECT_NE(text.find("this is no storage key"), std::string::npos) << text;
  tpm["storage_root"] = nullptr;
  EXPECT_NE(tpm_text(tpm).find("storage root     none\n"), std::string::npos) << tpm_text(tpm);
}

TEST(TpmText, SurvivesWhatIsNotOfTheHostAndKeepsTheTerminal) {
  EXPECT_FALSE(tpm_text(jose::Json::object()).empty());
  jose::Json tpm = described();
  tpm["vendor"] = "\x1b[2J";
  tpm["advice"] = {1, "\x1b[2J"};
  tpm["storage_root"] = 7;
  tpm["lockout"] = nullptr;
  EXPECT_EQ(tpm_text(tpm).find('\x1b'), std::string::npos);
}

TEST(FindToken, NamesThoseThatThereAre) {
  config::Config config;
  config.file = "f.toml";
  config.tokens.resize(2);
  config.tokens[0].name = "main";
  config.tokens[1].name = "spare";
  EXPECT_EQ(find_token(config, "spare").value().name, "spare");
  const auto none = find_token(config, "other");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().text, "f.toml: no [[token]] is named 'other'; there are: main, spare");
}

}  // namespace
}  // namespace signer::ctl
