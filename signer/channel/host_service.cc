// SPDX-License-Identifier: Apache-2.0

#include "channel/host_service.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "channel/frames.h"

namespace signer::channel {

namespace {

constexpr unsigned kLeaveSeconds = 5;

// One message, or nothing when the peer has closed or the socket fails.
std::optional<ByteView> receive(int fd, Bytes& buffer) {
  buffer.resize(kFrameBytesMax + 1);
  while (true) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    return ByteView(buffer).first(static_cast<std::size_t>(count));
  }
}

bool send_frame(int fd, const Bytes& frame) {
  while (true) {
    if (::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// `ask` asks the token, unless the deadline has passed.
template <class T, class Request, class Ask>
HostResult<T> in_time(const Request& request, const Ask& ask) {
  if (request.deadline_ns <= monotonic_ns())
    return host_failure(HostStatus::kExpired, "host: deadline passed in the queue");
  return ask(request);
}

// What is answered to a worker's frame; nothing if it makes no sense.
std::optional<Bytes> worker_answer(SigningWorker& worker, ByteView frame) {
  const auto header = decode_header(frame);
  if (!header) return std::nullopt;
  if (const auto request = decode_sign(frame)) {
    return encode_signed(header->id, in_time<Bytes>(*request, [&](const auto& job) { return worker.sign(job); }));
  }
  if (const auto request = decode_mac(frame)) {
    return encode_mac_made(header->id, in_time<Mac>(*request, [&](const auto& job) { return worker.mac(job); }));
  }
  return std::nullopt;
}

// One worker channel, until it closes.  A frame that makes no sense means that signerd and host do not match: leave.
void work(SigningWorker& worker, int fd) {
  Bytes buffer;
  while (const auto frame = receive(fd, buffer)) {
    const auto answer = worker_answer(worker, *frame);
    if (!answer) {
      log::error("channel_nonsense", {{"from", "signerd"}});
      ::shutdown(fd, SHUT_RDWR);  // tells the peer
      return;
    }
    if (!send_frame(fd, *answer)) return;
  }
}

class Service {
 public:
  Service(Driver& driver, int worker_count) : driver_(driver), worker_count_(worker_count) {}

  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  ~Service() { stop_workers(); }

  int run() {
    Bytes buffer;
    while (const auto frame = receive(kFirstChannelFd, buffer)) {
      const auto reply = answer(*frame);
      if (!reply || !send_frame(kFirstChannelFd, *reply)) break;
      if (status_ != kExitOk) break;
    }
    ::alarm(kLeaveSeconds);  // SIGALRM ends the process if a driver call does not return.
    driver_.interrupt();
    stop_workers();
    if (opened_) driver_.close();
    return status_;
  }

 private:
  std::optional<Bytes> answer(ByteView frame) {
    const auto header = decode_header(frame);
    std::optional<Bytes> reply;
    if (header && header->type == FrameType::kOpen && !opened_) {
      if (const auto spec = decode_open(frame)) reply = encode_opened(header->id, open(*spec));
    } else if (header && opened_) {
      reply = answer_about_key(*header, frame);
    }
    if (!reply) log::error("channel_nonsense", {{"from", "signerd"}});
    return reply;
  }

  std::optional<Bytes> answer_about_key(const FrameHeader& header, ByteView frame) {
    if (const auto key_id = decode_describe(frame))
      return encode_key(header.id, FrameType::kDescribed, driver_.describe_key(*key_id));
    if (const auto request = decode_generate(frame))
      return encode_key(header.id, FrameType::kGenerated, driver_.generate_key(*request));
    if (const auto key_id = decode_inspect(frame))
      return encode_key(header.id, FrameType::kInspected, driver_.inspect_key(*key_id));
    if (const auto request = decode_attest(frame)) return encode_attested(header.id, driver_.attest_key(*request));
    if (const auto key_id = decode_describe_hmac_key(frame))
      return encode_hmac_key(header.id, FrameType::kHmacKeyDescribed, driver_.describe_hmac_key(*key_id));
    if (const auto request = decode_generate_hmac_key(frame))
      return encode_hmac_key(header.id, FrameType::kHmacKeyGenerated, driver_.generate_hmac_key(*request));
    return std::nullopt;
  }

  HostResult<TokenDescription> open(const TokenSpec& spec) {
    auto token = driver_.open(spec);
    if (token) {
      opened_ = true;
      if (auto started = start_workers(); !started) token = fail(std::move(started).error());
    }
    if (!token) {
      status_ = token.error().status == HostStatus::kPinRefused ? kExitPinRefused : EXIT_FAILURE;
      log::error("token_open_failed", {{"token", spec.name}, {"reason", token.error().text}});
    }
    return token;
  }

  HostResult<void> start_workers() {
    for (int i = 0; i < worker_count_; ++i) {
      auto worker = driver_.make_worker();
      if (!worker) return fail(std::move(worker).error());
      const int fd = kFirstChannelFd + 1 + i;
      workers_.push_back(std::move(*worker));
      threads_.emplace_back([&worker = *workers_.back(), fd] { work(worker, fd); });
    }
    return {};
  }

  void stop_workers() {
    for (int i = 0; i < worker_count_; ++i) ::shutdown(kFirstChannelFd + 1 + i, SHUT_RDWR);
    threads_.clear();  // std::jthread joins
    workers_.clear();
  }

  Driver& driver_;
  int worker_count_;
  int status_ = kExitOk;
  bool opened_ = false;
  std::vector<std::unique_ptr<SigningWorker>> workers_;
  std::vector<std::jthread> threads_;
};

}  // namespace

int serve(Driver& driver, int worker_count) {
  // signerd's death closes the channel; this is for the case that a driver keeps a copy of the descriptor.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::signal(SIGTERM, SIG_DFL);
  // Operators press Ctrl-C at signerd, which then closes the channel in its own time.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  return Service(driver, worker_count).run();
}

}  // namespace signer::channel
