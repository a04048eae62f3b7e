// SPDX-License-Identifier: Apache-2.0
//
// Lose these and what signerd, a file or a token says may drive the operator's terminal, or read as something else.

#include "ctl/text.h"

#include <gtest/gtest.h>

#include "ctl/config_check.h"
#include "ctl/outcome.h"
#include "ctl/status_text.h"
#include "ctl/token_text.h"

namespace signer::ctl {
namespace {

using jose::Json;

TEST(Text, KeepsPrintableAsciiAlone) {
  EXPECT_EQ(printable("a b~"), "a b~");
  EXPECT_EQ(printable("\x1b[31mred\n\x7f\xc3\xa9"), "?[31mred????");
  EXPECT_EQ(printable_lines("a\nb\rc"), "a\nb?c");
}

TEST(Text, AlignsATable) {
  EXPECT_EQ(table({{"KEY", "STATE"}, {"issuer", "active"}, {"x", ""}}), "KEY     STATE\nissuer  active\nx\n");
}

TEST(Text, TablesTakeRowsOfAnyLengthAndCellsOfAnyBytes) {
  EXPECT_EQ(table({{"A"}, {"\x1b", "b"}}), "A\n?  b\n");
  EXPECT_EQ(table({}), "");
}

TEST(Text, ShowsMembersAsWords) {
  const Json object = {{"text", "a"}, {"empty", ""}, {"yes", true}, {"no", false}, {"number", 3}, {"null", nullptr}};
  EXPECT_EQ(cell(object, "text"), "a");
  EXPECT_EQ(cell(object, "empty"), "-");
  EXPECT_EQ(cell(object, "yes"), "yes");
  EXPECT_EQ(cell(object, "no"), "no");
  EXPECT_EQ(cell(object, "number"), "3");
  EXPECT_EQ(cell(object, "null"), "-");
  EXPECT_EQ(cell(object, "absent", "none"), "none");
  EXPECT_EQ(cell(Json::array(), "text"), "-");
}

TEST(Text, WritesJsonInAsciiAlone) {
  EXPECT_EQ(machine({{"a", "\xc2\x9b"}}), "{\"a\":\"\\u009b\"}\n");
  EXPECT_EQ(machine({{"a", "\xff"}}), "{\"a\":\"\\ufffd\"}\n");
}

Status status_of(const char* readiness, const char* keys, const char* tokens = nullptr) {
  Status status{"/run/s", Json::parse(readiness), Json::parse(keys), std::nullopt, "denied"};
  if (tokens != nullptr) status.tokens = Json::parse(tokens);
  return status;
}

TEST(StatusText, SaysThatAllIsWell) {
  const Status status = status_of(
      R"({"ready":true,"keys":{"issuer":{"ready":true}}})",
      R"([{"name":"issuer","alg":"RS256","state":"active","ready":true,"token":"main","kid":"k1",
           "created":"2026-11-23T18:00:00Z"}])",
      R"([{"name":"main","driver":"pkcs11","state":"ready","label":"demo","serial":"01","manufacturer":"SoftHSM",
           "model":"v2","software":true,"hardware":false,"restarts":0}])");
  EXPECT_TRUE(is_ready(status));
  EXPECT_EQ(troubles_text(status), "");
  const std::string text = status_text(status);
  EXPECT_NE(text.find("signerd answers on /run/s and is ready: every key can sign."), std::string::npos);
  EXPECT_NE(text.find("issuer  RS256  active  yes       main   2026-11-23T18:00:00Z  k1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("software stand-in"), std::string::npos) << text;
}

TEST(StatusText, NamesEveryTroubleAndWhatToDo) {
  const Status status =
      status_of(R"({"ready":false,"keys":{"a":{"ready":false,"reason":"token main: unavailable"}}})",
                R"([{"name":"a","state":"active","ready":false},{"name":"b","state":"absent","ready":false},
          {"name":"c","state":"stopped","reason":"the token holds another key","ready":false}])",
                R"([{"name":"main","state":"unavailable","reason":"C_Initialize"},{"name":"old","state":"pin_refused"},
          {"name":"tpm0","driver":"tpm2","state":"unavailable","reason":"tpm: auth file /a: is empty"},
          {"name":"new","state":"starting"}])");
  EXPECT_FALSE(is_ready(status));
  EXPECT_EQ(
      troubles_text(status),
      "key a cannot sign now: token main: unavailable\n"
      "key b does not exist yet; make it with: signerctl key create b\n"
      "key c is stopped: the token holds another key; nothing was changed, compare the token with the key's metadata\n"
      "token main is unavailable: C_Initialize; signerd keeps trying\n"
      "token old refused its PIN; correct its pin_file, or if the PIN is right: signerctl token unlatch --config F "
      "old\n"
      "token tpm0 is unavailable: tpm: auth file /a: is empty; signerd keeps trying\n"
      "token new is starting\n");
}

TEST(StatusText, SaysWhyAKeyIsStoppedIfTheTokensSaySo) {
  const Status status = status_of(
      R"({"ready":false})", R"([{"name":"a","state":"stopped","reason":"stopped; see the log","ready":false},
          {"name":"b","state":"stopped","reason":"stopped; see the log","ready":false}])",
      R"([{"name":"main","state":"ready","stopped_keys":{"a":"token main: weak; nothing was changed: look"}}])");
  EXPECT_EQ(troubles_text(status),
            "key a is stopped: token main: weak; nothing was changed: look\n"
            "key b is stopped: stopped; see the log; nothing was changed, compare the token with the key's metadata\n");
}

TEST(StatusText, ShowsATokenThatIsDegradedBesideItsState) {
  const Status status =
      status_of(R"({"ready":true,"keys":{"a":{"ready":true,"degraded":true}}})",
                R"([{"name":"a","state":"active","ready":true}])",
                R"([{"name":"slow","driver":"tpm2","state":"ready","degraded":true,"reason":"it is slow"},
          {"name":"fast","driver":"tpm2","state":"ready","degraded":false},
          {"name":"gone","driver":"tpm2","state":"unavailable","degraded":true}])");
  EXPECT_TRUE(is_ready(status));
  const std::string text = status_text(status);
  EXPECT_NE(text.find("slow   tpm2    ready, degraded "), std::string::npos) << text;
  EXPECT_NE(text.find("fast   tpm2    ready  "), std::string::npos) << text;
  EXPECT_EQ(troubles_text(status),
            "token slow is degraded, it refused requests lately: it is slow\n"
            "token gone is unavailable; signerd keeps trying\n");
}

TEST(StatusText, DoesNotTakeSilenceForReadiness) {
  for (const char* readiness : {"{}", R"({"ready":"true"})", R"({"ready":1})", R"({"ready":null})"}) {
    EXPECT_FALSE(is_ready(status_of(readiness, "[]"))) << readiness;
  }
}

TEST(StatusText, SurvivesWhatIsNotOfTheProtocol) {
  const Status status = status_of(R"({"keys":[1]})", R"([1,null,{"name":7}])", R"([[],{"name":{}}])");
  EXPECT_FALSE(status_text(status).empty());
  EXPECT_FALSE(status_json(status).dump().empty());
}

TEST(StatusText, SaysWhyTokensAreNotShown) {
  EXPECT_NE(status_text(status_of(R"({"ready":true})", "[]")).find("Tokens are not shown: denied"), std::string::npos);
  EXPECT_TRUE(status_json(status_of(R"({"ready":true})", "[]")).at("tokens").is_null());
}

TEST(TokenText, ShowsTokensAndBlankOnes) {
  const std::string text = token_table(Json::parse(
      R"([{"label":"demo","serial":"01","manufacturer":"M","model":"X","claims_hardware":false,
           "flags":["a","b"],"uri":"pkcs11:token=demo"},
          {"label":"","uri":null}])"));
  EXPECT_NE(text.find("demo   01      M             X      no                   a; b   pkcs11:token=demo\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("blank: signerctl token init"), std::string::npos);
  EXPECT_EQ(token_table(Json::array()), "The module shows no token.\n");
}

TEST(TokenText, SaysWhyATokenIsLatched) {
  const std::string refused = "refused 1 CKR_PIN_INCORRECT 1 2 3 4 5 \"/etc/a pin\"\n";
  const std::string lost = "attempting 2 - 1 2 3 4 5 \"credential:p\"\n";
  const std::string header = "signer-login-latch-2\n";
  EXPECT_EQ(latch_reason(header + refused), "the PIN was refused (CKR_PIN_INCORRECT) with /etc/a pin");
  EXPECT_EQ(latch_reason(header + lost), "2 login attempts were never answered with credential:p");
  EXPECT_EQ(latch_reason(header + refused + lost),
            "the PIN was refused (CKR_PIN_INCORRECT) with /etc/a pin; 2 login attempts were never answered with "
            "credential:p");
  EXPECT_EQ(latch_reason(header + refused + "refused 1\n"), "the latch cannot be read");
  EXPECT_TRUE(is_latched(header + lost + refused, "/etc/a pin"));
  EXPECT_TRUE(is_latched(header + lost + refused, "credential:p"));
  EXPECT_TRUE(is_latched(header + refused, "/etc//x/../a pin"));
  EXPECT_FALSE(is_latched(header + "attempting 1 - 1 2 3 4 5 \"/p\"\n", "/p")) << "one more is tried";
  EXPECT_FALSE(is_latched(header + refused, "/etc/another"));
  EXPECT_TRUE(is_latched("something else", "/etc/another")) << "a latch that cannot be read lets nothing through";
  EXPECT_EQ(latch_reason("something else"), "the latch cannot be read");
  EXPECT_EQ(latch_reason(""), "the latch cannot be read");
}

TEST(ConfigProblem, IsTakenApart) {
  EXPECT_EQ(problem_members("/etc/s.toml", "/etc/s.toml:12: token.uri: is missing; add it"),
            Json({{"file", "/etc/s.toml"}, {"line", 12}, {"key", "token.uri"}, {"problem", "is missing; add it"}}));
}

TEST(ConfigProblem, StaysWholeIfItHasAnotherShape) {
  for (const char* line : {"", "x", "/f:", "/f:a: b: c", "/f:1", "/f:1: key without problem", "/fx:1: k: p"}) {
    EXPECT_EQ(problem_members("/f", line), Json({{"problem", line}})) << line;
  }
}

TEST(Outcome, TellsNoFromNotNow) {
  using Stage = ClientError::Stage;
  const auto exit = [](Stage stage, ErrorCode code) {
    ClientError error;
    error.stage = stage;
    error.code = code;
    return exit_of(error);
  };
  EXPECT_EQ(exit(Stage::kNotSent, ErrorCode::kInvalidRequest), Exit::kUsage);
  EXPECT_EQ(exit(Stage::kNoReply, ErrorCode::kInternal), Exit::kUnavailable);
  EXPECT_EQ(exit(Stage::kNoReply, ErrorCode::kDenied), Exit::kUnavailable);
  for (const ErrorCode code : {ErrorCode::kTokenUnavailable, ErrorCode::kOverloaded, ErrorCode::kDeadlineExceeded}) {
    EXPECT_EQ(exit(Stage::kRefused, code), Exit::kUnavailable);
  }
  for (const ErrorCode code : {ErrorCode::kInvalidRequest, ErrorCode::kDenied, ErrorCode::kNotFound,
                               ErrorCode::kClaimPolicy, ErrorCode::kRateLimited, ErrorCode::kInternal}) {
    EXPECT_EQ(exit(Stage::kRefused, code), Exit::kNo);
    EXPECT_STRNE(advice(code), "");
  }
}

TEST(Outcome, SaysWhatToDoAndWhichRequestItWas) {
  ClientError error;
  error.stage = ClientError::Stage::kRefused;
  error.code = ErrorCode::kRateLimited;
  error.text = "signerd: rate_limited: too many";
  error.status = 429;
  error.retry_after = std::chrono::seconds(2);
  error.request_id = "5f0c";
  EXPECT_EQ(failed(Context{}, error).err,
            "signerctl: signerd: rate_limited: too many; try again in 2 s (request 5f0c)\n");
  EXPECT_EQ(failed(Context{.json = true}, error).err,
            R"({"error":{"code":"rate_limited","detail":"signerd: rate_limited: too many","request_id":"5f0c",)"
            R"("retry_after":2,"status":429}})"
            "\n");
}

}  // namespace
}  // namespace signer::ctl
