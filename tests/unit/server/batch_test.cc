// SPDX-License-Identifier: Apache-2.0
//
// What a batch has brought, by which its caller pays for it or not.  Without these one good item would pay for 255 that
// are refused, and a flood of such batches would cost the other callers the event loop (invariant 10).
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "server/handlers.h"

#include <sys/socket.h>

#include <array>

#include "base/unique_fd.h"
#include "server/connection.h"
#include "server/listener.h"
#include "tests/support/signing_pipeline.h"

namespace signer::server {
namespace {

constexpr uid_t kCaller = 1;

class BatchOfRequests : public test::SigningPipeline {
 protected:
  BatchOfRequests() : SigningPipeline(configuration()) {}

  static config::Config configuration() {
    config::Config config;
    config.file = "test.toml";
    config::Profile profile;
    profile.name = "access";
    profile.issuer = "https://idp.example";
    profile.audiences = {"https://api.example"};
    config.profiles.push_back(std::move(profile));
    config::Match match;
    match.uid = kCaller;
    config.grants.push_back({"g", match, {"issuer"}, {"access"}, {Verb::kIssue}, std::nullopt});
    return config;
  }

  // So many items that bring a token, behind others that do not.
  static std::string body_with(std::size_t good, std::size_t claims_refused, std::size_t unreadable = 0) {
    std::string items;
    const auto add = [&items](std::size_t count, const char* item) {
      for (std::size_t i = 0; i < count; ++i) items += (items.empty() ? "" : ",") + std::string(item);
    };
    add(unreadable, R"({"claims":7})");
    add(claims_refused, R"({"claims":{"exp":1}})");
    add(good, R"({"claims":{"sub":"x"}})");
    return R"({"items":[)" + items + "]}";
  }

  Response answer_to(const std::string& body) {
    std::optional<Response> answer;
    const RequestContext context{"0123456789abcdef", {kCaller, 1, 4242, {}, "/s"}, clock_.steady() + kPatience};
    handlers_->handle(context, {protocol::Call::kIssueBatch, "issuer"}, body,
                      [&](Response response) { answer.emplace(std::move(response)); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
    return answer.value_or(Response{});
  }

  // Tokens among the items of an answer.
  static std::size_t issued_in(const Response& response) {
    const jose::Json items = jose::Json::parse(response.body)["items"];
    return static_cast<std::size_t>(
        std::ranges::count_if(items, [](const jose::Json& item) { return item["status"] == 200; }));
  }

  void SetUp() override {
    SigningPipeline::SetUp();
    checkpointer_ =
        std::make_unique<pipeline::Checkpointer>(loop_, clock_, *audit_, *keys_, metrics_, std::chrono::seconds(10));
    evidence_ = std::make_unique<pipeline::EvidenceCollector>(loop_, clock_, *audit_, *keys_, *checkpointer_, metrics_,
                                                              pipeline::DaemonIdentity{"1", ""});
    handlers_ = std::make_unique<Handlers>(clock_, *pipeline_, *keys_, *hmac_keys_, tokens_, *checkpointer_, *evidence_,
                                           metrics_, turns_);
  }

  static constexpr std::chrono::seconds kPatience{20};

  Turns turns_{loop_};
  std::unique_ptr<pipeline::Checkpointer> checkpointer_;
  std::unique_ptr<pipeline::EvidenceCollector> evidence_;
  std::unique_ptr<Handlers> handlers_;
};

TEST_F(BatchOfRequests, Invariant10_HalfItsItemsAreWhatABatchMustBring) {
  struct Case {
    std::size_t good, refused, unreadable;
    bool nothing;
  };
  for (const Case& one : {Case{1, 0, 0, false}, Case{0, 1, 0, true}, Case{0, 0, 1, true}, Case{1, 1, 0, false},
                          Case{1, 0, 1, false}, Case{1, 2, 0, true}, Case{1, 1, 1, true}, Case{2, 1, 1, false},
                          Case{128, 128, 0, false}, Case{127, 100, 29, true}, Case{1, 255, 0, true}}) {
    SCOPED_TRACE(std::to_string(one.good) + " good, " + std::to_string(one.refused) + " refused, " +
                 std::to_string(one.unreadable) + " unreadable");
    const Response response = answer_to(body_with(one.good, one.refused, one.unreadable));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(issued_in(response), one.good);
    EXPECT_EQ(response.brought_nothing, one.nothing);
  }
}

TEST_F(BatchOfRequests, WhatWasAllowedAndNotSignedBringsNothing) {
  disk_.fail_from(1);
  const Response response = answer_to(body_with(4, 0));
  EXPECT_EQ(issued_in(response), 0U);
  EXPECT_TRUE(response.brought_nothing);
  disk_.heal();
  ASSERT_TRUE(run_until([this] { return audit_->healthy(); }));
  EXPECT_FALSE(answer_to(body_with(4, 0)).brought_nothing);
}

// Each look at it costs the caller more than is free at once, so that whatever is to wait does.
class CostlyClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return clock_.wall(); }

  [[nodiscard]] SteadyTime steady() const override { return clock_.steady() + ++looks_ * 2 * Burden::kFreeAtOnce; }

  // Two looks apart: that a piece took so long.
  static constexpr auto kWaitMin = Burden::kFreeAtOnce * Burden::kShare;

 private:
  SystemClock clock_;
  mutable int looks_ = 0;
};

TEST_F(BatchOfRequests, Invariant10_OnlyABatchThatBringsTooLittleWaits) {
  const CostlyClock costly;
  Server server(loop_, costly, *handlers_, {});
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  UniqueFd client(ends[0]);
  boost::asio::local::stream_protocol::socket socket(loop_);
  socket.assign(boost::asio::local::stream_protocol(), ends[1]);
  PeerIdentity peer;
  peer.uid = kCaller;
  auto connection = std::make_shared<Connection>(server, std::move(socket), peer);
  const std::weak_ptr<Connection> alive = connection;
  std::exchange(connection, nullptr)->start();

  std::string received;
  const auto heard = [&] {
    std::array<char, 65536> buffer;
    const ssize_t size = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    if (size > 0) received.append(buffer.data(), static_cast<std::size_t>(size));
    return !received.empty();
  };
  const auto send = [&client](const std::string& body) {
    const std::string request =
        "POST /v1/keys/issuer/tokens:batch HTTP/1.1\r\nHost: s\r\nContent-Type: "
        "application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    return ::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  };
  const std::uint64_t before = metrics_.tokens_issued;
  ASSERT_TRUE(send(body_with(1, 1)));
  ASSERT_TRUE(run_until([&] { return metrics_.tokens_issued == before + 1 && pipeline_->under_way() == 0; }));
  loop_.poll();
  EXPECT_TRUE(heard()) << "half of it were tokens, so there is nothing to wait for";

  received.clear();
  const SteadyTime sent = clock_.steady();
  ASSERT_TRUE(send(body_with(1, 2)));
  ASSERT_TRUE(run_until(heard));
  EXPECT_GE(clock_.steady() - sent, CostlyClock::kWaitMin);
  client.reset();
  EXPECT_TRUE(run_until([&] { return alive.expired(); }));
}

}  // namespace
}  // namespace signer::server
