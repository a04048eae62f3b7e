// SPDX-License-Identifier: Apache-2.0

#include "token/jobs.h"

#include "channel/frames.h"

namespace signer::token {

namespace {

std::int64_t monotonic_ns_of(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

Bytes frame_of(std::uint64_t id, const channel::SignRequest& request) {
  return channel::encode_sign(id, request);
}

Bytes frame_of(std::uint64_t id, const channel::MacRequest& request) {
  return channel::encode_mac(id, request);
}

std::optional<channel::HostResult<Bytes>> answer_in(ByteView frame, const SignJob& /*job*/) {
  return channel::decode_signed(frame);
}

std::optional<channel::HostResult<channel::Mac>> answer_in(ByteView frame, const MacJob& /*job*/) {
  return channel::decode_mac_made(frame);
}

}  // namespace

const Bytes& Job::key_id() const {
  return std::visit([](const auto& job) -> const Bytes& { return job.request.key_id; }, work_);
}

std::optional<std::uint64_t> Job::record() const {
  return std::visit([](const auto& job) { return job.record; }, work_);
}

Bytes Job::encode(std::uint64_t id) const {
  return std::visit(
      [this, id](const auto& job) {
        auto request = job.request;
        request.deadline_ns = monotonic_ns_of(deadline);
        return frame_of(id, request);
      },
      work_);
}

std::optional<HostAnswer> Job::read(ByteView frame) const {
  return std::visit(
      [frame](const auto& job) -> std::optional<HostAnswer> {
        auto result = answer_in(frame, job);
        if (!result) return std::nullopt;
        if (!*result) return HostAnswer{result->error(), nullptr};
        return HostAnswer{std::nullopt, [done = job.done, value = **std::move(result)] { done(value); }};
      },
      work_);
}

void Job::refuse(Failure<Refusal> why) const {
  std::visit([&why](const auto& job) { job.done(std::move(why)); }, work_);
}

}  // namespace signer::token
