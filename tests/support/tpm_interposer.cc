// SPDX-License-Identifier: Apache-2.0

#include "tests/support/tpm_interposer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tests/support/tpm_socket.h"

namespace signer::test {

namespace {

constexpr auto kNoLimit = std::chrono::hours(24);

// Where the digest of a TPM2_Sign command lies: behind header, handle and sessions.
std::optional<std::size_t> digest_offset(const Bytes& command) {
  std::size_t offset = kTpmHeaderBytes + 4;
  if (number_at<std::uint16_t>(command, 0) == kTagSessions) {
    const auto sessions = number_at<std::uint32_t>(command, offset);
    if (!sessions || *sessions > command.size()) return std::nullopt;
    offset += 4 + *sessions;
  }
  return offset;
}

Bytes failure(std::uint32_t code) {
  Bytes response;
  put(response, kTagNoSessions);
  put(response, static_cast<std::uint32_t>(kTpmHeaderBytes));
  put(response, code);
  return response;
}

UniqueFd accept_on(const UniqueFd& listener) {
  return UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

}  // namespace

TpmInterposer::TpmInterposer(const Swtpm& tpm)
    : tpm_path_(tpm.path()),
      data_(listen_unix(path())),
      control_(listen_unix(path() + ".ctrl")),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      data_thread_([this] { serve_data(); }),
      control_thread_([this] { serve_control(); }) {}

TpmInterposer::~TpmInterposer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof(one));
  data_thread_.join();
  control_thread_.join();
}

TpmInterposer::Rule TpmInterposer::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  rules_.emplace(++last_rule_, std::move(entry));
  return last_rule_;
}

TpmInterposer::Rule TpmInterposer::delay(When when, std::chrono::milliseconds time) {
  return add({.effect = Effect::kDelay, .when = when, .time = time});
}

TpmInterposer::Rule TpmInterposer::answer(When when, std::uint32_t code) {
  return add({.effect = Effect::kAnswer, .when = when, .code = code});
}

TpmInterposer::Rule TpmInterposer::edit_command(When when, Edit edit) {
  return add({.effect = Effect::kEditCommand, .when = when, .edit = std::move(edit)});
}

TpmInterposer::Rule TpmInterposer::edit_response(When when, Edit edit) {
  return add({.effect = Effect::kEditResponse, .when = when, .edit = std::move(edit)});
}

TpmInterposer::Rule TpmInterposer::swap_digest(Bytes digest, When when) {
  return edit_command(when, [digest = std::move(digest)](std::uint32_t /*code*/, Bytes& command) {
    const auto offset = digest_offset(command);
    if (!offset || number_at<std::uint16_t>(command, *offset) != digest.size()) return false;
    if (command.size() - *offset - 2 < digest.size()) return false;
    std::copy(digest.begin(), digest.end(), command.begin() + static_cast<std::ptrdiff_t>(*offset + 2));
    return true;
  });
}

TpmInterposer::Rule TpmInterposer::corrupt(When when, std::size_t offset, std::uint8_t bits) {
  return edit_response(when, [offset, bits](std::uint32_t code, Bytes& response) {
    const auto area = parameter_area(code, response);
    if (!area || offset >= area->size) return false;
    std::uint8_t& byte = response[area->offset + offset];
    byte = static_cast<std::uint8_t>(byte ^ bits);
    return bits != 0;
  });
}

TpmInterposer::Rule TpmInterposer::truncate(When when, std::size_t size) {
  return edit_response(when, [size](std::uint32_t /*code*/, Bytes& response) {
    if (size >= response.size()) return false;
    response.resize(size);
    return true;
  });
}

TpmInterposer::Rule TpmInterposer::claim_size(When when, SizeField field, std::uint32_t size) {
  return edit_response(when, [field, size](std::uint32_t code, Bytes& response) {
    const auto area = parameter_area(code, response);
    const std::size_t offset = field == SizeField::kMessage ? 2 : area ? area->size_offset : 0;
    if (offset == 0 || number_at<std::uint32_t>(response, offset) == size) return false;
    overwrite(response, offset, size);
    return true;
  });
}

TpmInterposer::Rule TpmInterposer::drop(When when, Moment moment) {
  return add({.effect = moment == Moment::kBefore ? Effect::kDropBefore : Effect::kDropAfter, .when = when});
}

TpmInterposer::Rule TpmInterposer::hold(When when) {
  return add({.effect = Effect::kHold, .when = when});
}

void TpmInterposer::release() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [rule, entry] : rules_) {
      if (entry.effect == Effect::kHold) entry.when.times = 0;
    }
  }
  changed_.notify_all();
}

bool TpmInterposer::holds() const {
  const std::lock_guard lock(mutex_);
  return holds_;
}

void TpmInterposer::drop_rule(Rule rule) {
  {
    const std::lock_guard lock(mutex_);
    rules_.erase(rule);
  }
  changed_.notify_all();
}

void TpmInterposer::drop_rules() {
  {
    const std::lock_guard lock(mutex_);
    rules_.clear();
  }
  changed_.notify_all();
}

unsigned TpmInterposer::hits(Rule rule) const {
  const std::lock_guard lock(mutex_);
  const auto found = rules_.find(rule);
  return found == rules_.end() ? 0 : found->second.hits;
}

unsigned TpmInterposer::count(std::uint32_t code) const {
  const std::lock_guard lock(mutex_);
  unsigned sum = 0;
  for (const auto& [one, times] : counts_) sum += code == kEveryCommand || code == one ? times : 0;
  return sum;
}

void TpmInterposer::forget_counts() {
  const std::lock_guard lock(mutex_);
  counts_.clear();
}

TpmInterposer::Plan TpmInterposer::plan_for(std::uint32_t code) {
  const std::lock_guard lock(mutex_);
  ++counts_[code];
  Plan plan;
  for (auto& [rule, entry] : rules_) {
    if (entry.when.code != kEveryCommand && entry.when.code != code) continue;
    const unsigned before = entry.seen++;
    if (before < entry.when.skip || before - entry.when.skip >= entry.when.times) continue;
    plan.emplace(entry.effect, std::pair(rule, entry));
  }
  return plan;
}

void TpmInterposer::hit(Rule rule) {
  const std::lock_guard lock(mutex_);
  const auto found = rules_.find(rule);
  if (found != rules_.end()) ++found->second.hits;
}

// Holds and delays; false if the interposer ends meanwhile.
bool TpmInterposer::wait(const Plan& plan) {
  if (const auto hold = plan.find(Effect::kHold); hold != plan.end()) {
    hit(hold->second.first);
    std::unique_lock lock(mutex_);
    holds_ = true;
    changed_.wait(lock, [&] {
      const auto rule = rules_.find(hold->second.first);
      return stopping_ || rule == rules_.end() || rule->second.when.times == 0;
    });
    holds_ = false;
    if (stopping_) return false;
  }
  for (auto [at, end] = plan.equal_range(Effect::kDelay); at != end; ++at) {
    hit(at->second.first);
    if (wait_readable(stop_.get(), -1, at->second.second.time)) return false;
  }
  return true;
}

void TpmInterposer::apply_edits(const Plan& plan, Effect effect, std::uint32_t code, Bytes& message) {
  for (auto [at, end] = plan.equal_range(effect); at != end; ++at) {
    if (at->second.second.edit(code, message)) hit(at->second.first);
  }
}

// The TPM's response; empty if there is none.
Bytes TpmInterposer::exchange(Bytes command) {
  const UniqueFd server = connect_unix(tpm_path_);
  if (!server.valid() || !write_all(server.get(), command)) return {};
  return read_message(server.get(), stop_.get(), kNoLimit).value_or(Bytes{});
}

// False if the connection is to end.
bool TpmInterposer::serve(int client, const Bytes& command) {
  const std::uint32_t code = code_of(command);
  const Plan plan = plan_for(code);
  if (!wait(plan)) return false;
  if (const auto rule = plan.find(Effect::kDropBefore); rule != plan.end()) {
    hit(rule->second.first);
    return false;
  }
  if (const auto rule = plan.find(Effect::kAnswer); rule != plan.end()) {
    hit(rule->second.first);
    return write_all(client, failure(rule->second.second.code));
  }
  Bytes forwarded = command;
  apply_edits(plan, Effect::kEditCommand, code, forwarded);
  Bytes response = exchange(std::move(forwarded));
  if (response.empty()) return false;
  if (const auto rule = plan.find(Effect::kDropAfter); rule != plan.end()) {
    hit(rule->second.first);
    return false;
  }
  apply_edits(plan, Effect::kEditResponse, code, response);
  const bool whole = response.size() >= kTpmHeaderBytes && claimed_size(response) == response.size();
  return write_all(client, response) && whole;
}

void TpmInterposer::serve_data() {
  while (wait_readable(data_.get(), stop_.get(), kNoLimit)) {
    const UniqueFd client = accept_on(data_);
    while (const auto command = read_message(client.get(), stop_.get(), kNoLimit)) {
      if (!serve(client.get(), *command)) break;
    }
  }
}

void TpmInterposer::serve_control() {
  while (wait_readable(control_.get(), stop_.get(), kNoLimit)) {
    const UniqueFd client = accept_on(control_);
    const UniqueFd server = connect_unix(tpm_path_ + ".ctrl");
    if (client.valid() && server.valid()) pump(client.get(), server.get());
  }
}

// Copies bytes both ways until one side ends.
void TpmInterposer::pump(int client, int server) const {
  std::array<std::uint8_t, kTpmMessageBytesMax> chunk{};
  for (;;) {
    std::array<pollfd, 3> all = {{{client, POLLIN, 0}, {server, POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    if (::poll(all.data(), all.size(), -1) < 0 || all[2].revents != 0) return;
    for (const std::size_t from : {0UL, 1UL}) {
      if (all[from].revents == 0) continue;
      const ssize_t got = ::recv(all[from].fd, chunk.data(), chunk.size(), 0);
      if (got <= 0 || !write_all(all[1 - from].fd, ByteView(chunk).first(static_cast<std::size_t>(got)))) return;
    }
  }
}

}  // namespace signer::test
