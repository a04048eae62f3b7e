// SPDX-License-Identifier: Apache-2.0
//
// Key files between us and the tools that operators have: tpm2-tools and OpenSSL's provider tpm2-openssl, on a
// simulated TPM.

#include <gtest/gtest.h>

#include <string>

#include "tests/support/process.h"
#include "tests/support/tpm_interposer.h"
#include "tests/unit/tpm/tools_on_tpm.h"
#include "tpm/private_key_file.h"

namespace signer::tpm {
namespace {

using signer::test::read_text;
using signer::test::write_text;

Bytes bytes_of_file(const std::string& path) {
  const std::string text = read_text(path);
  return {text.begin(), text.end()};
}

class KeyFileInterop : public signer::test::ToolsOnTpm {
 protected:
  void SetUp() override {
    ToolsOnTpm::SetUp();
    write_text(file("message"), "header.payload");
  }

  // A signing key with the auth value "keypw" as k.pub and k.priv.
  void create_key() const {
    tool({"tpm2_create", "-Q", "-C", "0x81000001", "-g", "sha256", "-G", "rsa2048:rsassa-sha256:null", "-a",
          "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda", "-p", "keypw", "-u", file("k.pub"), "-r",
          file("k.priv")});
    flush();
  }

  // What we would have written of the key that tpm2_create left.
  void write_ours() const {
    const auto text = encode_private_key({.empty_auth = false,
                                          .parent = 0x81000001,
                                          .public_area = bytes_of_file(file("k.pub")),
                                          .private_area = bytes_of_file(file("k.priv"))});
    ASSERT_TRUE(text.has_value()) << text.error().text;
    write_text(file("ours.pem"), *text);
  }

  [[nodiscard]] Result<PrivateKeyFile> decode(const std::string& name) const {
    return decode_private_key(read_text(file(name)));
  }
};

TEST_F(KeyFileInterop, ReadsWhatTpm2ToolsWrites) {
  create_key();
  tool({"tpm2_encodeobject", "-C", "0x81000001", "-u", file("k.pub"), "-r", file("k.priv"), "-o", file("k.pem")});
  const auto key = decode("k.pem");
  ASSERT_TRUE(key.has_value()) << key.error().text;
  EXPECT_EQ(key->parent, 0x81000001U);
  EXPECT_EQ(key->public_area, bytes_of_file(file("k.pub")));
  EXPECT_EQ(key->private_area, bytes_of_file(file("k.priv")));
  tool({"tpm2_encodeobject", "-C", "0x81000001", "-u", file("k.pub"), "-r", file("k.priv"), "-p", "-o", file("p.pem")});
  const auto other = decode("p.pem");
  ASSERT_TRUE(other.has_value()) << other.error().text;
  EXPECT_NE(other->empty_auth, key->empty_auth) << "-p says that the key needs an auth value";
}

TEST_F(KeyFileInterop, ReadsWhatTpm2OpensslWrites) {
  tool({"openssl", "genpkey", "-provider", "tpm2", "-provider", "default", "-algorithm", "EC", "-pkeyopt",
        "group:P-256", "-out", file("owner.pem")});
  const auto owner = decode("owner.pem");
  ASSERT_TRUE(owner.has_value()) << owner.error().text;
  EXPECT_EQ(owner->parent, signer::test::kOwnerHierarchy);
  EXPECT_TRUE(owner->empty_auth);
  tool({"openssl", "genpkey", "-provider", "tpm2", "-provider", "default", "-algorithm", "EC", "-pkeyopt",
        "group:P-256", "-pkeyopt", "parent:0x81000001", "-pkeyopt", "user-auth:abc", "-out", file("child.pem")});
  const auto child = decode("child.pem");
  ASSERT_TRUE(child.has_value()) << child.error().text;
  EXPECT_EQ(child->parent, 0x81000001U);
  EXPECT_FALSE(child->empty_auth);
}

TEST_F(KeyFileInterop, WritesWhatTpm2OpensslSignsWith) {
  create_key();
  write_ours();
  tool({"openssl", "pkey", "-provider", "tpm2", "-provider", "default", "-in", file("ours.pem"), "-passin",
        "pass:keypw", "-pubout", "-out", file("public.pem")});
  flush();
  tool({"openssl", "dgst", "-provider", "tpm2", "-provider", "default", "-propquery", "?provider=tpm2", "-sha256",
        "-sign", file("ours.pem"), "-passin", "pass:keypw", "-out", file("signature"), file("message")});
  tool({"openssl", "dgst", "-sha256", "-verify", file("public.pem"), "-signature", file("signature"), file("message")});
}

TEST_F(KeyFileInterop, WritesWhatTpm2ToolsLoadsAndSignsWith) {
  create_key();
  write_ours();
  tool({"tpm2_load", "-Q", "-r", file("ours.pem"), "-c", file("k.ctx")});
  flush();
  tool({"tpm2_readpublic", "-Q", "-c", file("k.ctx"), "-f", "pem", "-o", file("public.pem")});
  flush();
  tool({"tpm2_sign", "-Q", "-c", file("k.ctx"), "-p", "keypw", "-g", "sha256", "-s", "rsassa", "-f", "plain", "-o",
        file("signature"), file("message")});
  tool({"openssl", "dgst", "-sha256", "-verify", file("public.pem"), "-signature", file("signature"), file("message")});
}

// Programs with a TSS of their own meet the interposer as they meet swtpm.
TEST_F(KeyFileInterop, PassesThroughTheInterposerWithItsFaults) {
  signer::test::TpmInterposer bus(tpm_);
  const signer::test::Environment through_bus = {{"TPM2TOOLS_TCTI", bus.tcti()}};
  const auto get_random = [&] { return signer::test::run({"tpm2_getrandom", "--hex", "8"}, {}, through_bus); };
  const signer::test::Finished good = get_random();
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_EQ(good.out.size(), 16U) << good.out;
  EXPECT_EQ(bus.count(signer::test::cc::kGetRandom), 1U);
  const auto fault = bus.answer({.code = signer::test::cc::kGetRandom}, 0x101);
  const signer::test::Finished bad = get_random();
  EXPECT_NE(bad.status, 0);
  EXPECT_NE(bad.err.find("0x101"), std::string::npos) << bad.err;
  EXPECT_EQ(bus.hits(fault), 1U);
  bus.drop_rules();
  const auto cut = bus.truncate({.code = signer::test::cc::kGetRandom}, 11);
  EXPECT_NE(get_random().status, 0);
  EXPECT_EQ(bus.hits(cut), 1U);
}

// tpm2-openssl 1.1 and tpm2-tools 5 know no description: the reason why we write none unless we are told to.
TEST_F(KeyFileInterop, LosesToolsToADescription) {
  create_key();
  const auto text = encode_private_key({.parent = 0x81000001,
                                        .public_area = bytes_of_file(file("k.pub")),
                                        .private_area = bytes_of_file(file("k.priv")),
                                        .description = "issuer"});
  ASSERT_TRUE(text.has_value());
  write_text(file("described.pem"), *text);
  EXPECT_NE(signer::test::run({"tpm2_load", "-Q", "-r", file("described.pem"), "-c", file("k.ctx")}, {}, environment())
                .status,
            0);
}

}  // namespace
}  // namespace signer::tpm
