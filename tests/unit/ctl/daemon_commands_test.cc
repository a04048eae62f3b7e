// SPDX-License-Identifier: Apache-2.0
//
// The commands that ask signerd, against a server that says what the test wants.

#include <gtest/gtest.h>

#include "jose/json.h"
#include "tests/unit/ctl/program.h"

namespace signer {
namespace {

using jose::Json;
using test::Answer;
using test::FakeServer;
using test::Finished;
using test::http;
using test::problem;
using test::Request;

// Answers by request line; 404 for what is not listed.
FakeServer::Handler routes(std::map<std::string, std::string> replies) {
  return [replies = std::move(replies)](const Request& request) {
    const auto found = replies.find(request.line.substr(0, request.line.rfind(' ')));
    return Answer{found == replies.end() ? problem(404, "not_found") : found->second, Answer::Then::kKeepOpen};
  };
}

Finished at(const FakeServer& server, std::vector<std::string> arguments, std::string_view input = "") {
  arguments.insert(arguments.end(), {"--socket", server.socket()});
  return test::signerctl(std::move(arguments), input);
}

constexpr const char* kIssued = R"({"token":"aa.bb.cc","kid":"k1","jti":"j1","exp":1790000000,"audit":{"index":4711}})";
constexpr const char* kKey =
    R"({"name":"issuer","alg":"RS256","state":"active","kid":"k1","token":"main","ready":true})";

TEST(SignCommand, PrintsTheTokenAndNothingElse) {
  FakeServer server(routes({{"POST /v1/keys/issuer/tokens", http(200, kIssued)}}));
  const Finished ran = at(server, {"sign", "issuer", "--profile", "access"}, R"({"sub":"me"})");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "aa.bb.cc\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(server.requests().at(0).body, R"({"claims":{"sub":"me"},"profile":"access"})");
}

TEST(SignCommand, TakesTheClaimsFromAFileOrFromDash) {
  const test::TemporaryDirectory directory;
  test::write_text(directory / "claims", R"({"sub":"file"})");
  FakeServer server(routes({{"POST /v1/keys/issuer/tokens", http(200, kIssued)}}));
  EXPECT_EQ(at(server, {"sign", "issuer", "--claims", directory / "claims"}, "ignored").status, 0);
  EXPECT_EQ(at(server, {"sign", "issuer", "--claims", "-"}, R"({"sub":"dash"})").status, 0);
  EXPECT_EQ(server.requests().at(0).body, R"({"claims":{"sub":"file"}})");
  EXPECT_EQ(server.requests().at(1).body, R"({"claims":{"sub":"dash"}})");
}

TEST(SignCommand, AnswersInJson) {
  FakeServer server(routes({{"POST /v1/keys/issuer/tokens", http(200, kIssued)}}));
  EXPECT_EQ(Json::parse(at(server, {"sign", "issuer", "--json"}, "{}").out), Json::parse(kIssued));
}

TEST(SignCommand, RefusesClaimsThatAreNone) {
  FakeServer server(routes({}));
  for (const std::string& claims :
       {std::string(), std::string("[]"), std::string(R"({"a":1,"a":2})"), std::string(64UL * 1024 + 1, ' ')}) {
    const Finished ran = at(server, {"sign", "issuer"}, claims);
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_EQ(at(server, {"sign", "issuer", "--claims", "/nonexistent"}).status, 2);
  EXPECT_EQ(at(server, {"sign", "Not A Name"}, "{}").status, 2);
  EXPECT_TRUE(server.requests().empty());
}

TEST(SignCommand, NeverRepeatsTheClaims) {
  FakeServer server(routes({}));
  for (const char* claims : {R"({"sub":"patient-4711")", R"({"sub":"patient-4711"})"}) {
    const Finished ran = at(server, {"sign", "issuer"}, claims);
    EXPECT_NE(ran.status, 0);
    EXPECT_EQ((ran.out + ran.err).find("4711"), std::string::npos);
  }
}

struct Case {
  int status;
  const char* code;
  int exit;
};

class SignRefusals : public testing::TestWithParam<Case> {};

TEST_P(SignRefusals, HaveAnExitCodeOfTheirKind) {
  const auto [status, code, exit] = GetParam();
  FakeServer server(routes({{"POST /v1/keys/issuer/tokens", problem(status, code, "Retry-After: 7\r\n")}}));
  const Finished text = at(server, {"sign", "issuer"}, "{}");
  EXPECT_EQ(text.status, exit);
  EXPECT_EQ(text.out, "");
  EXPECT_NE(text.err.find(std::string("signerd: ") + code + ": because; "), std::string::npos) << text.err;
  EXPECT_NE(text.err.find("(request 5f0c)"), std::string::npos) << text.err;
  const Finished json = at(server, {"sign", "issuer", "--json"}, "{}");
  EXPECT_EQ(json.status, exit);
  EXPECT_EQ(json.out, "");
  const Json error = Json::parse(json.err).at("error");
  EXPECT_EQ(error.at("code"), code);
  EXPECT_EQ(error.at("status"), status);
  EXPECT_EQ(error.at("retry_after"), 7);
  EXPECT_EQ(error.at("request_id"), "5f0c");
}

INSTANTIATE_TEST_SUITE_P(All, SignRefusals,
                         testing::Values(Case{400, "invalid_request", 1}, Case{403, "denied", 1},
                                         Case{404, "not_found", 1}, Case{422, "claim_policy", 1},
                                         Case{429, "rate_limited", 1}, Case{500, "internal", 1},
                                         Case{503, "token_unavailable", 3}, Case{503, "overloaded", 3},
                                         Case{504, "deadline_exceeded", 3}),
                         [](const auto& test) { return std::string(test.param.code); });

TEST(AnyCommand, ExitsWithThreeIfSignerdIsNotThere) {
  const test::TemporaryDirectory directory;
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"sign", "a"}, {"jwks"}, {"status"}, {"key", "list"}, {"key", "create", "a"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--socket", directory / "none"});
    const Finished ran = test::signerctl(arguments, "{}");
    EXPECT_EQ(ran.status, 3) << testing::PrintToString(command);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("is it running?"), std::string::npos) << ran.err;
  }
}

TEST(AnyCommand, ExitsWithThreeIfSignerdIsSilentOrTalksNonsense) {
  FakeServer silent([](const Request&) { return Answer{"", Answer::Then::kStall}; });
  FakeServer nonsense([](const Request&) { return Answer{"hello\r\n", Answer::Then::kClose}; });
  FakeServer wrong([](const Request&) { return Answer{http(200, "[]"), Answer::Then::kKeepOpen}; });
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"sign", "a"}, {"jwks"}, {"status"}, {"key", "list"}, {"key", "create", "a"}}) {
    for (const FakeServer* server : {&nonsense, &wrong}) EXPECT_EQ(at(*server, command, "{}").status, 3);
  }
  EXPECT_EQ(at(silent, {"status", "--timeout", "1"}).status, 3);
}

TEST(AnyCommand, TakesTheSocketFromTheEnvironment) {
  FakeServer server(routes({{"GET /v1/keys", http(200, R"({"keys":[]})")}}));
  const Finished ran = test::run_program({SIGNERCTL_PROGRAM, "key", "list"}, "", {{"SIGNER_SOCKET", server.socket()}});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "No key is configured.\n");
}

TEST(JwksCommand, PrintsTheKeySetOfAllOrOne) {
  FakeServer server(routes({{"GET /v1/jwks", http(200, R"({"keys":[{"kid":"a"},{"kid":"b"}]})")},
                            {"GET /v1/keys/issuer/jwks", http(200, R"({"keys":[{"kid":"a"}]})")}}));
  EXPECT_EQ(Json::parse(at(server, {"jwks"}).out).at("keys").size(), 2U);
  EXPECT_EQ(at(server, {"jwks", "issuer", "--json"}).out, "{\"keys\":[{\"kid\":\"a\"}]}\n");
  EXPECT_EQ(at(server, {"jwks", "other"}).status, 1);
}

TEST(StatusCommand, SaysYesIfEveryKeyCanSign) {
  FakeServer server(
      routes({{"GET /readyz", http(200, R"({"ready":true,"keys":{"issuer":{"ready":true}}})")},
              {"GET /v1/keys", http(200, R"({"keys":[)" + std::string(kKey) + "]}")},
              {"GET /v1/tokens", http(200, R"({"tokens":[{"name":"main","state":"ready","software":true}]})")}}));
  const Finished ran = at(server, {"status"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("software stand-in"), std::string::npos) << ran.out;
  EXPECT_EQ(server.connections(), 1);
  const Json json = Json::parse(at(server, {"status", "--json"}).out);
  EXPECT_EQ(json.at("ready"), true);
  EXPECT_EQ(json.at("tokens").at(0).at("name"), "main");
}

TEST(StatusCommand, SaysNoAndStillShowsWhatThereIs) {
  FakeServer server(
      routes({{"GET /readyz", http(503, R"({"ready":false,"keys":{"issuer":{"ready":false,"reason":"gone"}}})")},
              {"GET /v1/keys", http(200, R"({"keys":[{"name":"issuer","state":"active","ready":false}]})")},
              {"GET /v1/tokens", problem(403, "denied")}}));
  const Finished ran = at(server, {"status"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.out.find("NOT ready"), std::string::npos);
  EXPECT_NE(ran.out.find("key issuer cannot sign now: gone"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("Tokens are not shown: signerd: denied: because (needs a grant with the verb status)"),
            std::string::npos);
  const Finished json = at(server, {"--json", "status"});
  EXPECT_EQ(json.status, 1);
  EXPECT_EQ(Json::parse(json.out).at("ready"), false);
}

// 503 is also how signerd refuses when it is overloaded: that is no answer about readiness.
TEST(StatusCommand, DoesNotTakeARefusalForAnAnswer) {
  FakeServer server(routes({{"GET /readyz", problem(503, "overloaded")}}));
  const Finished ran = at(server, {"status"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.out, "");
}

TEST(KeyCommand, ListsAndCreates) {
  FakeServer server(routes({{"GET /v1/keys", http(200, R"({"keys":[)" + std::string(kKey) + "]}")},
                            {"POST /v1/keys/issuer", http(201, kKey)},
                            {"POST /v1/keys/old", problem(409, "invalid_request")}}));
  EXPECT_NE(at(server, {"key", "list"}).out.find("issuer  RS256  active  yes"), std::string::npos);
  EXPECT_EQ(Json::parse(at(server, {"key", "list", "--json"}).out).at("keys").size(), 1U);
  const Finished made = at(server, {"key", "create", "issuer"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_NE(made.out.find("Created inside the token."), std::string::npos);
  EXPECT_EQ(server.requests().back().body, "{}");
  EXPECT_NE(server.requests().back().head.find("Request-Timeout: 58500ms"), std::string::npos);
  EXPECT_EQ(Json::parse(at(server, {"key", "create", "issuer", "--json"}).out), Json::parse(kKey));
  EXPECT_EQ(at(server, {"key", "create", "old"}).status, 1);
  EXPECT_EQ(at(server, {"key", "create", "../x"}).status, 2);
}

TEST(KeyCommand, AdoptsByTheKeysId) {
  FakeServer server(routes({{"POST /v1/keys/issuer", http(201, kKey)}}));
  const Finished ran = at(server, {"key", "adopt", "issuer", "--key-id", "00ff"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("Adopted"), std::string::npos) << ran.out;
  EXPECT_EQ(server.requests().at(0).body, R"({"key_id":"00ff"})");
  for (const char* bad : {"", "0", "0F", "zz", "../x"}) {
    EXPECT_EQ(at(server, {"key", "adopt", "issuer", "--key-id", bad}).status, 2) << bad;
  }
  EXPECT_EQ(at(server, {"key", "adopt", "issuer"}).status, 2);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(KeyCommand, TakesANameThatIsAlsoACommand) {
  FakeServer server(
      routes({{"POST /v1/keys/list", http(201, kKey)}, {"GET /v1/keys/status/jwks", http(200, R"({"keys":[]})")}}));
  EXPECT_EQ(at(server, {"key", "create", "list"}).status, 0);
  EXPECT_EQ(at(server, {"jwks", "status"}).status, 0);
}

}  // namespace
}  // namespace signer
