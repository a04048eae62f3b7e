// SPDX-License-Identifier: Apache-2.0

#include "signer/key_source.h"

#include <algorithm>
#include <condition_variable>
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
constexpr int kUnknownKidWaitersMax = 4;  // made-up kids must not hold all threads of a server during a slow fetch

// "For ever" in nanoseconds would wrap round.
template <class Duration>
Duration bounded(Duration duration) {
  constexpr std::chrono::hours kCentury{24 * 36'500};
  return std::clamp<Duration>(duration, Duration::zero(), kCentury);
}

KeySourceOptions bounded(KeySourceOptions options) {
  options.refresh_after = bounded(options.refresh_after);
  options.stale_max = std::max(bounded(options.stale_max), options.refresh_after);
  options.cooldown = bounded(options.cooldown);
  options.wait_max = bounded(options.wait_max);
  return options;
}

}  // namespace

struct KeySource::State {
  State(Fetch function, KeySourceOptions given) : fetch(std::move(function)), options(bounded(std::move(given))) {}

  struct KnownKid {
    std::string identity;
    std::uint64_t seen = 0;  // number of the set that had it last
  };

  const Fetch fetch;
  const KeySourceOptions options;

  mutable std::mutex mutex;
  std::condition_variable fetched;
  bool fetching = false;
  int waiting_for_kids = 0;
  std::optional<KeySet> set;
  steady_clock::time_point set_at;
  std::optional<steady_clock::time_point> tried_at;
  std::uint64_t fetches = 0;
  std::uint64_t failures = 0;
  std::string last_failure;
  // What each kid was seen to mean, so that one that was away does not come back as another key.
  std::map<std::string, KnownKid, std::less<>> known;
  std::uint64_t sets = 0;

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

  Result<void> fetch_now(std::unique_lock<std::mutex>& lock);
  Result<void> accept(KeySet fresh);
  void remember(const KeySet& fresh);
};

namespace {

// A fetch in flight: the lock is open and the source busy while it lives, whatever ends it.
template <class State>
class Flight {
 public:
  Flight(State& state, std::unique_lock<std::mutex>& lock) : state_(state), lock_(lock) {
    state_.fetching = true;
    lock_.unlock();
  }

  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  ~Flight() {
    lock_.lock();
    state_.fetching = false;
    state_.fetched.notify_all();
  }

 private:
  State& state_;
  std::unique_lock<std::mutex>& lock_;
};

}  // namespace

// Calls `fetch` without the lock and takes what it brought.
Result<void> KeySource::State::fetch_now(std::unique_lock<std::mutex>& lock) {
  tried_at = now();
  ++fetches;
  std::optional<KeySet> fresh;
  std::string why;
  {
    const Flight flight(*this, lock);
    try {
      const auto text = fetch();
      auto parsed = text ? KeySet::from_jwks(*text, options.rules) : Result<KeySet>(Failure<Error>{text.error()});
      if (parsed) {
        fresh = *std::move(parsed);
      } else {
        why = parsed.error().text;
      }
    } catch (...) {  // a caller's function may throw anything
      why = "key source: the fetch function threw an exception";
    }
  }
  tried_at = now();  // the pause counts from the end, or a slow source would be asked without one
  if (fresh) {
    const auto accepted = accept(*std::move(fresh));
    why = accepted ? std::string() : accepted.error().text;
  }
  last_failure = why;
  if (why.empty()) return {};
  ++failures;
  return fail(ErrorCode::kInternal, why);
}

Result<void> KeySource::State::accept(KeySet fresh) {
  for (const auto& [kid, entry] : fresh.keys().by_kid) {
    const auto before = known.find(kid);
    if (before != known.end() && before->second.identity != entry.identity) {
      return fail(ErrorCode::kInvalidRequest,
                  "key source: the key with kid " + kid +
                      " is another one than before; the old set stays.  If the issuer means it, start anew");
    }
  }
  remember(fresh);
  set = std::move(fresh);
  set_at = now();
  return {};
}

// Those that were away longest are forgotten first; never one of this set.
void KeySource::State::remember(const KeySet& fresh) {
  ++sets;
  for (const auto& [kid, entry] : fresh.keys().by_kid) known[kid] = {entry.identity, sets};
  while (known.size() > kKidsRemembered) {
    known.erase(std::min_element(known.begin(), known.end(),
                                 [](const auto& a, const auto& b) { return a.second.seen < b.second.seen; }));
  }
}

KeySourceOptions KeySourceOptions::for_file() {
  KeySourceOptions options;
  options.refresh_after = std::chrono::seconds(10);
  options.cooldown = std::chrono::seconds(1);
  return options;
}

KeySource::KeySource(Fetch fetch, KeySourceOptions options)
    : state_(std::make_unique<State>(std::move(fetch), std::move(options))) {}

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
  } catch (...) {
    return fail(ErrorCode::kInternal, {});
  }
}

Result<KeySet> KeySource::keys_newer_than(const KeySet& used) noexcept {
  try {
    std::unique_lock lock(state_->mutex);
    const bool newer = state_->set && &state_->set->keys() != &used.keys();
    if (!newer && state_->may_fetch()) {
      static_cast<void>(state_->fetch_now(lock));
    } else if (!newer && state_->fetching && state_->waiting_for_kids < kUnknownKidWaitersMax) {
      ++state_->waiting_for_kids;
      state_->wait_for_fetch(lock);
      --state_->waiting_for_kids;
    }
    return state_->current();
  } catch (...) {
    return fail(ErrorCode::kInternal, {});
  }
}

Result<void> KeySource::reload() noexcept {
  try {
    std::unique_lock lock(state_->mutex);
    state_->fetched.wait(lock, [this] { return !state_->fetching; });
    return state_->fetch_now(lock);
  } catch (...) {
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
