// SPDX-License-Identifier: Apache-2.0
//
// Starting, stopping, reloading and running out of disk: what an operator meets.

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "jose/base64url.h"
#include "tests/e2e/fixture.h"

namespace signer::test {

namespace {

// Starts a daemon that is expected to end by itself; its exit status and log.
class Startup : public testing::Test {
 protected:
  int ends_with() {
    Background process({programs().signerd, "--config", daemon_.config_file()}, daemon_.file("log"));
    const auto status = process.wait(std::chrono::seconds(20));
    return status.value_or(-1);
  }

  void change(const std::string& from, const std::string& to) {
    std::string text = read_text(daemon_.config_file());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    write_text(daemon_.config_file(), text.replace(at, from.size(), to));
  }

  bool token_says(const std::string& words) {
    return eventually([&] { return daemon_.log().find(words) != std::string::npos; });
  }

  TestDaemon daemon_{programs()};
};

TEST_F(Startup, AnUnknownKeyInTheConfigurationIsNamedWithItsLineAndAHint) {
  change("pin_file", "pinfile");
  EXPECT_EQ(ends_with(), 1);
  EXPECT_NE(daemon_.log().find("token.pinfile: is not known; did you mean 'pin_file'?"), std::string::npos)
      << daemon_.log();
  EXPECT_NE(daemon_.log().find("signer.toml:9: "), std::string::npos) << daemon_.log();
}

TEST_F(Startup, AMissingConfigurationFileIsOneSentence) {
  std::filesystem::remove(daemon_.config_file());
  EXPECT_EQ(ends_with(), 1);
  EXPECT_NE(daemon_.log().find("No such file"), std::string::npos);
}

TEST_F(Startup, AMissingModuleIsSaidAndTheDaemonStaysToServeOtherKeys) {
  change(SoftHsmToken::module(), "/nonexistent/module.so");
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  EXPECT_TRUE(token_says("/nonexistent/module.so")) << daemon_.log();
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/readyz")->status, 503);
  EXPECT_EQ(connection.get("/healthz")->status, 200);
}

TEST_F(Startup, AWrongTokenIsSaid) {
  change("pkcs11:token=", "pkcs11:token=not-");
  ASSERT_TRUE(daemon_.start());
  EXPECT_TRUE(token_says("no token matches")) << daemon_.log();
}

TEST_F(Startup, APinFileThatOthersCanReadIsRefusedWithTheCure) {
  ASSERT_EQ(::chmod(daemon_.token().pin_file().c_str(), 0644), 0);
  ASSERT_TRUE(daemon_.start());
  EXPECT_TRUE(token_says("chmod")) << daemon_.log();
}

TEST_F(Startup, AStateDirectoryThatCannotBeMadeEndsTheStart) {
  write_text(daemon_.file("state"), "a file where the directory should be");
  EXPECT_EQ(ends_with(), 1);
  EXPECT_NE(daemon_.log().find("make state_dir a directory"), std::string::npos) << daemon_.log();
}

TEST_F(Startup, ASecondDaemonOnTheSameAuditDirectoryIsRefused) {
  ASSERT_TRUE(daemon_.start());
  const std::string audit = daemon_.state_directory() + "/audit";
  TestDaemon second(programs());
  second.write_configuration("[audit]\ndir = \"" + audit + "\"\n");
  EXPECT_FALSE(second.start());
  EXPECT_EQ(second.process().wait(std::chrono::seconds(10)), 1);
  EXPECT_NE(second.log().find("another signerd writes to " + audit), std::string::npos) << second.log();
}

TEST_F(Startup, ASecondDaemonOnTheSameStateIsRefused) {
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(ends_with(), 1);
  EXPECT_NE(daemon_.log().find("another signerd uses"), std::string::npos);
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/healthz")->status, 200);
}

TEST_F(Startup, ASocketSomebodyAnswersIsLeftAlone) {
  const UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, daemon_.socket().c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  EXPECT_EQ(ends_with(), 1);
  EXPECT_NE(daemon_.log().find("somebody answers"), std::string::npos) << daemon_.log();
}

TEST_F(Startup, AStaleSocketIsReplacedAndAnOrdinaryFileIsNot) {
  ASSERT_TRUE(daemon_.start());
  daemon_.process().signal(SIGKILL);
  ASSERT_TRUE(daemon_.process().wait(std::chrono::seconds(10)));
  ASSERT_TRUE(std::filesystem::exists(daemon_.socket()));
  ASSERT_TRUE(daemon_.start()) << daemon_.log();
  EXPECT_EQ(daemon_.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(daemon_.socket()));
  write_text(daemon_.socket(), "precious");
  EXPECT_EQ(ends_with(), 1);
  EXPECT_EQ(read_text(daemon_.socket()), "precious");
}

TEST_F(Startup, WhatHasTheNameUnderWhichASocketIsMadeIsLeftAlone) {
  const std::string temporary = daemon_.socket() + ".new";
  write_text(temporary, "precious");
  EXPECT_EQ(ends_with(), 1);
  EXPECT_EQ(read_text(temporary), "precious");
  EXPECT_NE(daemon_.log().find(temporary + " exists"), std::string::npos) << daemon_.log();
}

TEST_F(Startup, ASocketInTheDirectoryOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give a directory away";
  const std::filesystem::path directory = std::filesystem::path(daemon_.socket()).parent_path();
  ASSERT_EQ(::chown(directory.c_str(), 65534, 0), 0);
  EXPECT_EQ(ends_with(), 1);
  EXPECT_NE(daemon_.log().find("belongs to uid 65534"), std::string::npos) << daemon_.log();
  ASSERT_EQ(::chown(directory.c_str(), 0, 0), 0);
}

// A service manager may reload at any time, and SIGHUP ends whoever does not know it.
TEST_F(Startup, AReloadThatComesDuringTheStartIsDoneAfterwards) {
  Background process({programs().signerd, "--config", daemon_.config_file()}, daemon_.file("log"));
  const auto hears = [&] {
    std::istringstream status(read_text("/proc/" + std::to_string(process.pid()) + "/status"));
    unsigned long long masks = 0;
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("SigIgn:") || line.starts_with("SigCgt:")) masks |= std::stoull(line.substr(7), nullptr, 16);
    }
    return (masks & (1ULL << (SIGHUP - 1))) != 0;
  };
  ASSERT_TRUE(eventually(hears));
  EXPECT_TRUE(eventually([&] {
    process.signal(SIGHUP);
    return daemon_.log().find("reloaded") != std::string::npos;
  })) << daemon_.log();
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(std::chrono::seconds(20)).value_or(-1), 0) << daemon_.log();
}

TEST_F(Startup, ALimitOfOpenFilesUnderWhichNoHostStartsEndsTheStart) {
  const Finished ended =
      run({"sh", "-c", "ulimit -n 256 && exec \"$0\" --config \"$1\"", programs().signerd, daemon_.config_file()});
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE((ended.out + ended.err).find("limit of open files is 256"), std::string::npos) << ended.err;
}

TEST_F(Startup, TheSocketHasTheConfiguredMode) {
  change("[[token]]", "mode = \"0660\"\n[[token]]");
  ASSERT_TRUE(daemon_.start());
  struct stat status {};
  ASSERT_EQ(::stat(daemon_.socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

TEST_F(Startup, CheckSaysOkOrWhatIsWrongAndStartsNothing) {
  EXPECT_EQ(run({programs().signerd, "--check", "--config", daemon_.config_file()}).status, 0);
  change("max_ttl = \"15m\"", "max_ttl = \"soon\"");
  const Finished checked = run({programs().signerd, "--check", "--config", daemon_.config_file()});
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find("profile.max_ttl"), std::string::npos);
  EXPECT_EQ(run({programs().signerd, "--nonsense"}).status, 2);
}

TEST_F(Startup, CheckThatNobodyCanReadIsNoSuccess) {
  const Finished unread =
      run({"sh", "-c", "exec \"$0\" --check --config \"$1\" >/dev/full", programs().signerd, daemon_.config_file()});
  EXPECT_NE(unread.status, 0);
  EXPECT_FALSE(unread.err.empty());
}

class Operation : public RunningDaemon {};

// Each bad file also changes what is right in it, so that a reload that goes half the way shows.
TEST_F(Operation, Invariant12_ABadReloadChangesNothing) {
  const std::string good = read_text(daemon_.config_file());
  const auto with = [&good](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const std::string no_user =
      "[[grant]]\nname = \"x\"\nmatch = { user = \"no-such-user-here\" }\nverbs = [\"status\"]\n";
  const std::string new_token =
      "[[token]]\nname = \"more\"\ndriver = \"pkcs11\"\nmodule = \"/x\"\nuri = \"pkcs11:token=x\"\n";
  const auto seen = [this] {
    HttpConnection connection(daemon_.socket());
    const auto issued = daemon_.issue();
    EXPECT_EQ(issued->status, 200);
    const std::string token = issued->json()["token"].get<std::string>();
    const jose::Json claims = jose::Json::parse(text_of(
        jose::base64url_decode(token.substr(token.find('.') + 1, token.rfind('.') - token.find('.') - 1)).value()));
    return jose::Json({claims["iss"], claims["exp"].get<long long>() - claims["iat"].get<long long>(),
                       connection.get("/v1/jwks")->body, connection.get("/v1/keys")->body});
  };
  const jose::Json before_all = seen();
  for (const std::string& bad :
       {with("\"issue\", ", "") + no_user, with("https://idp.example", "https://other.example") + no_user,
        with("\"15m\"", "\"5m\"") + new_token, with("name = \"issuer\"", "name = \"renamed\"") + no_user,
        good + "[[grant]]\nname = \"x\"\n", good + "nonsense"}) {
    write_text(daemon_.config_file(), bad);
    const std::size_t before = daemon_.log().size();
    daemon_.process().signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return daemon_.log().find("reload_refused", before) != std::string::npos; })) << bad;
    EXPECT_EQ(seen(), before_all) << bad;
  }
}

TEST_F(Operation, KeyCreationKeepsItsDeadline) {
  write_text(daemon_.config_file(),
             read_text(daemon_.config_file()) + "[[key]]\nname = \"second\"\ntokens = [\"main\"]\n");
  std::string file = read_text(daemon_.config_file());
  file.replace(file.find("keys = [\"issuer\"]"), 17, "keys = [\"issuer\", \"second\"]");
  write_text(daemon_.config_file(), file);
  daemon_.process().signal(SIGHUP);
  HttpConnection connection(daemon_.socket());
  ASSERT_TRUE(eventually([&] { return connection.get("/v1/keys/second")->status == 200; }));
  const pid_t host = daemon_.host_pid();
  ASSERT_GT(host, 0);
  ::kill(host, SIGSTOP);
  const auto late = connection.post("/v1/keys/second", "{}", "Request-Timeout: 100ms\r\n");
  ASSERT_TRUE(late);
  EXPECT_EQ(late->status, 504);
  EXPECT_EQ(late->code(), "deadline_exceeded");
  EXPECT_EQ(connection.post("/v1/keys/second", "{}")->status, 409) << "it is being made all the same";
  ::kill(host, SIGCONT);
  EXPECT_TRUE(eventually([&] { return connection.get("/v1/keys/second")->json()["state"] == "active"; }));
}

TEST_F(Operation, AGoodReloadTakesEffectForTheNextRequest) {
  const std::string good = read_text(daemon_.config_file());
  std::string without = good;
  without.replace(without.find("\"issue\", "), 9, "");
  write_text(daemon_.config_file(), without);
  daemon_.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return daemon_.issue()->status == 403; }));
  write_text(daemon_.config_file(), good);
  daemon_.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return daemon_.issue()->status == 200; }));
}

TEST_F(Operation, AStopFinishesWhatIsUnderWay) {
  std::vector<std::unique_ptr<HttpConnection>> connections;
  std::string items;
  for (int i = 0; i < 100; ++i) items += std::string(i > 0 ? "," : "") + R"({"claims":{"sub":"x"}})";
  const std::string body = R"({"items":[)" + items + "]}";
  HttpConnection connection(daemon_.socket());
  ASSERT_TRUE(connection.send(
      "POST /v1/keys/issuer/tokens:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body));
  HttpConnection other(daemon_.socket());
  ASSERT_TRUE(eventually([&] {
    const auto reply = other.get("/metrics");
    const std::size_t at = reply->body.find("\nsigner_requests_under_way ");
    return at != std::string::npos && std::stod(reply->body.substr(at + 27)) > 0;
  }));
  daemon_.process().signal(SIGTERM);
  const auto reply = connection.receive();
  ASSERT_TRUE(reply);
  const jose::Json items_of_reply = reply->json()["items"];
  EXPECT_EQ(items_of_reply.size(), 100U);
  for (const jose::Json& item : items_of_reply) EXPECT_EQ(item["status"], 200);
  EXPECT_EQ(daemon_.process().wait(std::chrono::seconds(20)), 0);
  EXPECT_EQ(daemon_.audit_records().back()["event"], "stop");
}

TEST_F(Operation, Invariant01_NoAuditNoSignatureAndBackWhenTheDiskIs) {
  rlimit before{};
  ASSERT_EQ(::prlimit(daemon_.process().pid(), RLIMIT_FSIZE, nullptr, &before), 0);
  const rlimit full{1, before.rlim_max};
  ASSERT_EQ(::prlimit(daemon_.process().pid(), RLIMIT_FSIZE, &full, nullptr), 0);
  const auto refused = daemon_.issue();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 500);
  EXPECT_EQ(refused->code(), "internal");
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/readyz")->status, 503);
  ASSERT_EQ(::prlimit(daemon_.process().pid(), RLIMIT_FSIZE, &before, nullptr), 0);
  EXPECT_TRUE(eventually([&] { return daemon_.issue()->status == 200; }));
  EXPECT_TRUE(daemon_.ready());
  std::uint64_t index = 0;
  for (const jose::Json& record : daemon_.audit_records()) EXPECT_EQ(record["index"], index++);
}

TEST_F(Operation, Invariant08_ATokenThatLacksTheKeyStopsItAndChangesNothing) {
  const std::string metadata = std::filesystem::directory_iterator(daemon_.state_directory() + "/keys/issuer")->path();
  const std::string text = read_text(metadata);
  ASSERT_EQ(daemon_.stop(), 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon_.token().tokens_directory())) {
    if (entry.path().extension() == ".object" && entry.path().filename() != "token.object")
      std::filesystem::remove(entry.path());
  }
  ASSERT_TRUE(daemon_.start());
  ASSERT_TRUE(eventually([&] { return daemon_.log().find("key_stopped") != std::string::npos; })) << daemon_.log();
  EXPECT_EQ(daemon_.issue()->status, 503);
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/v1/keys/issuer")->json()["state"], "stopped");
  EXPECT_EQ(connection.get("/v1/jwks")->json()["keys"].size(), 1U);  // what was issued must still verify
  EXPECT_EQ(connection.post("/v1/keys/issuer", "{}")->status, 409);
  EXPECT_EQ(read_text(metadata), text);
}

TEST_F(Operation, Invariant08_DamagedMetadataStopsItsKeyAndIsLeftAsItIs) {
  const std::string metadata = std::filesystem::directory_iterator(daemon_.state_directory() + "/keys/issuer")->path();
  ASSERT_EQ(daemon_.stop(), 0);
  write_text(metadata, "{}");
  ASSERT_TRUE(daemon_.start());
  const auto refused = daemon_.issue();
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->headers.at("retry-after"), "60") << "nothing gets better before somebody looked";
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.post("/v1/keys/issuer", "{}")->status, 409);
  EXPECT_EQ(read_text(metadata), "{}");
}

TEST_F(Operation, Invariant08_MetadataOnAVolumeThatIsAwayIsNoReasonToMakeAnotherKey) {
  const std::filesystem::path directory = daemon_.state_directory() + "/keys/issuer";
  ASSERT_EQ(daemon_.stop(), 0);
  std::filesystem::rename(directory, daemon_.file("away"));
  std::filesystem::create_directory_symlink(daemon_.file("not-mounted"), directory);
  ASSERT_TRUE(daemon_.start());
  HttpConnection connection(daemon_.socket());
  EXPECT_EQ(connection.get("/v1/keys/issuer")->json()["state"], "stopped");
  EXPECT_EQ(connection.post("/v1/keys/issuer", "{}")->status, 409);
}

TEST_F(Operation, AReloadSaysThatMetadataChangedAndGoesOnWithWhatWasRead) {
  const std::string metadata = std::filesystem::directory_iterator(daemon_.state_directory() + "/keys/issuer")->path();
  const std::string text = read_text(metadata);
  const std::size_t state = text.find("\"active\"");
  ASSERT_NE(state, std::string::npos) << text;
  write_text(metadata, std::string(text).replace(state, 8, "\"revoked\""));
  daemon_.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return daemon_.log().find("key_metadata_changed") != std::string::npos; }));
  EXPECT_EQ(daemon_.issue()->status, 200);
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(daemon_.issue()->status, 503) << "revoked";
  EXPECT_EQ(daemon_.log().find("key_metadata_changed"), daemon_.log().rfind("key_metadata_changed"));
}

TEST_F(Operation, AnIdleDaemonUsesNoCpu) {
  const auto ticks = [&] {
    std::istringstream stat(read_text("/proc/" + std::to_string(daemon_.process().pid()) + "/stat"));
    std::string word;
    long long total = 0;
    for (int i = 1; i <= 15 && stat >> word; ++i) {
      if (i >= 14) total += std::stoll(word);
    }
    return total;
  };
  ASSERT_EQ(daemon_.issue()->status, 200);
  const long long before = ticks();
  EXPECT_FALSE(eventually([&] { return ticks() > before + 2; }, std::chrono::seconds(3)));
}

}  // namespace

}  // namespace signer::test
