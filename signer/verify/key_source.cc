// SPDX-License-Identifier: Apache-2.0

#include "signer/key_source.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/file.h"
#include "verify/keys.h"

namespace signer {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kRetryWithoutKeys{1};  // between fetches while there is no set at all
constexpr std::size_t kKidsRemembered = 4096;

}  // namespace

struct KeySource::State {
  Fetch fetch;
  KeySourceOptions options;

  mutable std::mutex mutex;
  std::condition_variable fetched;
  bool fetching = false;
  std::optional<KeySet> set;
  steady_clock::time_point set_at;
  std::optional<steady_clock::time_point> tried_at;
  std::uint64_t fetches = 0;
  std::uint64_t failures = 0;
  std::string last_failure;
  // What each kid was seen to mean, so that one that was away does not come back as another key.
  std::map<std::string, std::string, std::less<>> thumbprints;
  std::deque<std::string> kids_by_age;

  [[nodiscard]] steady_clock::time_point now() const { return options.clock ? options.clock() : steady_clock::now(); }

  [[nodiscard]] bool usable() const { return set && now() - set_at <= options.stale_max; }

  [[nodiscard]] bool may_fetch() const {
    if (fetching) return false;
    const auto pause = usable() ? options.cooldown : std::min(options.cooldown, kRetryWithoutKeys);
    return !tried_at || now() - *tried_at >= pause;
  }

  [[nodiscard]] Result<KeySet> current() const {
    if (usable()) return *set;
    const std::string why = last_failure.empty() ? "none was fetched yet" : last_failure;
    return fail(ErrorCode::kInternal, "key source: no key set that is young enough: " + why);
  }

  void wait_for_fetch(std::unique_lock<std::mutex>& lock) {
    fetched.wait_for(lock, options.wait_max, [this] { return !fetching; });
  }

  // Calls `fetch` without the lock and takes what it brought.
  Result<void> fetch_now(std::unique_lock<std::mutex>& lock);
  Result<void> accept(KeySet fresh);
};

Result<void> KeySource::State::fetch_now(std::unique_lock<std::mutex>& lock) {
  fetching = true;
  tried_at = now();
  ++fetches;
  lock.unlock();
  Result<KeySet> fresh = fail(ErrorCode::kInternal, "key source: the fetch function threw an exception");
  try {
    auto text = fetch();
    fresh = text ? KeySet::from_jwks(*text, options.rules) : Result<KeySet>(Failure<Error>{text.error()});
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): `fresh` says so already
  }
  lock.lock();
  fetching = false;
  fetched.notify_all();
  Result<void> outcome = fresh ? accept(*std::move(fresh)) : Result<void>(Failure<Error>{fresh.error()});
  last_failure = outcome ? std::string() : outcome.error().text;
  if (!outcome) ++failures;
  return outcome;
}

Result<void> KeySource::State::accept(KeySet fresh) {
  for (const auto& [kid, entry] : fresh.keys().by_kid) {
    const auto known = thumbprints.find(kid);
    if (known != thumbprints.end() && known->second != entry.thumbprint) {
      return fail(ErrorCode::kInvalidRequest,
                  "key source: the key with kid " + kid +
                      " is another one than before; the old set stays.  If the issuer means it, start anew");
    }
  }
  for (const auto& [kid, entry] : fresh.keys().by_kid) {
    if (!thumbprints.emplace(kid, entry.thumbprint).second) continue;
    kids_by_age.push_back(kid);
    if (kids_by_age.size() <= kKidsRemembered) continue;
    thumbprints.erase(kids_by_age.front());
    kids_by_age.pop_front();
  }
  set = std::move(fresh);
  set_at = now();
  return {};
}

KeySourceOptions KeySourceOptions::for_file() {
  KeySourceOptions options;
  options.refresh_after = std::chrono::seconds(10);
  options.cooldown = std::chrono::seconds(1);
  return options;
}

KeySource::KeySource(Fetch fetch, KeySourceOptions options) : state_(std::make_unique<State>()) {
  state_->fetch = std::move(fetch);
  state_->options = std::move(options);
  state_->options.stale_max = std::max(state_->options.stale_max, state_->options.refresh_after);
}

KeySource::~KeySource() = default;

std::unique_ptr<KeySource> KeySource::from_file(std::string path, KeySourceOptions options) {
  return std::make_unique<KeySource>([path = std::move(path)] { return read_file(path, KeySet::kJwksBytesMax); },
                                     std::move(options));
}

Result<KeySet> KeySource::keys() noexcept {
  try {
    std::unique_lock lock(state_->mutex);
    const bool fresh = state_->set && state_->now() - state_->set_at < state_->options.refresh_after;
    if (fresh) return *state_->set;
    if (state_->may_fetch()) {
      static_cast<void>(state_->fetch_now(lock));  // current() tells what matters of it
    } else if (state_->fetching && !state_->usable()) {
      state_->wait_for_fetch(lock);
    }
    return state_->current();
  } catch (const std::exception&) {
    return fail(ErrorCode::kInternal, {});
  }
}

Result<KeySet> KeySource::keys_newer_than(const KeySet& used) noexcept {
  try {
    std::unique_lock lock(state_->mutex);
    const bool newer = state_->set && &state_->set->keys() != &used.keys();
    if (!newer && state_->may_fetch()) {
      static_cast<void>(state_->fetch_now(lock));
    } else if (!newer && state_->fetching) {
      state_->wait_for_fetch(lock);
    }
    return state_->current();
  } catch (const std::exception&) {
    return fail(ErrorCode::kInternal, {});
  }
}

Result<void> KeySource::reload() noexcept {
  try {
    std::unique_lock lock(state_->mutex);
    state_->fetched.wait(lock, [this] { return !state_->fetching; });
    return state_->fetch_now(lock);
  } catch (const std::exception&) {
    return fail(ErrorCode::kInternal, {});
  }
}

KeySource::Status KeySource::status() const {
  const std::lock_guard lock(state_->mutex);
  Status status;
  status.usable = state_->usable();
  if (state_->set) {
    status.age = std::chrono::duration_cast<std::chrono::seconds>(state_->now() - state_->set_at);
    status.keys = state_->set->size();
  }
  status.fetches = state_->fetches;
  status.failures = state_->failures;
  status.last_failure = state_->last_failure;
  return status;
}

}  // namespace signer
