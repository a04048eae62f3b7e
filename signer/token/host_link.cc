// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "token/host_link.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "base/file.h"

namespace signer::token {

namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

}  // namespace

Result<void> HostLink::start(const HostProgram& program, std::size_t worker_count) {
  ++generation_;
  auto started = HostProcess::start(program, worker_count);
  if (!started) return Failure<Error>{started.error()};
  if (auto adopted = adopt(*std::move(started)); !adopted) return adopted;
  for (std::size_t i = 0; i < host_->workers.size(); ++i) watch_worker(i, generation_);
  watch_control(generation_);
  watch_end(generation_);
  return {};
}

// Puts the host's descriptors into the loop.  Out of descriptors or memory the host ends with the object it came in.
Result<void> HostLink::adopt(StartedHost started) {
  UniqueFd pidfd(::fcntl(started.process.pidfd(), F_DUPFD_CLOEXEC, 0));
  if (!pidfd.valid()) return fail(ErrorCode::kInternal, "duplicate the host's pidfd: " + errno_text(errno));
  const auto watched = [this](UniqueFd& fd) {
    stream_descriptor made(loop_, fd.get());
    static_cast<void>(fd.release());
    return made;
  };
  try {
    auto& channels = started.channels;
    host_ = std::make_unique<Host>(Host{std::move(started.process), watched(channels[0]), watched(pidfd), {}});
    for (std::size_t i = 1; i < channels.size(); ++i) host_->workers.emplace_back(watched(channels[i]));
  } catch (const boost::system::system_error& error) {
    host_.reset();
    return fail(ErrorCode::kInternal, std::string("watch the host: ") + error.what());
  }
  return {};
}

void HostLink::watch_control(std::uint64_t generation) {
  host_->control.async_wait(stream_descriptor::wait_read, [this, generation](const error_code& error) {
    if (error || generation != generation_) return;
    ByteView frame;
    switch (receive_frame(host_->control.native_handle(), buffer_, frame)) {
      case ReceiveOutcome::kNothing:
        break;
      case ReceiveOutcome::kBroken:
        return listener_.lost("the host closed its control channel");
      case ReceiveOutcome::kFrame:
        listener_.control_frame(frame);
        if (generation != generation_) return;
    }
    watch_control(generation);
  });
}

void HostLink::watch_worker(std::size_t worker, std::uint64_t generation) {
  host_->workers[worker].async_wait(stream_descriptor::wait_read, [this, worker, generation](const error_code& error) {
    if (error || generation != generation_) return;
    while (true) {
      ByteView frame;
      const ReceiveOutcome outcome = receive_frame(host_->workers[worker].native_handle(), buffer_, frame);
      if (outcome == ReceiveOutcome::kNothing) break;
      if (outcome == ReceiveOutcome::kBroken) return listener_.lost("the host closed a worker channel");
      listener_.worker_frame(worker, frame);
      if (generation != generation_) return;
    }
    watch_worker(worker, generation);
  });
}

void HostLink::watch_end(std::uint64_t generation) {
  host_->ended.async_wait(stream_descriptor::wait_read, [this, generation](const error_code& error) {
    if (error || generation != generation_) return;
    listener_.lost("the host ended");
  });
}

void HostLink::retire() {
  ++generation_;
  if (host_ == nullptr) return;
  host_->process.kill();
  dying_.emplace_front(std::move(host_->process), std::move(host_->ended));
  host_.reset();
  const auto place = dying_.begin();
  place->second.async_wait(stream_descriptor::wait_read, [this, place](const error_code& error) {
    if (!error) dying_.erase(place);
  });
}

bool HostLink::leave(SteadyTime deadline, SteadyTime now) {
  ++generation_;
  if (host_ == nullptr) return true;
  error_code ignored;
  host_->control.close(ignored);
  for (stream_descriptor& worker : host_->workers) worker.close(ignored);
  pollfd ended{host_->process.pidfd(), POLLIN, 0};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
  const bool left_in_time = ::poll(&ended, 1, static_cast<int>(std::clamp<long long>(left, 0, 60'000))) == 1;
  host_.reset();
  return left_in_time;
}

bool HostLink::send_control(const Bytes& frame) {
  return host_ != nullptr && send_frame(host_->control.native_handle(), frame) == SendOutcome::kSent;
}

bool HostLink::send_worker(std::size_t worker, const Bytes& frame) {
  return host_ != nullptr && send_frame(host_->workers[worker].native_handle(), frame) == SendOutcome::kSent;
}

std::optional<std::string> HostLink::ended() {
  return host_ ? host_->process.ended() : std::nullopt;
}

}  // namespace signer::token
