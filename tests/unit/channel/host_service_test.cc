// SPDX-License-Identifier: Apache-2.0
//
// The host's side of the channel, served in a forked child with a driver that does what its orders say and writes down
// what it was asked.  Without these a host could outlive signerd, hang it, or ask a token after its deadline.
#include "channel/host_service.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "channel/frames.h"
#include "tests/support/eventually.h"

namespace signer::channel {
namespace {

using namespace std::chrono_literals;

struct Orders {
  HostStatus open = HostStatus::kOk;
  int workers_made = 64;  // then make_worker fails
};

// One line a call; a pipe write of this size is atomic.
class Journal {
 public:
  explicit Journal(int fd) : fd_(fd) {}

  void note(const std::string& what) const {
    const std::string line = what + "\n";
    [[maybe_unused]] const auto written = ::write(fd_, line.data(), line.size());
  }

 private:
  int fd_;
};

struct Meeting {
  std::mutex mutex;
  std::condition_variable met;
  bool released = false;
};

// Signs by repeating the input; "block" waits for another worker's "release", "hang" for ever, "fail" fails.
class FakeWorker final : public SigningWorker {
 public:
  FakeWorker(Journal journal, Meeting& meeting) : journal_(journal), meeting_(meeting) {}

  ~FakeWorker() override { journal_.note("worker gone"); }

  HostResult<Bytes> sign(const SignRequest& request) override {
    journal_.note("sign " + request.signing_input);
    if (request.signing_input == "hang") {
      while (true) ::pause();
    }
    if (request.signing_input == "fail") return host_failure(HostStatus::kUnavailable, "CKR_DEVICE_ERROR");
    std::unique_lock lock(meeting_.mutex);
    if (request.signing_input == "release") meeting_.released = true;
    meeting_.met.notify_all();
    if (request.signing_input == "block") meeting_.met.wait(lock, [this] { return meeting_.released; });
    const ByteView bytes = bytes_of(request.signing_input);
    return Bytes(bytes.begin(), bytes.end());
  }

  HostResult<Mac> mac(const MacRequest& request) override {
    journal_.note("mac " + request.message);
    if (request.message == "fail") return host_failure(HostStatus::kMismatch, "another key");
    Mac mac{};
    mac.fill(static_cast<std::uint8_t>(request.message.size()));
    return mac;
  }

 private:
  Journal journal_;
  Meeting& meeting_;
};

class FakeDriver final : public Driver {
 public:
  FakeDriver(Orders orders, Journal journal) : orders_(orders), journal_(journal) {}

  HostResult<TokenDescription> open(const TokenSpec& spec) override {
    journal_.note("open " + spec.name);
    if (orders_.open != HostStatus::kOk) return host_failure(orders_.open, "as ordered");
    TokenDescription token;
    token.label = "demo";
    return token;
  }

  HostResult<KeyDescription> describe_key(ByteView key_id) override {
    journal_.note("describe " + std::to_string(key_id.size()));
    if (key_id.size() == 1) return host_failure(HostStatus::kNotFound, "no such key");
    return some_key();
  }

  HostResult<KeyDescription> generate_key(const KeyRequest& request) override {
    journal_.note("generate " + request.label);
    return some_key();
  }

  HostResult<HmacKeyDescription> describe_hmac_key(ByteView key_id) override {
    journal_.note("describe hmac " + std::to_string(key_id.size()));
    if (key_id.size() == 1) return host_failure(HostStatus::kNotFound, "no such key");
    return HmacKeyDescription{};
  }

  HostResult<HmacKeyDescription> generate_hmac_key(const HmacKeyRequest& request) override {
    journal_.note("generate hmac " + request.label);
    return HmacKeyDescription{};
  }

  HostResult<std::unique_ptr<SigningWorker>> make_worker() override {
    if (orders_.workers_made-- <= 0) return host_failure(HostStatus::kUnavailable, "no more sessions");
    return std::unique_ptr<SigningWorker>(std::make_unique<FakeWorker>(journal_, meeting_));
  }

  void close() override { journal_.note("close"); }

 private:
  static KeyDescription some_key() {
    KeyDescription key;
    key.public_key.modulus = Bytes(256, 0xa5);
    key.public_key.exponent = {1, 0, 1};
    return key;
  }

  Orders orders_;
  Journal journal_;
  Meeting meeting_;
};

// A host process and our ends of its channels: [0] is control, the others are workers'.
class Host {
 public:
  explicit Host(int workers = 1, Orders orders = {}) {
    std::vector<int> theirs;
    for (int i = 0; i <= workers; ++i) {
      std::array<int, 2> pair{};
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
      const timeval limit{20, 0};
      ::setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ours_.emplace_back(pair[0]);
      theirs.push_back(pair[1]);
    }
    std::array<int, 2> journal{};
    EXPECT_EQ(::pipe2(journal.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) run_child(theirs, journal[1], orders);
    for (const int fd : theirs) ::close(fd);
    ::close(journal[1]);
    journal_.reset(journal[0]);
  }

  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  ~Host() {
    if (status_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  void send(std::size_t channel, const Bytes& frame) {
    EXPECT_EQ(::send(ours_[channel].get(), frame.data(), frame.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(frame.size()));
  }

  // Nothing at the end of the channel, or if no answer comes.
  std::optional<Bytes> receive(std::size_t channel) {
    Bytes frame(kFrameBytesMax + 1);
    const ssize_t count = ::recv(ours_[channel].get(), frame.data(), frame.size(), 0);
    timed_out_ = count < 0 && errno == EAGAIN;
    if (count <= 0) return std::nullopt;
    frame.resize(static_cast<std::size_t>(count));
    return frame;
  }

  void set_patience(std::size_t channel, time_t seconds) {
    const timeval limit{seconds, 0};
    ::setsockopt(ours_[channel].get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  [[nodiscard]] bool timed_out() const { return timed_out_; }

  void open() {
    send(0, encode_open(1, {"main", "/m", "pkcs11:", "/pin", "/latch", 1}));
    const auto reply = receive(0);
    ASSERT_TRUE(reply);
    const auto token = decode_opened(*reply);
    ASSERT_TRUE(token && *token);
  }

  void close(std::size_t channel) { ours_[channel].reset(); }

  void signal(int number) const { ::kill(pid_, number); }

  // How the process ended: its exit status, or 128 + the signal; -1 if it did not within the limit.
  int ended(std::chrono::milliseconds limit = 20s) {
    int status = 0;
    if (!test::eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, limit)) return -1;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return *status_;
  }

  // What the driver was asked, once the host has ended.
  std::string journal() {
    std::string all;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = ::read(journal_.get(), buffer.data(), buffer.size())) > 0)
      all.append(buffer.data(), static_cast<std::size_t>(count));
    return all;
  }

 private:
  [[noreturn]] void run_child(const std::vector<int>& theirs, int journal, Orders orders) {
    for (UniqueFd& fd : ours_) fd.reset();
    constexpr int kAway = 200;  // out of the way of the numbers that serve() expects
    std::vector<int> moved;
    for (const int fd : theirs) moved.push_back(::fcntl(fd, F_DUPFD, kAway));
    const int log = ::fcntl(journal, F_DUPFD, kAway);
    for (int fd = kFirstChannelFd; fd < kAway; ++fd) ::close(fd);
    int place = kFirstChannelFd;
    for (const int fd : moved) {
      ::dup2(fd, place++);
      ::close(fd);
    }
    FakeDriver driver(orders, Journal(log));
    ::_exit(serve(driver, static_cast<int>(theirs.size()) - 1));
  }

  pid_t pid_ = -1;
  std::vector<UniqueFd> ours_;
  UniqueFd journal_;
  std::optional<int> status_;
  bool timed_out_ = false;
};

std::int64_t in(std::chrono::nanoseconds time) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec + time.count();
}

Bytes sign_frame(std::uint64_t id, std::string input, std::int64_t deadline = in(60s)) {
  return encode_sign(id, {{1}, Algorithm::kRs256, deadline, std::move(input)});
}

TEST(HostService, OpensDescribesGeneratesAndEchoesIds) {
  Host host;
  host.open();
  host.send(0, encode_describe(77, Bytes{1, 2}));
  const auto described = host.receive(0);
  host.send(0, encode_describe(78, Bytes{1}));
  const auto missing = host.receive(0);
  host.send(0, encode_generate(79, {jose::KeyKind::kRsa2048, "issuer", {5}, false}));
  const auto generated = host.receive(0);

  ASSERT_TRUE(described && missing && generated);
  EXPECT_EQ(decode_header(*described)->id, 77U);
  EXPECT_EQ(decode_header(*described)->type, FrameType::kDescribed);
  EXPECT_TRUE(decode_key(*described)->has_value());
  EXPECT_EQ(decode_header(*missing)->id, 78U);
  EXPECT_EQ(decode_key(*missing)->error().status, HostStatus::kNotFound);
  EXPECT_EQ(decode_header(*generated)->type, FrameType::kGenerated);
  EXPECT_EQ(decode_header(*generated)->id, 79U);

  host.close(0);
  EXPECT_EQ(host.ended(), kExitOk);
  EXPECT_EQ(host.journal(), "open main\ndescribe 2\ndescribe 1\ngenerate issuer\nworker gone\nclose\n");
}

Bytes mac_frame(std::uint64_t id, std::string message, std::int64_t deadline = in(60s)) {
  return encode_mac(id, {{1}, {}, deadline, std::move(message)});
}

TEST(HostService, DescribesAndGeneratesHmacKeysAndEchoesIds) {
  Host host;
  host.open();
  host.send(0, encode_describe_hmac_key(77, Bytes{1, 2}));
  const auto described = host.receive(0);
  host.send(0, encode_describe_hmac_key(78, Bytes{1}));
  const auto missing = host.receive(0);
  host.send(0, encode_generate_hmac_key(79, {"pairwise", {5}}));
  const auto generated = host.receive(0);

  ASSERT_TRUE(described && missing && generated);
  EXPECT_EQ(decode_header(*described)->id, 77U);
  EXPECT_EQ(decode_header(*described)->type, FrameType::kHmacKeyDescribed);
  EXPECT_TRUE(decode_hmac_key(*described)->has_value());
  EXPECT_EQ(decode_hmac_key(*missing)->error().status, HostStatus::kNotFound);
  EXPECT_EQ(decode_header(*generated)->id, 79U);
  EXPECT_EQ(decode_header(*generated)->type, FrameType::kHmacKeyGenerated);
  host.close(0);
  EXPECT_EQ(host.ended(), kExitOk);
  EXPECT_EQ(host.journal(),
            "open main\ndescribe hmac 2\ndescribe hmac 1\ngenerate hmac pairwise\nworker gone\nclose\n");
}

TEST(HostService, MacsAndSignaturesShareTheOrderOfTheChannel) {
  Host host;
  host.open();
  host.send(1, mac_frame(1, "abc"));
  host.send(1, sign_frame(2, "input"));
  host.send(1, mac_frame(3, "fail"));
  host.send(1, mac_frame(4, "late", in(-1ms)));
  host.send(1, mac_frame(5, "abcd"));
  std::vector<Bytes> replies;
  for (std::uint64_t id = 1; id <= 5; ++id) {
    const auto reply = host.receive(1);
    ASSERT_TRUE(reply) << id;
    EXPECT_EQ(decode_header(*reply)->id, id);
    replies.push_back(*reply);
  }
  EXPECT_EQ((*decode_mac_made(replies[0]))->front(), 3);
  EXPECT_TRUE(decode_signed(replies[1])->has_value());
  EXPECT_EQ(decode_mac_made(replies[2])->error().status, HostStatus::kMismatch);
  EXPECT_EQ(decode_mac_made(replies[3])->error().status, HostStatus::kExpired);
  EXPECT_EQ((*decode_mac_made(replies[4]))->front(), 4);
  host.close(0);
  EXPECT_EQ(host.ended(), kExitOk);
  EXPECT_EQ(host.journal(), "open main\nmac abc\nsign input\nmac fail\nmac abcd\nworker gone\nclose\n");
}

TEST(HostService, SignsInTheOrderOfTheChannel) {
  Host host;
  host.open();
  for (std::uint64_t id = 10; id < 40; ++id) host.send(1, sign_frame(id, "input " + std::to_string(id)));
  for (std::uint64_t id = 10; id < 40; ++id) {
    const auto reply = host.receive(1);
    ASSERT_TRUE(reply);
    EXPECT_EQ(decode_header(*reply)->id, id);
    const auto signature = decode_signed(*reply);
    ASSERT_TRUE(signature && *signature);
    EXPECT_EQ(text_of(**signature), "input " + std::to_string(id));
  }
}

TEST(HostService, AWorkerThatWaitsForItsTokenDoesNotStopTheOthers) {
  Host host(2);
  host.open();
  host.send(1, sign_frame(1, "block"));
  host.send(2, sign_frame(2, "release"));
  EXPECT_TRUE(host.receive(2));
  EXPECT_TRUE(host.receive(1));
}

TEST(HostService, Invariant09_AnExpiredJobNeverReachesTheDriver) {
  Host host;
  host.open();
  for (const std::int64_t deadline : {in(-1ms), std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
    host.send(1, sign_frame(5, "late", deadline));
    const auto reply = host.receive(1);
    ASSERT_TRUE(reply);
    const auto signature = decode_signed(*reply);
    ASSERT_TRUE(signature);
    ASSERT_FALSE(*signature);
    EXPECT_EQ(signature->error().status, HostStatus::kExpired);
  }
  host.send(1, sign_frame(6, "in time"));
  EXPECT_TRUE(host.receive(1));
  host.close(0);
  EXPECT_EQ(host.ended(), kExitOk);
  EXPECT_EQ(host.journal(), "open main\nsign in time\nworker gone\nclose\n");
}

TEST(HostService, AFailedSignatureIsAnAnswerAndTheHostGoesOn) {
  Host host;
  host.open();
  host.send(1, sign_frame(1, "fail"));
  const auto failed = host.receive(1);
  host.send(1, sign_frame(2, "next"));
  const auto next = host.receive(1);

  ASSERT_TRUE(failed && next);
  EXPECT_EQ(decode_signed(*failed)->error().status, HostStatus::kUnavailable);
  EXPECT_EQ(decode_signed(*failed)->error().text, "CKR_DEVICE_ERROR");
  EXPECT_TRUE(decode_signed(*next)->has_value());
}

TEST(HostService, Invariant05_ARefusedPinIsToldAndEndsTheHostWith77) {
  Host host(1, {.open = HostStatus::kPinRefused});
  host.send(0, encode_open(1, {"main", "", "", "", "", 1}));
  const auto reply = host.receive(0);

  ASSERT_TRUE(reply);
  EXPECT_EQ(decode_opened(*reply)->error().status, HostStatus::kPinRefused);
  EXPECT_EQ(host.ended(), kExitPinRefused);
  EXPECT_EQ(host.journal(), "open main\n");
}

TEST(HostService, AnyOtherFailureToOpenIsToldAndEndsTheHostWithAnother) {
  for (const HostStatus status :
       {HostStatus::kUnavailable, HostStatus::kNotFound, HostStatus::kAmbiguous, HostStatus::kUnsupported}) {
    Host host(1, {.open = status});
    host.send(0, encode_open(1, {"main", "", "", "", "", 1}));
    const auto reply = host.receive(0);
    ASSERT_TRUE(reply);
    EXPECT_EQ(decode_opened(*reply)->error().status, status);
    const int ended = host.ended();
    EXPECT_GT(ended, 0);
    EXPECT_LT(ended, 77);
  }
}

TEST(HostService, WithoutAllItsWorkersTheTokenIsNotOpenAndIsLeft) {
  Host host(3, {.workers_made = 2});
  host.send(0, encode_open(1, {"main", "", "", "", "", 1}));
  const auto reply = host.receive(0);

  ASSERT_TRUE(reply);
  EXPECT_EQ(decode_opened(*reply)->error().status, HostStatus::kUnavailable);
  EXPECT_EQ(host.ended(), EXIT_FAILURE);
  EXPECT_EQ(host.journal(), "open main\nworker gone\nworker gone\nclose\n");
}

TEST(HostService, TheEndOfTheControlChannelEndsWorkersFirstAndThenTheDriver) {
  Host host(3);
  host.open();
  host.close(0);
  EXPECT_EQ(host.ended(), kExitOk);
  EXPECT_EQ(host.journal(), "open main\nworker gone\nworker gone\nworker gone\nclose\n");
}

TEST(HostService, AnEndBeforeAnythingWasAskedTouchesNoDriver) {
  Host host;
  host.close(0);
  EXPECT_EQ(host.ended(), kExitOk);
  EXPECT_EQ(host.journal(), "");
}

TEST(HostService, NonsenseOnTheControlChannelEndsTheHost) {
  Bytes truncated = encode_describe(1, Bytes{1});
  truncated.pop_back();
  Bytes other_version = encode_describe(1, Bytes{1});
  other_version[0] = 2;
  const Bytes frames[] = {
      {0xff},
      truncated,
      other_version,
      Bytes(kFrameBytesMax + 1, 1),
      encode_open(2, {"again", "", "", "", "", 1}),  // a second open
      sign_frame(2, "on the wrong channel"),
      mac_frame(2, "on the wrong channel"),
      encode_signed(2, Bytes{1}),  // a reply
  };
  for (const Bytes& nonsense : frames) {
    Host host;
    host.open();
    host.send(0, nonsense);
    EXPECT_FALSE(host.receive(0)) << "nonsense was answered";
    EXPECT_NE(host.ended(), -1);
    EXPECT_EQ(host.journal(), "open main\nworker gone\nclose\n");
  }
}

TEST(HostService, NothingIsServedBeforeTheTokenIsOpen) {
  for (const Bytes& early :
       {encode_describe(1, Bytes{1}), encode_generate(1, {jose::KeyKind::kRsa2048, "x", {1}, false}),
        encode_describe_hmac_key(1, Bytes{1}), encode_generate_hmac_key(1, {"x", {1}})}) {
    Host host;
    host.send(0, early);
    EXPECT_FALSE(host.receive(0));
    EXPECT_NE(host.ended(), -1);
    EXPECT_EQ(host.journal(), "");
  }
}

// Otherwise signerd would wait on that channel until it takes the host for a hung one.
TEST(HostService, NonsenseOnAWorkerChannelIsNoticedByThePeer) {
  for (const Bytes& nonsense : {Bytes{0xff}, encode_describe(1, Bytes{1}), encode_generate_hmac_key(1, {"x", {1}}),
                                encode_signed(1, Bytes{1}), Bytes(kFrameBytesMax + 1, 1)}) {
    Host host;
    host.open();
    host.set_patience(1, 2);
    host.send(1, nonsense);
    EXPECT_FALSE(host.receive(1)) << "nonsense was answered";
    EXPECT_FALSE(host.timed_out()) << "the channel is still open and nobody reads it";
  }
}

TEST(HostService, TheKeyboardsSignalsAreSignerdsToHandle) {
  Host host;
  host.open();
  host.signal(SIGINT);
  host.signal(SIGHUP);
  host.send(0, encode_describe(3, Bytes{1, 2}));
  EXPECT_TRUE(host.receive(0));
  host.signal(SIGTERM);
  EXPECT_EQ(host.ended(), 128 + SIGTERM);
}

TEST(HostService, Invariant09_ADriverThatHangsDoesNotKeepTheHostBeyondFiveSeconds) {
  Host host;
  host.open();
  host.send(1, sign_frame(1, "hang"));
  host.close(0);
  EXPECT_EQ(host.ended(15s), 128 + SIGALRM);
}

}  // namespace
}  // namespace signer::channel
