// SPDX-License-Identifier: Apache-2.0
//
// A pipeline that signs, in one thread, with everything that it has in the daemon: the fake token host
// (FAKE_HOST_PROGRAM), an audit log on a disk that does as it is told, and one key "issuer".
#pragma once

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include <chrono>
#include <filesystem>
#include <memory>

#include "pipeline/pipeline.h"
#include "tests/support/disk.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

class SigningPipeline : public testing::Test {
 protected:
  // `config` is for one token "main" and has the profiles and grants; the key is added.
  explicit SigningPipeline(config::Config config) : config_(std::move(config)) {
    config::Key key;
    key.name = "issuer";
    key.tokens = {"main"};
    config_.keys.push_back(std::move(key));
  }

  void SetUp() override {
    std::filesystem::create_directory(directory_ / "fake");
    open();
    token().start();
    ASSERT_TRUE(run_until([this] { return token().ready(); }));
    bool made = false;
    keys_->create(*keys_->find("issuer"), clock_.wall(),
                  [&](const Result<void>& created) { made = created.has_value(); });
    ASSERT_TRUE(run_until([&] { return made; }));
  }

  // Everything but the token's first host: token().start().
  void open() {
    token::TokenSettings settings;
    settings.spec.name = "main";
    settings.spec.uri = directory_ / "fake";
    settings.spec.sessions = 2;
    settings.spec.latch_file = directory_ / "latch.json";
    settings.program = {FAKE_HOST_PROGRAM, {"host", "--workers"}, {}};
    tokens_["main"] = std::make_unique<token::TokenService>(loop_, clock_, std::move(settings));

    audit::AuditOptions options{directory_ / "audit"};
    options.open_segment = disk_.opener();
    options.retry_every = std::chrono::milliseconds(10);
    audit_ = audit::AuditLog::open(std::move(options), [this] {
               boost::asio::post(loop_, [this] {
                 if (pipeline_) pipeline_->audit_woke();
                 if (on_audit_woke_) on_audit_woke_();
               });
             }).value();
    keys_ = std::make_unique<pipeline::KeyTable>(directory_ / "state", tokens_);
    hmac_keys_ = std::make_unique<pipeline::HmacKeyTable>(directory_ / "state", tokens_);
    pipeline_ = std::make_unique<pipeline::Pipeline>(loop_, clock_, *audit_, *keys_, *hmac_keys_, metrics_);
    pipeline_->set_policy(policy::Policy::build(config_, {}, {}).value());
    listen();
    ASSERT_TRUE(keys_->load(config_.keys));
    hmac_keys_->load(config_.hmac_keys);
  }

  // Stops all that open() made; what it left on the disk stays.
  void close() {
    token().stop(clock_.steady() + std::chrono::seconds(5));
    pipeline_.reset();
    hmac_keys_.reset();
    keys_.reset();
    audit_.reset();
    tokens_.clear();
  }

  void TearDown() override {
    disk_.heal();
    disk_.release_syncs();
    token().stop(clock_.steady() + std::chrono::seconds(5));
  }

  // As the daemon does.
  void listen() {
    token::TokenEvents events;
    events.ready = [this] {
      keys_->check_token(token());
      hmac_keys_->check_token(token());
    };
    events.lost = [this] {
      keys_->token_lost(token());
      hmac_keys_->token_lost(token());
    };
    events.key_missing = [this](const Bytes& key_id, const std::string& reason) {
      keys_->key_missing(token(), key_id, reason);
      hmac_keys_->key_missing(token(), key_id, reason);
    };
    events.begun = [this](std::uint64_t record) { pipeline_->flush_audit(record); };
    token().listen(std::move(events));
  }

  token::TokenService& token() { return *tokens_["main"]; }

  template <class Condition>
  bool run_until(Condition done, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = clock_.steady() + limit;
    while (!done() && clock_.steady() < deadline) {
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds(10));
    }
    return done();
  }

  config::Config config_;
  TemporaryDirectory directory_;
  Disk disk_;
  SystemClock clock_;
  pipeline::Metrics metrics_;
  boost::asio::io_context loop_{1};
  pipeline::Tokens tokens_;
  std::unique_ptr<audit::AuditLog> audit_;
  std::unique_ptr<pipeline::KeyTable> keys_;
  std::unique_ptr<pipeline::HmacKeyTable> hmac_keys_;
  std::unique_ptr<pipeline::Pipeline> pipeline_;
  std::function<void()> on_audit_woke_;
};

}  // namespace signer::test
