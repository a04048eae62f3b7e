// SPDX-License-Identifier: Apache-2.0
//
// Lose these and signerctl initialises another token than the one that was meant.

#include "ctl/token.h"

#include <gtest/gtest.h>

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
  options.generate_pins = true;
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
