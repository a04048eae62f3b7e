// SPDX-License-Identifier: Apache-2.0
//
// Tokens whose profile encrypts, from claims to what the recipient reads.  Without these a profile could promise
// secrecy and a caller get a token in the clear.

#include "jose/base64url.h"
#include "jose/public_key.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

namespace {

class Encryption : public testing::Test {
 protected:
  // A recipient, its keys made by OpenSSL, before the daemon that encrypts to it.
  void SetUp() override {
    const std::string key = directory_ / "recipient.pem";
    ASSERT_EQ(run({"/usr/bin/openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key})
                  .status,
              0);
    std::filesystem::permissions(key, std::filesystem::perms::owner_read);
    const Finished modulus = run({"/usr/bin/openssl", "rsa", "-in", key, "-noout", "-modulus"});
    ASSERT_EQ(modulus.status, 0) << modulus.err;
    write_text(directory_ / "recipient.json", R"({"keys":[{"kty":"RSA","use":"enc","kid":"r1","e":"AQAB","n":")" +
                                                  base64url_of_hex(modulus.out.substr(modulus.out.find('=') + 1)) +
                                                  "\"}]}");
    write_text(directory_ / "pairwise", std::string(40, 'p') + "\n");
    std::filesystem::permissions(directory_ / "pairwise", std::filesystem::perms::owner_read);
    daemon_ = std::make_unique<TestDaemon>(programs(), options());
    ASSERT_TRUE(daemon_->up()) << daemon_->log();
  }

  static std::string base64url_of_hex(std::string hex) {
    while (!hex.empty() && (hex.back() == '\n' || hex.back() == ' ')) hex.pop_back();
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return jose::base64url_encode(bytes);
  }

  DaemonOptions options() {
    const auto profile = [](const std::string& name, const std::string& more) {
      return "[[profile]]\nname = \"" + name +
             "\"\nissuer = \"https://idp.example\"\naudiences = [\"https://api.example\"]\nmax_ttl = \"5m\"\n" + more +
             "[[profile.claim]]\nname = \"patient\"\ntype = \"opaque_id\"\n";
    };
    DaemonOptions options;
    options.more =
        "[[recipient]]\nname = \"r\"\njwks_file = \"" + (directory_ / "recipient.json") + "\"\n" +
        profile("whole", "encrypt_to = \"r\"\n") +
        profile("chosen", "encrypt_to = \"r\"\nencrypt_claims = [\"patient\"]\n") +
        profile("pairwise", "pairwise = { sector = \"s\", secret_file = \"" + (directory_ / "pairwise") + "\" }\n") +
        "[[grant]]\nname = \"secret\"\nmatch = { uid = " + std::to_string(::getuid()) +
        " }\nkeys = [\"issuer\"]\nprofiles = [\"whole\", \"chosen\", \"pairwise\"]\nverbs = [\"issue\"]\n";
    return options;
  }

  HttpReply issue(const std::string& profile, const std::string& claims) {
    HttpConnection connection(daemon_->socket());
    return connection.post("/v1/keys/issuer/tokens", R"({"profile":")" + profile + R"(","claims":)" + claims + "}")
        .value();
  }

  Finished verify(const std::string& token, bool with_key) {
    HttpConnection connection(daemon_->socket());
    write_text(directory_ / "jwks.json", connection.get("/v1/jwks")->body);
    std::vector<std::string> command = {SIGNERCTL_PROGRAM, "verify",
                                        "--jwks",          directory_ / "jwks.json",
                                        "--issuer",        "https://idp.example",
                                        "--audience",      "https://api.example"};
    if (with_key) command.insert(command.end(), {"--decryption-key", directory_ / "recipient.pem"});
    return run(command, token);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<TestDaemon> daemon_;
};

constexpr const char* kPatient = "pat-7731-zq";

TEST_F(Encryption, AWholeTokenIsReadableForItsRecipientAlone) {
  const HttpReply reply = issue("whole", std::string(R"({"sub":"client-1","patient":")") + kPatient + "\"}");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const std::string token = reply.json()["token"];
  EXPECT_EQ(std::count(token.begin(), token.end(), '.'), 4);
  EXPECT_EQ(reply.json().value("jti", "").empty(), false);
  const jose::Json header = jose::Json::parse(text_of(*jose::base64url_decode(token.substr(0, token.find('.')))));
  EXPECT_EQ(header, (jose::Json{{"alg", "RSA-OAEP-256"}, {"enc", "A256GCM"}, {"cty", "JWT"}, {"kid", "r1"}}));
  const Finished opened = verify(token, true);
  ASSERT_EQ(opened.status, 0) << opened.err;
  EXPECT_EQ(jose::Json::parse(opened.out)["patient"], kPatient);
  EXPECT_EQ(verify(token, false).status, 1);
}

TEST_F(Encryption, ChosenClaimsAreHiddenAndTheRestStaysReadable) {
  const HttpReply reply = issue("chosen", std::string(R"({"sub":"client-1","patient":")") + kPatient + "\"}");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const std::string token = reply.json()["token"];
  const Finished outside = verify(token, false);
  ASSERT_EQ(outside.status, 0) << outside.err;
  const jose::Json readable = jose::Json::parse(outside.out);
  EXPECT_EQ(readable["sub"], "client-1");
  EXPECT_FALSE(readable.contains("patient"));
  EXPECT_TRUE(readable.contains("encrypted_claims"));
  const Finished opened = verify(token, true);
  ASSERT_EQ(opened.status, 0) << opened.err;
  EXPECT_EQ(jose::Json::parse(opened.out)["patient"], kPatient);
  EXPECT_EQ(jose::Json::parse(opened.out)["sub"], "client-1");
}

TEST_F(Encryption, WithNothingToHideNothingIsAdded) {
  const HttpReply reply = issue("chosen", R"({"sub":"client-1"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_FALSE(jose::Json::parse(verify(reply.json()["token"], false).out).contains("encrypted_claims"));
}

TEST_F(Encryption, EncryptionHidesNoPhiFromTheDetectors) {
  const HttpReply reply = issue("whole", R"({"sub":"123-45-6789"})");
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json()["rule"], "phi.ssn");
}

TEST_F(Encryption, APairwiseSubjectIsStableAndNotTheIdItself) {
  const auto subject = [this](const std::string& id) {
    const HttpReply reply = issue("pairwise", R"({"sub":")" + id + "\"}");
    return jose::Json::parse(verify(reply.json()["token"], false).out).value("sub", "");
  };
  const std::string first = subject("internal-1");
  EXPECT_EQ(first.size(), 22U);
  EXPECT_EQ(subject("internal-1"), first);
  EXPECT_NE(subject("internal-2"), first);
}

TEST_F(Encryption, ARecipientThatCannotBeReadIsNoReasonToSignInTheClear) {
  ASSERT_EQ(daemon_->stop(), 0);
  write_text(directory_ / "recipient.json", R"({"keys":[]})");
  const Finished refused = run({SIGNERD_PROGRAM, "--check", "--config", daemon_->config_file()});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE((refused.out + refused.err).find("recipient.json"), std::string::npos) << refused.out << refused.err;
  EXPECT_NE((refused.out + refused.err).find("profile 'whole'"), std::string::npos);
}

TEST_F(Encryption, NoGrantCanSignPayloadsUnderAProfileThatEncrypts) {
  daemon_->write_configuration(options().more +
                               "[[grant]]\nname = \"raw\"\nmatch = { uid = " + std::to_string(::getuid()) +
                               " }\nkeys = [\"issuer\"]\nprofiles = [\"whole\"]\nverbs = [\"sign-payload\"]\n");
  const Finished refused = run({SIGNERD_PROGRAM, "--check", "--config", daemon_->config_file()});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE((refused.out + refused.err).find("'sign-payload' does not fit profile 'whole'"), std::string::npos)
      << refused.out << refused.err;
}

}  // namespace

}  // namespace signer::test
