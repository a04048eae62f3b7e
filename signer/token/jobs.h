// SPDX-License-Identifier: Apache-2.0
//
// What a host is asked to do and what it answers: jobs of its workers (signatures, MACs) and calls about keys.  Each
// goes into a frame and its answer comes out of one; what a loss or a refusal means is TokenService's to judge.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "channel/values.h"
#include "request/refusal.h"

namespace signer::token {

template <class Request, class Answer>
struct WorkerJob {
  uid_t uid = 0;
  SteadyTime deadline{};
  Request request;                           // its deadline_ns is set from `deadline`
  std::optional<std::uint64_t> record = {};  // for TokenEvents::begun
  std::function<void(Judged<Answer>)> done;  // called exactly once, from the event loop
};

using SignJob = WorkerJob<channel::SignRequest, Bytes>;
using MacJob = WorkerJob<channel::MacRequest, channel::Mac>;

// What a host says to what it was asked.
struct HostAnswer {
  std::optional<channel::HostError> error;
  std::function<void()> deliver;  // tells whoever asked; of a job only if there is no error
};

// One of them on its way through the queue and the host.
class Job {
 public:
  template <class Request, class Answer>
  explicit Job(WorkerJob<Request, Answer> job) : uid(job.uid), deadline(job.deadline), work_(std::move(job)) {}

  [[nodiscard]] const Bytes& key_id() const;

  [[nodiscard]] std::optional<std::uint64_t> record() const;

  [[nodiscard]] bool is_signature() const noexcept { return std::holds_alternative<SignJob>(work_); }

  [[nodiscard]] Bytes encode(std::uint64_t id) const;

  // Nothing: the frame is no answer to this job.
  [[nodiscard]] std::optional<HostAnswer> read(ByteView frame) const;

  void refuse(Failure<Refusal> why) const;

  uid_t uid;
  SteadyTime deadline;
  int attempts = 0;

 private:
  std::variant<SignJob, MacJob> work_;
};

struct ControlCall {
  std::function<Bytes(std::uint64_t id)> encode;
  std::function<std::optional<HostAnswer>(ByteView frame)> read;  // nothing: the frame is no answer to this call
  std::function<void(channel::HostError)> refuse;
  std::chrono::milliseconds timeout{};
  std::optional<SteadyTime> deadline = {};  // not sent after it
  bool generates = false;
  bool checks = false;  // a key that is in use
};

// A call whose answer `decode` reads and `reply` gets.
template <class T>
[[nodiscard]] ControlCall control_call(std::function<Bytes(std::uint64_t id)> encode,
                                       std::optional<channel::HostResult<T>> (*decode)(ByteView frame),
                                       std::function<void(channel::HostResult<T>)> reply,
                                       std::chrono::milliseconds timeout) {
  ControlCall call;
  call.encode = std::move(encode);
  call.read = [decode, reply](ByteView frame) -> std::optional<HostAnswer> {
    const auto result = decode(frame);
    if (!result) return std::nullopt;
    HostAnswer answer{std::nullopt, [reply, result = *result] { reply(result); }};
    if (!*result) answer.error = result->error();
    return answer;
  };
  call.refuse = [reply = std::move(reply)](channel::HostError error) { reply(fail(std::move(error))); };
  call.timeout = timeout;
  return call;
}

}  // namespace signer::token
