// SPDX-License-Identifier: Apache-2.0
//
// Key sets over HTTPS, against a server in Python.  Without these a verifier could take its keys from whoever sits on
// the line, follow a redirect into another network, or hang on a slow issuer.
#include "signer/jwks_http.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/signing_key.h"
#include "tests/support/temporary_directory.h"

namespace signer {
namespace {

using namespace std::chrono_literals;
using test::SigningKey;

class JwksOverHttps : public testing::Test {
 protected:
  void SetUp() override {
    const std::string key = path("key.pem");
    const auto made =
        test::run({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
                   path("ca.pem"), "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=DNS:localhost"});
    ASSERT_EQ(made.status, 0) << made.err;
    test::write_text(path("jwks"), R"({"keys":[)" + SigningKey::first().jwk(R"(,"alg":"RS256","kid":"a")") + "]}");
    server_ = std::make_unique<test::Background>(
        std::vector<std::string>{"/usr/bin/python3", HTTPS_SERVER, path("ca.pem"), key, path("port"), path("jwks")},
        path("log"));
    ASSERT_TRUE(test::eventually([this] { return std::filesystem::exists(path("port")); })) << server_->log();
    port_ = test::read_text(path("port"));
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path() / name; }

  [[nodiscard]] std::string url(const std::string& place, const std::string& host = "localhost") const {
    return "https://" + host + ":" + port_ + place;
  }

  // The reason, or nothing if a set came.
  [[nodiscard]] std::string fetch(const std::string& from, JwksHttpOptions options) const {
    const auto fetch = jwks_over_https(from, std::move(options));
    if (!fetch) return fetch.error().text;
    const auto text = (*fetch)();
    return text ? std::string() : text.error().text;
  }

  [[nodiscard]] JwksHttpOptions options() const {
    JwksHttpOptions options;
    options.ca_file = path("ca.pem");
    return options;
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<test::Background> server_;
  std::string port_;
};

TEST_F(JwksOverHttps, FeedsAKeySource) {
  auto fetch = jwks_over_https(url("/jwks"), options());
  ASSERT_TRUE(fetch) << fetch.error().text;
  KeySource source(*fetch);
  const auto keys = source.keys();
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->kids(), std::vector<std::string>{"a"});
}

TEST_F(JwksOverHttps, ACertificateThatNobodyVouchesForIsRefused) {
  EXPECT_NE(fetch(url("/jwks"), {}), "");
  EXPECT_NE(fetch(url("/jwks", "127.0.0.1"), options()), "") << "the certificate names localhost alone";
}

TEST_F(JwksOverHttps, NeitherRedirectsNorErrorsAreKeySets) {
  EXPECT_NE(fetch(url("/redirect"), options()).find("status 302"), std::string::npos);
  EXPECT_NE(fetch(url("/missing"), options()).find("status 404"), std::string::npos);
}

TEST_F(JwksOverHttps, SizeAndTimeHaveLimits) {
  EXPECT_NE(fetch(url("/large"), options()).find("larger than"), std::string::npos);
  const auto size = test::read_text(path("jwks")).size();
  JwksHttpOptions limits = options();
  limits.bytes_max = size;
  EXPECT_EQ(fetch(url("/jwks"), limits), "");
  limits.bytes_max = size - 1;
  EXPECT_NE(fetch(url("/jwks"), limits).find("larger than"), std::string::npos);
  limits = options();
  limits.total_timeout = 300ms;
  EXPECT_NE(fetch(url("/slow"), limits), "");
}

TEST_F(JwksOverHttps, AServerThatIsGoneIsAFailureThatNamesItsHostAlone) {
  server_.reset();
  const std::string why = fetch(url("/jwks?secret=1"), options());
  EXPECT_NE(why.find("localhost"), std::string::npos) << why;
  EXPECT_EQ(why.find("secret"), std::string::npos) << why;
}

TEST(JwksUrl, OtherSchemesAndCredentialsAreRefused) {
  for (const char* url : {"http://issuer.example/jwks", "ftp://issuer.example/jwks", "file:///etc/jwks", "", "https://",
                          "issuer.example", "HTTPS://issuer.example", "https://user:word@issuer.example/jwks",
                          "https://user@issuer.example/jwks", "https://issuer.example:x/"}) {
    const auto refused = jwks_over_https(url);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(refused.error().text.find("word"), std::string::npos);
  }
  JwksHttpOptions none;
  none.bytes_max = 0;
  EXPECT_FALSE(jwks_over_https("https://issuer.example/jwks", none));
  none = {};
  none.total_timeout = 0ms;
  EXPECT_FALSE(jwks_over_https("https://issuer.example/jwks", none));
}

}  // namespace
}  // namespace signer
