// SPDX-License-Identifier: Apache-2.0
//
// Invariant 11 with real programs: nothing of a value that is refused, replaced or encrypted is in a reply, a log line,
// a metric or a record.  Random values in every place of every call that takes claims.

#include <map>
#include <random>
#include <set>

#include "jose/base64url.h"
#include "tests/e2e/fixture.h"
#include "tests/support/seed.h"
#include "tests/vectors/jwe_vectors.h"

namespace signer::test {

namespace {

using jose::Json;

constexpr const char* kPlaces[] = {"note", "(name)", "cnf", "roles", "aud", "exp",
                                   "iat",  "nbf",    "iss", "jti",   "sub", "client_id"};

class ForbiddenValues : public testing::Test {
 protected:
  void SetUp() override {
    Json recipient = Json::parse(vectors::kRfc7516A1PrivateJwk);
    recipient = {{"kty", "RSA"}, {"use", "enc"}, {"n", recipient["n"]}, {"e", recipient["e"]}};
    write_text(directory_ / "recipient.json", Json{{"keys", {recipient}}}.dump());
    static_cast<void>(directory_.file("pairwise", std::string(40, 'p') + "\n", 0400));
    daemon_ = std::make_unique<TestDaemon>(programs(), options());
    ASSERT_TRUE(daemon_->up()) << daemon_->log();
    seed_ = test::seed();
    random_.seed(seed_);
  }

  void TearDown() override { EXPECT_EQ(daemon_->stop(), 0) << daemon_->log(); }

  DaemonOptions options() const {
    const auto profile = [](const std::string& name, const std::string& more) {
      return "[[profile]]\nname = \"" + name +
             "\"\nissuer = \"https://idp.example\"\naudiences = [\"https://api.example\"]\nmax_ttl = \"10m\"\n" + more +
             "[[profile.claim]]\nname = \"note\"\ntype = \"text\"\n"
             "[[profile.claim]]\nname = \"client_id\"\ntype = \"opaque_id\"\n"
             "[[profile.claim]]\nname = \"cnf\"\ntype = \"object\"\nmembers = [{ name = \"jkt\", type = \"text\" }]\n"
             "[[profile.claim]]\nname = \"roles\"\ntype = \"array\"\nitems = { type = \"opaque_id\" }\n";
    };
    const std::string pairwise = "pairwise = { sector = \"s\", secret_file = \"" + (directory_ / "pairwise") + "\" }\n";
    const std::string grant = "]\nmatch = { uid = " + std::to_string(::getuid()) + " }\nkeys = [\"issuer\"]\n";
    DaemonOptions options;
    options.more = "[[recipient]]\nname = \"r\"\njwks_file = \"" + (directory_ / "recipient.json") + "\"\n" +
                   profile("strict", "") + profile("lenient", "phi = \"report\"\n") + profile("pairwise", pairwise) +
                   profile("pairwise-lenient", pairwise + "phi = \"report\"\n") +
                   profile("whole", "phi = \"report\"\nencrypt_to = \"r\"\n") +
                   profile("chosen",
                           "phi = \"report\"\nencrypt_to = \"r\"\nencrypt_claims = [\"note\", \"sub\", \"cnf\", "
                           "\"roles\", \"client_id\"]\n") +
                   "[[grant]]\nname = \"tokens\"\nverbs = [\"issue\"]\nprofiles = [\"strict\", \"lenient\", "
                   "\"pairwise\", \"pairwise-lenient\", \"whole\", \"chosen\"" +
                   grant +
                   "[[grant]]\nname = \"payloads\"\nverbs = [\"sign-payload\"]\nprofiles = [\"strict\", \"lenient\"" +
                   grant;
    return options;
  }

  // Letters that times, indexes and words of ours do not make up by chance.
  std::string letters(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "GJKQVWXZ"[random_() % 8];
    return text;
  }

  // Digits that no date of now has, so that "58-75-" is no part of a record's time.
  std::string digits(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "578"[random_() % 3];
    return text;
  }

  // In turn: what detectors find and no grammar of ids takes, what they find in an id, and a plain id.
  enum Shape { kAddress, kNumberInAnId, kPlainId, kShapes };

  std::string value_of(Shape shape) {
    if (shape == kPlainId) return letters(20);
    if (shape == kAddress) return letters(5) + "@" + letters(8) + "." + letters(4) + " " + letters(6);
    return letters(7) + ":" + digits(3) + "-" + digits(2) + "-" + digits(4);
  }

  // Claims that the profiles take, but for `secret` at its place.
  Json claims_with(const std::string& place, const std::string& secret) {
    const long long now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    Json claims = {{"iss", "https://idp.example"},
                   {"aud", "https://api.example"},
                   {"iat", now},
                   {"exp", now + 60},
                   {"jti", "id-" + std::to_string(++sent_)},
                   {"sub", "user"},
                   {"client_id", "portal"}};
    if (place == "(name)") {
      claims[secret] = 1;
    } else if (place == "cnf") {
      claims["cnf"] = random_() % 2 == 0 ? Json{{"jkt", secret}} : Json{{secret, secret}};
    } else if (place == "roles") {
      claims["roles"] = {"a", secret};
    } else {
      claims[place] = secret;
    }
    return claims;
  }

  void forbid(const std::string& secret) {
    const auto cut = [&secret](std::size_t size, std::set<std::string>& windows) {
      for (std::size_t at = 0; at + size <= secret.size(); ++at) windows.insert(secret.substr(at, size));
    };
    cut(kWindow, windows_);
    cut(kCarriedWindow, carried_windows_);
  }

  HttpReply post(const std::string& path, const Json& body) {
    HttpConnection connection(daemon_->socket());
    return connection.post("/v1/keys/issuer/" + path, body.dump()).value();
  }

  // One more outcome of a call; `told` is what everybody may read of it.
  void take(const std::string& what, int status, const std::string& told) {
    ++seen_[what + " " + std::to_string(status)];
    if (status != 200) ++refused_;
    told_ += told + "\n";
  }

  // What a reply tells beside its token, which holds the claims that were allowed.
  static std::string without_token(Json reply) {
    reply.erase("token");
    return reply.dump();
  }

  // A refusal does not wait for its record.
  bool all_recorded() {
    return eventually([&] {
      std::size_t count = 0;
      for (const Json& record : daemon_->audit_records()) {
        if (record["event"] == "refuse" && record["code"] == "claim_policy")
          count += 1 + record.value("suppressed", 0U);
      }
      return count == refused_;
    });
  }

  void expect_nothing_told() {
    HttpConnection connection(daemon_->socket());
    std::string everywhere = told_ + daemon_->log() + connection.get("/metrics")->body;
    for (const Json& record : daemon_->audit_records()) everywhere += record.dump() + "\n";
    ASSERT_GT(windows_.size(), 200U);
    expect_none_in(everywhere, windows_);
    expect_none_in(carried_, carried_windows_);
  }

  static void expect_none_in(const std::string& text, const std::set<std::string>& windows) {
    for (const std::string& window : windows) {
      const std::size_t at = text.find(window);
      ASSERT_EQ(at, std::string::npos) << "'" << window << "' in "
                                       << text.substr(at - std::min<std::size_t>(at, 200), 400);
    }
  }

  static constexpr std::size_t kWindow = 6;
  static constexpr std::size_t kCarriedWindow = 9;  // of 6 bytes, base64url of ciphertext holds some by chance

  TemporaryDirectory directory_;
  std::unique_ptr<TestDaemon> daemon_;
  unsigned seed_ = 0;
  std::mt19937_64 random_;
  int sent_ = 0;
  std::size_t refused_ = 0;
  std::set<std::string> windows_;
  std::set<std::string> carried_windows_;
  std::map<std::string, int> seen_;  // "call profile place status", how often
  std::string told_;
  std::string carried_;  // what the bearer of a token reads of it
};

TEST_F(ForbiddenValues, Invariant11_NoSixBytesOfAForbiddenValueAppearAnywhere) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (const std::string profile : {"strict", "lenient"}) {
    for (const std::string place : kPlaces) {
      Json items = Json::array();
      for (int shape = 0; shape < kShapes; ++shape) {
        if (place == "jti" && shape == kPlainId) continue;  // a jti that is allowed stands in its record
        const std::string secret = value_of(static_cast<Shape>(shape));
        forbid(secret);
        const std::string what = profile + " " + place;
        const Json claims = claims_with(place, secret);
        const HttpReply reply = post("tokens", {{"profile", profile}, {"claims", claims}});
        take("tokens " + what, reply.status, without_token(reply.json()));
        const HttpReply part =
            post("signatures", {{"profile", profile}, {"payload", jose::base64url_encode(claims.dump())}});
        take("signatures " + what, part.status, part.body);
        items.push_back({{"profile", profile}, {"claims", claims_with(place, secret)}});
      }
      const HttpReply batch = post("tokens:batch", {{"items", items}});
      ASSERT_EQ(batch.status, 200) << batch.body;
      const Json answers = batch.json()["items"];
      for (const Json& item : answers) take("batch " + profile + " " + place, item["status"], without_token(item));
    }
  }
  for (const std::string call : {"tokens", "signatures", "batch"}) {
    for (const std::string profile : {"strict", "lenient"}) {
      for (const std::string place : {"(name)", "aud", "exp", "iat", "nbf", "iss"})
        EXPECT_EQ(seen_[call + " " + profile + " " + place + " 422"], 3) << call << profile << place;
      EXPECT_EQ(seen_[call + " " + profile + " jti 422"], 2) << "in report mode too: " << call;
    }
    EXPECT_EQ(seen_[call + " strict sub 422"], 2) << "the plain id is allowed";
    EXPECT_EQ(seen_[call + " lenient sub 422"], 1) << "only the grammar refuses";
    EXPECT_EQ(seen_[call + " lenient note 200"], 3) << "and neither log nor record says what was found";
  }
  EXPECT_TRUE(all_recorded());
  expect_nothing_told();
}

// What is no request at all, or for nobody that there is, is told of without what it holds.
TEST_F(ForbiddenValues, Invariant11_WhatCannotBeReadIsNotQuoted) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  HttpConnection connection(daemon_->socket());
  for (int i = 0; i < 20; ++i) {
    const std::string secret = value_of(static_cast<Shape>(i % kShapes));
    forbid(secret);
    const std::string quoted = Json(secret).dump();
    for (const std::string& body :
         {"{\"claims\":{" + quoted + ":}}", "{\"claims\":{\"a\":" + quoted + "," + quoted + ":1," + quoted + ":2}}",
          "{\"claims\":" + quoted + "}", "{" + quoted + ":1,\"claims\":{}}",
          "{\"claims\":{},\"profile\":" + quoted + "}", "{\"claims\":{},\"profile\":[" + quoted + "]}",
          "{\"claims\":{},\"profile\":" + Json(secret + std::string(64, 'p')).dump() + "}",
          "{\"items\":[" + quoted + "]}", "{\"payload\":" + quoted + "}",
          "{\"payload\":\"" + jose::base64url_encode("{\"a\":" + quoted) + "\"}", quoted}) {
      for (const char* call : {"tokens", "tokens:batch", "signatures"}) {
        const HttpReply reply = connection.post("/v1/keys/issuer/" + std::string(call), body).value();
        const bool batch = reply.status == 200 && reply.json().contains("items");
        EXPECT_TRUE(batch || reply.status == 400 || reply.status == 403) << body << reply.body;
        EXPECT_TRUE(!batch || reply.json()["items"][0]["status"] == 400) << reply.body;
        told_ += reply.body;
      }
    }
  }
  EXPECT_TRUE(eventually([&] { return daemon_->audit_records().size() > 200; })) << "as many as are written at once";
  expect_nothing_told();
}

TEST_F(ForbiddenValues, Invariant11_NeitherAPairwiseNorAnEncryptedTokenTellsWhatItHides) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const std::set<std::string> encrypted = {"note", "cnf", "roles", "sub", "client_id"};
  for (const std::string profile : {"pairwise", "pairwise-lenient", "whole", "chosen"}) {
    for (const std::string place : kPlaces) {
      for (int shape = 0; shape < kShapes; ++shape) {
        if (place == "jti" && shape == kPlainId) continue;
        const std::string secret = value_of(static_cast<Shape>(shape));
        forbid(secret);
        const HttpReply reply = post("tokens", {{"profile", profile}, {"claims", claims_with(place, secret)}});
        take(profile + " " + place, reply.status, without_token(reply.json()));
        if (reply.status != 200) continue;
        const bool hides = profile == "whole" || (profile == "chosen" && encrypted.contains(place)) ||
                           (profile.starts_with("pairwise") && place == "sub");
        if (!hides) continue;
        // Whoever carries it reads this much: the parts as they stand, and what base64url hides of them.
        std::string token = reply.json()["token"];
        carried_ += token + "\n";
        for (std::size_t dot = 0; dot != std::string::npos; token.erase(0, dot == std::string::npos ? 0 : dot + 1)) {
          dot = token.find('.');
          const auto part = jose::base64url_decode(token.substr(0, dot));
          ASSERT_TRUE(part);
          carried_ += std::string(text_of(*part)) + "\n";
        }
        ++seen_[profile + " hid " + place];
      }
    }
  }
  for (const std::string profile : {"pairwise", "pairwise-lenient"}) {
    EXPECT_EQ(seen_[profile + " hid sub"], 1) << "a plain id; of PHI no pseudonym is made, in report mode neither";
    EXPECT_EQ(seen_[profile + " sub 422"], 2);
  }
  for (const std::string place : {"note", "sub"}) {
    const int taken = place == "note" ? 3 : 2;  // no id is an address
    EXPECT_EQ(seen_["whole hid " + place], taken);
    EXPECT_EQ(seen_["chosen hid " + place], taken);
  }
  EXPECT_TRUE(all_recorded());
  expect_nothing_told();
}

}  // namespace

}  // namespace signer::test
