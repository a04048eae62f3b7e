// SPDX-License-Identifier: Apache-2.0
//
// Who is let into the queue: whoever would be served too late, or refused again, is told so at once.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <algorithm>

#include "token/token_service.h"

namespace signer::token {

namespace {

// How long a key takes to make, which is chance: primes are looked for.  And how long more, if it takes longer.
constexpr std::chrono::nanoseconds kKeyTime = std::chrono::seconds(3);
constexpr std::chrono::nanoseconds kOverrun = std::chrono::seconds(1);

}  // namespace

Failure<Refusal> TokenService::unavailable(std::string reason) {
  return refuse(ErrorCode::kTokenUnavailable, "the token cannot sign now", std::move(reason));
}

std::string TokenService::refusal_of(const Bytes& key_id) const {
  const auto found = refused_.find(key_id);
  if (found == refused_.end() || found->second.at + kDegradedFor <= clock_.steady()) return {};
  return found->second.reason;
}

Judged<void> TokenService::admit(uid_t uid, const Bytes& key_id, SteadyTime deadline) {
  const bool down = state_ == TokenState::kPinRefused || state_ == TokenState::kStopped ||
                    (state_ != TokenState::kReady && failures_ > kFailuresTolerated);
  if (down) return unavailable("token " + name() + ": " + reason_);
  if (!queue_.has_room(uid)) return refuse(ErrorCode::kOverloaded, "too many requests wait for this token");
  const SteadyTime now = clock_.steady();
  if (const auto found = refused_.find(key_id); found != refused_.end() && now < found->second.at + kRefusedFor) {
    return unavailable("token " + name() + ": " + found->second.reason);
  }
  const std::chrono::nanoseconds wait = expected_wait(uid);
  if (deadline <= now || now + wait <= deadline) return {};
  trouble_ = {now, kTooSlow};
  return Failure<Refusal>{Refusal{ErrorCode::kOverloaded,
                                  "at this token's pace the request would not be served in time", "",
                                  std::chrono::ceil<std::chrono::seconds>(wait)}};
}

// Until a job added now would be answered, at the pace of late.
std::chrono::nanoseconds TokenService::expected_wait(uid_t uid) const {
  std::size_t ahead = queue_.ahead_of(uid);
  for (const Worker& worker : workers_) ahead += worker.jobs.size();
  std::chrono::nanoseconds key_made{0};
  if (settings_.serial && generating()) {
    const auto since = clock_.steady() - (call_deadline_ - calls_.front().timeout);
    key_made = std::max<std::chrono::nanoseconds>(kKeyTime - since, kOverrun);
  }
  // Whoever finds the token idle takes nobody's turn.  If it were refused as well, a token that was slow once would
  // never be seen to be fast again by callers in a hurry.
  if (ahead == 0) return key_made;
  // Not as many as there are workers now: between two hosts there are none.
  const std::size_t rounds = ahead / std::max<std::size_t>(1, settings_.spec.sessions) + 1;
  const auto pace = pace_.known() ? pace_.mean() : settings_.assumed_pace;
  return key_made + pace * static_cast<std::int64_t>(rounds);
}

}  // namespace signer::token
