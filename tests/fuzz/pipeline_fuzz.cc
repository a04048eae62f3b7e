// SPDX-License-Identifier: Apache-2.0
// Target functions: server::Connection, server::Handlers, pipeline::Pipeline, audit::AuditLog and all they call.
//
// Input: a byte that says into how many pieces the rest is cut, then what a client sends.  It goes through a socket
// pair into a real connection, behind which stands everything of the daemon but a token's host: the key "issuer" has
// metadata and its token was never started, so claims are shaped and recorded and then cannot be signed.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/log.h"
#include "fuzz/fixed_key.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory_audit.h"
#include "pipeline/pipeline.h"
#include "server/connection.h"
#include "server/listener.h"

namespace signer::fuzz {
namespace {

using jose::Json;

// Where it stands in a seed's claims, nothing that leaves the daemon may repeat it (invariant 11).  The space keeps it
// out of jti, which a record may hold.
constexpr std::string_view kSecretClaim = "s3cr3t claim";

// Stands still, so that rates and deadlines do not depend on how fast we run; far ahead of the real clock, so that no
// timer of the loop fires.
class StoppedClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return WallTime(std::chrono::seconds(1'800'000'000)); }

  [[nodiscard]] SteadyTime steady() const override { return steady_; }

 private:
  SteadyTime steady_ = std::chrono::steady_clock::now() + std::chrono::hours(24 * 365);
};

std::filesystem::path make_state_dir() {
  std::string path = (std::filesystem::temp_directory_path() / "signer-fuzz-XXXXXX").string();
  require(::mkdtemp(path.data()) != nullptr, "a temporary directory");
  return path;
}

config::Config fixed_config() {
  config::Config config;
  config.file = "fuzz.toml";
  config::Key key;
  key.tokens = {"main"};
  for (const char* name : {"fresh", "issuer"}) {
    key.name = name;
    config.keys.push_back(key);
  }
  config::Profile profile;
  profile.name = "access";
  profile.typ = "at+jwt";
  profile.issuer = "https://idp.example";
  profile.audiences = {"https://api.example"};
  profile.max_ttl = std::chrono::minutes(15);
  config.profiles.push_back(std::move(profile));
  config::Match caller;
  caller.uid = 1001;
  config.grants.push_back({"issue", caller, {"issuer"}, {"access"}, {Verb::kIssue}, 20.0});
  config.grants.push_back(
      {"other", caller, {"fresh"}, {"access"}, {Verb::kIssue, Verb::kCreate, Verb::kStatus}, std::nullopt});
  return config;
}

// What lives as long as the process: what an input cannot change, and the key table, since loading a key costs more
// than all the rest of a run.  Daemon's end checks that the table is as it was.
struct Fixture {
  StoppedClock clock;
  boost::asio::io_context loop;
  pipeline::Tokens tokens;
  std::filesystem::path state_dir = make_state_dir();
  config::Config config = fixed_config();
  std::shared_ptr<const policy::Policy> policy;
  std::unique_ptr<MemoryAudit> audit;
  pipeline::KeyTable keys{state_dir, tokens};
  pipeline::HmacKeyTable hmac_keys{state_dir, tokens};
  std::uint64_t records = 0;

  Fixture() {
    log::start("fuzz", log::Level::kError);
    auto built = policy::Policy::build(config, policy::Accounts{}, policy::Files{});
    require(built.has_value(), "the fixed policy builds");
    policy = *std::move(built);
    keyring::KeyVersion version;
    version.name = "issuer";
    version.kid = kKid;
    const auto jwk = jose::parse_json(kJwk);
    require(jwk.has_value(), "the fixed key is JSON");
    auto public_key = jose::from_jwk(*jwk);
    require(public_key.has_value(), "the fixed key is a key");
    version.public_key = *std::move(public_key);
    version.token = "main";
    version.key_id = Bytes(20, 0x5a);
    require(keyring::save_version(state_dir, version).has_value(), "the metadata is written");
    token::TokenSettings settings;
    settings.spec.name = "main";
    tokens.emplace("main", std::make_unique<token::TokenService>(loop, clock, settings));
    require(keys.load(config.keys).has_value() && keys.find("issuer")->active != nullptr, "the key table loads");
    audit = std::make_unique<MemoryAudit>(state_dir / "audit");
  }

  ~Fixture() {
    std::error_code ignored;
    std::filesystem::remove_all(state_dir, ignored);
  }

  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
};

// The daemon without sockets and hosts, new for each input.
struct Daemon {
  explicit Daemon(Fixture& fixture)
      : loop(fixture.loop),
        keys(fixture.keys),
        hmac_keys(fixture.hmac_keys),
        pipeline(loop, fixture.clock, fixture.audit->log(), keys, hmac_keys, metrics),
        checkpointer(loop, fixture.clock, fixture.audit->log(), keys, metrics, std::chrono::seconds(10)),
        evidence(loop, fixture.clock, fixture.audit->log(), keys, checkpointer, metrics, {"1", ""}),
        turns(loop),
        handlers(fixture.clock, pipeline, keys, hmac_keys, fixture.tokens, checkpointer, evidence, metrics, turns),
        server(loop, fixture.clock, handlers, {}) {
    pipeline.set_policy(fixture.policy);
  }

  // Once the client has gone.
  void check_idle() {
    require(metrics.tokens_issued == 0 && pipeline.under_way() == 0, "nothing is issued or left under way");
    require(server.connection_count() == 0 && loop.poll() == 0, "no connection is left, and nothing to do");
    loop.restart();
    const pipeline::KeyEntry* fresh = keys.find("fresh");
    require(fresh != nullptr && !fresh->creating && fresh->versions.empty(), "no key was made");
    const pipeline::KeyEntry* issuer = keys.find("issuer");
    require(issuer != nullptr && issuer->active != nullptr && !issuer->stopped, "no key was stopped");
  }

  boost::asio::io_context& loop;
  pipeline::KeyTable& keys;
  pipeline::HmacKeyTable& hmac_keys;
  pipeline::Metrics metrics;
  pipeline::Pipeline pipeline;
  pipeline::Checkpointer checkpointer;
  pipeline::EvidenceCollector evidence;
  server::Turns turns;
  server::Handlers handlers;
  server::Server server;
};

// Our end of the connection.
class Client {
 public:
  explicit Client(Daemon& daemon) : daemon_(daemon) {
    std::array<int, 2> ends{};
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0, "a socket pair");
    fd_.reset(ends[0]);
    PeerIdentity peer;
    peer.uid = 1001;
    peer.gid = 1001;
    peer.pid = 4242;
    boost::asio::local::stream_protocol::socket socket(daemon.loop);
    socket.assign(boost::asio::local::stream_protocol(), ends[1]);
    const auto connection = std::make_shared<server::Connection>(daemon.server, std::move(socket), peer);
    connection_ = connection;
    connection->start();
    settle();
  }

  // Sends in pieces, each of which the daemon has worked on before the next one comes.
  void send(std::string_view bytes, std::size_t pieces) {
    const std::size_t piece = bytes.size() / pieces + 1;
    while (!bytes.empty() && !broken_) {
      std::string_view now = bytes.substr(0, piece);
      bytes.remove_prefix(now.size());
      while (!now.empty() && !broken_) {
        const ssize_t sent = ::send(fd_.get(), now.data(), now.size(), MSG_NOSIGNAL);
        if (sent > 0) now.remove_prefix(static_cast<std::size_t>(sent));
        broken_ = sent < 0 && errno != EAGAIN;
        settle();
      }
    }
    ::shutdown(fd_.get(), SHUT_WR);
    settle();
  }

  [[nodiscard]] const std::string& received() const { return received_; }

  [[nodiscard]] bool closed() const { return connection_.expired(); }

 private:
  // Lets the daemon work and takes what it says until neither side has anything left to do.
  void settle() {
    bool more = true;
    while (more) {
      more = daemon_.loop.poll() > 0;
      daemon_.loop.restart();
      std::array<char, 65536> buffer;
      const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (size > 0) received_.append(buffer.data(), static_cast<std::size_t>(size));
      more = more || size > 0;
    }
  }

  Daemon& daemon_;
  UniqueFd fd_;
  std::weak_ptr<server::Connection> connection_;
  std::string received_;
  bool broken_ = false;
};

struct Reply {
  int status = 0;
  std::string id;
  std::string type;
  bool last = false;
  std::string_view body;
};

// Takes one reply off `rest`, as strictly as our own writer writes it.
Reply take_reply(std::string_view& rest) {
  Reply reply;
  const std::size_t header_end = rest.find("\r\n\r\n");
  require(rest.starts_with("HTTP/1.1 ") && header_end != std::string_view::npos,
          "a reply has a status line and a header");
  std::string_view header = rest.substr(0, header_end + 2);
  rest.remove_prefix(header_end + 4);
  const auto number = [](std::string_view text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc{}, "a number");
    return value;
  };
  reply.status = static_cast<int>(number(header.substr(9, 3)));
  std::size_t length = 0;
  take_line(header);
  while (!header.empty()) {
    std::string_view line = take_line(header);
    require(line.ends_with('\r'), "lines end with CRLF");
    line.remove_suffix(1);
    require(line.find('\r') == std::string_view::npos && line.find(": ") != std::string_view::npos, "a header field");
    if (line.starts_with("Content-Length: ")) length = number(line.substr(16));
    if (line.starts_with("X-Request-Id: ")) reply.id = line.substr(14);
    if (line.starts_with("Content-Type: ")) reply.type = line.substr(14);
    if (line == "Connection: close") reply.last = true;
  }
  require(length <= rest.size(), "the body is as long as said");
  reply.body = rest.substr(0, length);
  rest.remove_prefix(length);
  return reply;
}

void check_problem(const Json& problem, int status, const std::string& id) {
  require(problem["status"] == status && problem["request_id"] == id, "a problem says its status and request");
  require(problem["code"].is_string() && problem["detail"].is_string(), "a problem says what it is");
}

void check_body(const Reply& reply) {
  if (reply.status == 304) return require(reply.body.empty(), "304 has no body");
  if (reply.type.starts_with("text/plain")) return;
  const auto json = jose::parse_json_object(reply.body, {.bytes_max = 1U << 22U, .members_max = 65536});
  require(json.has_value(), "a body is strict JSON");
  if (reply.type == "application/problem+json") return check_problem(*json, reply.status, reply.id);
  require(!json->contains("token") || (*json)["token"] == "main", "no token is issued");
  if (const auto items = json->find("items"); items != json->end()) {
    for (const Json& item : *items) check_problem(item, item["status"].get<int>(), reply.id);
  }
}

std::vector<int> check_replies(std::string_view received) {
  static constexpr std::array kStatuses = {100, 200, 304, 400, 403, 404, 405, 409, 413, 415, 422, 429, 431, 503};
  require(received.find(kSecretClaim) == std::string_view::npos, "no reply repeats a claim");
  std::vector<int> statuses;
  std::set<std::string> ids;
  bool last = false;
  while (!received.empty()) {
    require(!last, "nothing follows a reply that closes");
    const Reply reply = take_reply(received);
    require(std::find(kStatuses.begin(), kStatuses.end(), reply.status) != kStatuses.end(), "a documented status");
    last = reply.last;
    if (reply.status == 100) continue;  // sent or not as the pieces fall
    require(reply.id.size() == 16 && ids.insert(reply.id).second, "every request has an id of its own");
    check_body(reply);
    statuses.push_back(reply.status);
  }
  return statuses;
}

// Every record is a line of strict JSON in its place, and every announced signature is called off.
void check_records(Fixture& fixture) {
  const std::string text = fixture.audit->take_lines();
  require(text.find(kSecretClaim) == std::string::npos, "no record repeats a claim");
  std::string_view lines = text;
  std::set<std::string> announced;
  while (!lines.empty()) {
    const auto record = jose::parse_json_object(take_line(lines));
    require(record && (*record)["v"] == 2 && (*record)["index"] == fixture.records++,
            "records in order, without a gap");
    const std::string event = (*record)["event"];
    if (event == "reload" || event == "segment") continue;
    require((*record)["uid"] == 1001 && (*record)["req"].is_string(), "a record says who and which request");
    const std::string request = (*record)["req"].get<std::string>() + " " + record->value("jti", "");
    if (event == "issue") {
      announced.insert(request);
    } else if (event == "fail") {
      require(announced.contains(request), "what failed was announced");
      announced.erase(request);
    } else {
      require(event == "refuse" && record->contains("code"), "else it is a refusal, which says why");
    }
  }
  require(announced.empty(), "no announced signature is left open");
}

std::vector<int> run(Fixture& fixture, std::string_view bytes, std::size_t pieces) {
  Daemon daemon(fixture);
  Client client(daemon);
  client.send(bytes, pieces);
  require(client.closed(), "a connection whose client has gone is closed: no request is left without its reply");
  const std::vector<int> statuses = check_replies(client.received());
  daemon.check_idle();
  check_records(fixture);
  return statuses;
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer::fuzz;
  static Fixture fixture;
  if (size == 0) return 0;
  const std::string_view bytes = signer::text_of({data + 1, size - 1});
  auto whole = run(fixture, bytes, 1);
  auto in_pieces = run(fixture, bytes, 2 + data[0] % 15U);
  // Beast's limit for headers is exact to some dozen bytes, depending on where it stopped to wait for more, and a
  // header that is both too large and not HTTP is refused for whichever is seen first.  So from a 431 on the two may
  // differ.
  std::size_t comparable = std::string_view::npos;
  for (const auto* statuses : {&whole, &in_pieces}) {
    const auto refused = std::find(statuses->begin(), statuses->end(), 431);
    if (refused != statuses->end()) {
      comparable = std::min(comparable, static_cast<std::size_t>(refused - statuses->begin()));
    }
  }
  whole.resize(std::min(whole.size(), comparable));
  in_pieces.resize(std::min(in_pieces.size(), comparable));
  require(whole == in_pieces, "the replies do not depend on how the bytes arrive");
  return 0;
}
