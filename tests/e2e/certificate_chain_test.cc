// SPDX-License-Identifier: Apache-2.0
//
// Certificates in the header, from the request for one to a token that OpenSSL verifies with what its x5c says. Without
// these a UDAP assertion could carry a certificate of another key and be refused by every server.

#include "jose/base64url.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

namespace {

class CertificateChain : public RunningDaemon {
 protected:
  void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/usr/bin/openssl");
    const Finished done = run(arguments);
    ASSERT_EQ(done.status, 0) << arguments[1] << ": " << done.err;
  }

  // A certification authority of our own, and a certificate of the key in the token, valid for `days`.
  void certify(const std::string& days) {
    openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-keyout",
             daemon_.file("ca.key"), "-out", daemon_.file("ca.pem"), "-days", "2"});
    const Finished request = run(
        {SIGNERCTL_PROGRAM, "key", "csr", "issuer", "--subject", "/CN=app.example", "--config", daemon_.config_file()});
    ASSERT_EQ(request.status, 0) << request.err;
    write_text(daemon_.file("csr.pem"), request.out);
    openssl({"x509", "-req", "-in", daemon_.file("csr.pem"), "-CA", daemon_.file("ca.pem"), "-CAkey",
             daemon_.file("ca.key"), "-CAcreateserial", "-out", daemon_.file("leaf.pem"), "-days", days});
  }

  // Waits until a request under the profile is answered with `status`.
  HttpReply reload_until(const std::string& chain, int status) {
    write_text(daemon_.file("chain.pem"), chain);
    daemon_.write_configuration(
        "[[profile]]\nname = \"udap\"\nkind = \"udap-client-assertion\"\nissuer = \"https://app.example/client\"\n"
        "audiences = [\"https://as.example/token\"]\nmax_ttl = \"5m\"\ncertificate_chain = \"" +
        daemon_.file("chain.pem") + "\"\n[[grant]]\nname = \"udap\"\nmatch = { uid = " + std::to_string(::getuid()) +
        " }\nkeys = [\"issuer\"]\nprofiles = [\"udap\"]\nverbs = [\"issue\"]\n");
    daemon_.process().signal(SIGHUP);
    HttpReply reply;
    EXPECT_TRUE(eventually([&] {
      reply = assertion();
      return reply.status == status;
    })) << reply.status
        << reply.body << daemon_.log();
    return reply;
  }

  HttpReply assertion() {
    HttpConnection connection(daemon_.socket());
    return connection
        .post(
            "/v1/keys/issuer/tokens",
            R"({"profile":"udap","claims":{"sub":"https://app.example/client","extensions":{"hl7-b2b":{"version":"1",)"
            R"("organization_id":"https://fhir.example/Organization/1",)"
            R"("purpose_of_use":["urn:oid:2.16.840.1.113883.5.8#TREAT"]}}}})")
        .value();
  }
};

TEST_F(CertificateChain, ATokenVerifiesWithTheCertificateThatItCarries) {
  certify("1");
  const HttpReply reply = reload_until(read_text(daemon_.file("leaf.pem")) + read_text(daemon_.file("ca.pem")), 200);
  const std::string token = reply.json()["token"];
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  const jose::Json header = jose::Json::parse(text_of(*jose::base64url_decode(token.substr(0, first))));
  ASSERT_EQ(header["x5c"].size(), 2U);
  EXPECT_EQ(header.size(), 4U) << header.dump();
  write_text(daemon_.file("x5c.pem"),
             "-----BEGIN CERTIFICATE-----\n" + header["x5c"][0].get<std::string>() + "\n-----END CERTIFICATE-----\n");
  openssl({"verify", "-CAfile", daemon_.file("ca.pem"), daemon_.file("x5c.pem")});
  openssl({"x509", "-in", daemon_.file("x5c.pem"), "-noout", "-pubkey", "-out", daemon_.file("public.pem")});
  write_text(daemon_.file("input"), token.substr(0, last));
  write_text(daemon_.file("signature"), std::string(text_of(*jose::base64url_decode(token.substr(last + 1)))));
  openssl({"dgst", "-sha256", "-verify", daemon_.file("public.pem"), "-signature", daemon_.file("signature"),
           daemon_.file("input")});
}

TEST_F(CertificateChain, ACertificateOfAnotherKeyOrAnExpiredOneSignsNothing) {
  certify("0");  // until it was made: some releases of openssl make none that ends before
  const auto refused_because = [this](std::string_view reason) {
    return eventually([&] { return assertion().status == 503 && daemon_.log().find(reason) != std::string::npos; });
  };
  EXPECT_EQ(reload_until(read_text(daemon_.file("leaf.pem")), 503).json()["code"], "token_unavailable");
  EXPECT_TRUE(refused_because("the profile's certificate has expired")) << daemon_.log();
  EXPECT_EQ(reload_until(read_text(daemon_.file("ca.pem")), 503).json()["code"], "token_unavailable");
  EXPECT_TRUE(refused_because("the profile's certificate is of another key")) << daemon_.log();
}

TEST_F(CertificateChain, AFileThatIsNoChainIsRefusedWithWhatToDo) {
  certify("1");
  const std::string leaf = read_text(daemon_.file("leaf.pem"));
  const std::string authority = read_text(daemon_.file("ca.pem"));
  const auto check = [&](const std::string& chain) {
    write_text(daemon_.file("chain.pem"), chain);
    const Finished checked = run({SIGNERD_PROGRAM, "--check", "--config", daemon_.config_file()});
    return std::to_string(checked.status) + checked.out + checked.err;
  };
  ASSERT_EQ(reload_until(leaf, 200).status, 200);
  EXPECT_TRUE(check(leaf + authority).starts_with("0"));
  for (const auto& [chain, says] :
       {std::pair(std::string(), "holds no certificate"),
        std::pair(authority + leaf, "was not signed by the one behind it"),
        std::pair(read_text(daemon_.file("ca.key")) + leaf, "holds a private key"),
        std::pair("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + leaf, "cannot be read"),
        std::pair(leaf + authority + authority + authority + authority + authority + authority + authority + authority,
                  "more than 8 certificates")}) {
    const std::string said = check(chain);
    EXPECT_TRUE(said.starts_with("1")) << said;
    EXPECT_NE(said.find(says), std::string::npos) << said;
    EXPECT_NE(said.find("profile 'udap'"), std::string::npos) << said;
  }
}

}  // namespace

}  // namespace signer::test
